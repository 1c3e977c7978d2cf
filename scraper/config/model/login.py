"""The section `login` of a site's YAML: where the form is, what is filled in, what tells in from out."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from scraper.config.model.frozen import Frozen
from scraper.config.types import addresses, kinds
from scraper.config.types.kinds import Text, optional, text, wrong
from scraper.config.types.selectors import BadSelector, read_css
from scraper.config.yaml.scalars import typed

_PLACES = ("/", "http://", "https://")
_SIGN = "a CSS selector, a status such as 403, or {redirect: /PATH}"


def _place(value: Any) -> str:
    """Return a path, or an absolute URL."""
    found = text(value)
    if found.startswith("/") and not found.startswith("//"):
        return found
    if found.startswith(_PLACES[1:]):
        return addresses.start_url(found)
    raise wrong("a path such as /account, or a URL", remedy="begin it with / or https://")


def _selector(value: Any) -> str:
    """Return a CSS selector that finds elements of a page."""
    found = text(value)
    try:
        query = read_css(found)
    except BadSelector as error:
        raise wrong("a CSS selector", remedy=str(error)) from None
    if query.is_part:
        raise wrong("a CSS selector of an element", remedy="leave out what follows ::")
    return query.selector


def _form_selector(value: Any) -> str:
    """Return a CSS selector for a form of the page's soup."""
    import soupsieve  # takes longer to import than all the rest, and few crawls log in

    found = text(value)
    try:
        soupsieve.compile(found)
    except (soupsieve.SelectorSyntaxError, ValueError, NotImplementedError):
        raise wrong("a CSS selector such as form#login") from None
    return found


def _proof(value: Any) -> str:
    """Return what tells that a login went well: a place where it ends, or a selector."""
    return _place(value) if isinstance(value, str) and value.startswith(_PLACES) else _selector(value)


def _signs(value: Any) -> Any:
    """Return a list of signs; one of them may stand without brackets."""
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Mapping):
        # What is wrong with it is said here: it has no place in a list of the file.
        if len(value) != 1 or not set(value) <= set(_READERS):
            raise wrong(_SIGN, remedy="several signs are a list")
        value = {name: _READERS[name](inner) for name, inner in value.items()}
    return [] if typed(value) is None else [value]


def _field_value(value: Any) -> str:
    """Return what is written into a field."""
    if isinstance(value, str):
        return str(value)
    raise wrong("text", remedy="put it in quotes")


def _form(value: Any) -> Any:
    if isinstance(value, Mapping) and not value:
        raise wrong("the fields that are filled in", remedy='write {username: "${USER}", password: "${PASSWORD}"}')
    return value


_status = kinds.whole(300, 599)
_READERS = {"selector": _selector, "status": _status, "redirect": _place}
_OptionalSelector = Annotated[str | None, BeforeValidator(optional(_selector))]
_OptionalStatus = Annotated[
    int | None,
    BeforeValidator(optional(_status)),
    WithJsonSchema({"type": ["integer", "null"], "minimum": 300, "maximum": 599}),
]


class LoggedOut(Frozen):
    """A sign that a page was fetched logged out."""

    selector: _OptionalSelector = Field(None, description="The page holds what this CSS selector finds.")
    status: _OptionalStatus = Field(None, description="The answer has this status, such as 401, 403 or 419.")
    redirect: Annotated[str | None, BeforeValidator(optional(_place))] = Field(
        None, description="The answer redirects to this path or URL."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_scalar(cls, value: Any) -> Any:
        given = typed(value)
        if isinstance(given, int) and not isinstance(given, bool):
            return {"status": _status(given)}
        if isinstance(value, str):
            return {"selector": _selector(value)}
        if isinstance(value, Mapping):
            if set(value) <= set(_READERS) and len(value) != 1:
                raise wrong(_SIGN, remedy="one of them; several signs are a list")
        elif not isinstance(value, BaseModel):
            raise wrong(_SIGN)
        return value

    def written(self) -> int | str | dict[str, str]:
        if self.redirect is not None:
            return {"redirect": self.redirect}
        return self.status if self.status is not None else str(self.selector)


class _ShortSign:
    """Tells the JSON Schema that a sign may also be written as one text or one number."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        short = {"type": ["string", "integer"], "description": "A CSS selector, or a status."}
        return {"anyOf": [short, handler(schema)]}


class _OneOrMore:
    """Tells the JSON Schema that one sign may stand without brackets."""

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        several = handler(schema)
        return {"anyOf": [several, several["items"], {"type": "null"}]}


class LoginConfig(Frozen):
    """How to log in: done before the first page of the domain of `url`, and again when the session has ended."""

    url: addresses.StartUrl = Field(description="The page with the login form.")
    form: Annotated[dict[Text, Annotated[str, BeforeValidator(_field_value)]], BeforeValidator(_form)] = Field(
        description="What is filled in, by the fields' names; all else is sent as the page has it. Never shown."
    )
    selector: Annotated[str | None, BeforeValidator(optional(_form_selector))] = Field(
        None, description="A CSS selector of the form, where its fields do not tell it from others."
    )
    extra: dict[Text, Annotated[str, BeforeValidator(_field_value)]] = Field(
        default_factory=dict,
        description="What is sent beside the form's own fields, as its scripts add it. Never shown.",
    )
    ok: Annotated[str | None, BeforeValidator(optional(_proof))] = Field(
        None,
        description="What tells that it went well: a CSS selector that finds something on the page where it ends, or "
        "that page's path or URL; by default that the form is not there any more.",
    )
    when: Annotated[tuple[Annotated[LoggedOut, _ShortSign()], ...], BeforeValidator(_signs), _OneOrMore()] = Field(
        (),
        description="What tells that a page was fetched logged out: a CSS selector, a status, {redirect: /PATH}, or "
        "a list of these. A redirect to `url` always does.",
    )

    @property
    def ok_is_place(self) -> bool:
        """Tell whether `ok` is a path or URL, and no selector."""
        return self.ok is not None and self.ok.startswith(_PLACES)
