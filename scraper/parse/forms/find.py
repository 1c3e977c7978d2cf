"""Forms: found by the fields that they hold, filled, and turned into what a browser would send.

Source: HTML Standard, 4.10.21.3 "form submission algorithm" and 4.10.21.4 "constructing the entry list"
(https://html.spec.whatwg.org/multipage/form-control-infrastructure.html).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Literal

from bs4 import BeautifulSoup, Tag
from soupsieve import SelectorSyntaxError

from scraper import urls
from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.parse.forms.controls import Control, controls_of, normalized, value_text

_ENCTYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_YES = frozenset({"on", "true", "yes", "1"})
_NO = frozenset({"", "off", "false", "no", "0"})
#: How many names, and how much of each, an error tells.
_TOLD = 12
_TOLD_CHARACTERS = 60


class FormError(ScraperError):
    """A page has no form that can be filled in as asked."""


@dataclass(frozen=True)
class FilledForm:
    """A form as a browser would send it.

    `action` is absolute and has no fragment; for GET it has no query either, for `fields` become its query. `fields`
    are in the page's order, line ends as CR LF; they hold passwords and tokens, so the repr leaves them out.
    """

    action: str
    method: Literal["GET", "POST"]
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    enctype: str = _ENCTYPES[0]


def find_form(
    soup: BeautifulSoup, page_url: str, fields: Mapping[str, str], selector: str | None = None
) -> FilledForm:
    """Return the form of a page that holds all of `fields`, filled in.

    Of several the first one with a password field is taken, else the first one. All else is sent as the page has it:
    hidden fields, boxes that are checked, options that are selected, and the first submit button.

    A field that is named is sent even where the page has it disabled, as scripts enable fields. A box is checked by
    its value or by `on`, `true`, `yes`, `1`, and left by `off`, `false`, `no`, `0` or nothing; an option is selected
    by its value or its text; a submit button is pressed by its name, with its value or nothing.

    Args:
        soup: the page.
        page_url: its URL, absolute.
        fields: what is filled in, by the fields' names.
        selector: a CSS selector of the form, or of anything in it.

    Raises:
        FormError: no form has the fields, the selector finds none, a value is not a choice of its field, or the form
            is not sent to http(s).
    """
    forms = _forms_of(soup)
    if selector is not None:
        forms = _selected(soup, forms, selector, page_url)
    holding = [form for form in forms if form.names.issuperset(fields)]
    if not holding:
        raise _none_holds(forms, fields, page_url)
    chosen = next((form for form in holding if form.has_password), holding[0])
    return _submitted(chosen, _base_of(soup, page_url), page_url, fields)


# Finding ----------------------------------------------------------------------------------------------------


class _Form:
    """A form with the controls that it owns, in the page's order."""

    def __init__(self, element: Tag) -> None:
        self.element = element
        self.controls: list[Control] = []

    @property
    def names(self) -> set[str]:
        return {control.name for control in self.controls if control.is_field}

    @property
    def has_password(self) -> bool:
        return any(control.kind == "password" for control in self.controls)

    def __str__(self) -> str:
        name = value_text(self.element, "id") or value_text(self.element, "name")
        holds = _told([_short(control.name) for control in self.controls if control.is_field]) or "no named field"
        return f"form {name[:_TOLD_CHARACTERS]!r} ({holds})" if name else f"a form ({holds})"


def _forms_of(soup: BeautifulSoup) -> list[_Form]:
    """Return the forms that can be sent; `<dialog>` forms are not."""
    forms = {id(element): _Form(element) for element in soup.find_all("form")}
    for control in controls_of(soup):
        if control.form is not None and id(control.form) in forms:
            forms[id(control.form)].controls.append(control)
    return [form for form in forms.values() if value_text(form.element, "method").lower() != "dialog"]


def _selected(soup: BeautifulSoup, forms: list[_Form], selector: str, page_url: str) -> list[_Form]:
    try:
        found = soup.select_one(selector)
    except SelectorSyntaxError as error:
        raise FormError(
            f"{selector!r} is no CSS selector: {str(error).splitlines()[0]}",
            remedy="correct the selector of the form",
        ) from None
    if found is not None:
        for form in forms:
            if found is form.element or any(found is control.element for control in form.controls):
                return [form]
        around = found.find_parent("form")
        inside = found.find("form")
        for form in forms:
            if form.element is around or (around is None and form.element is inside):
                return [form]
    what = "finds no form" if found is not None else "finds nothing"
    has = _told([str(form) for form in forms], " and ") or "none"
    raise FormError(
        f"the selector {selector!r} {what} on {page_url}; its forms: {has}",
        remedy="correct the selector, or leave it out: the form is found by its fields",
    )


def _none_holds(forms: Sequence[_Form], fields: Mapping[str, str], page_url: str) -> FormError:
    wanted = _told([_short(name) for name in fields]) or "the fields"
    if not forms:
        return FormError(
            f"{page_url} has no form, so none with {wanted}",
            remedy="check the URL of the form; one that scripts make is not in the page",
        )
    return FormError(
        f"no form on {page_url} has all of {wanted}; it has {_told([str(form) for form in forms], ' and ')}",
        remedy="name the fields as the page does, by their `name` attributes",
    )


def _told(texts: Sequence[str], between: str = ", ") -> str:
    unique = list(dict.fromkeys(texts))
    return between.join(unique[:_TOLD]) + (f"{between}{len(unique) - _TOLD} more" if len(unique) > _TOLD else "")


def _short(name: str) -> str:
    return repr(name if len(name) <= _TOLD_CHARACTERS else f"{name[:_TOLD_CHARACTERS]}…")


def _base_of(soup: BeautifulSoup, page_url: str) -> str:
    """Return where relative actions start (HTML Standard, 2.4.3), as `parse.links.base_of` has it for the other
    tree.
    """
    base = soup.select_one("base[href]")
    target = urls.normalize(value_text(base, "href"), page_url) if base is not None else None
    if target is None or urls.scheme_of(target) in ("data", "javascript"):
        return page_url
    return target


# Filling ----------------------------------------------------------------------------------------------------


def _submitted(form: _Form, base_url: str, page_url: str, fields: Mapping[str, str]) -> FilledForm:
    given = _given(form.controls, fields)
    button = _pressed(form.controls, given)
    entries = tuple(
        (normalized(name), normalized(value))
        for control in form.controls
        for name, value in _entries_of(control, given, button)
    )
    source = button.element if button is not None else None
    method = _attribute(source, "formmethod", form.element, "method").lower()
    enctype = _attribute(source, "formenctype", form.element, "enctype").lower()
    written = _attribute(source, "formaction", form.element, "action").strip()
    # No action means the page's own address, and `<base>` makes no difference then.
    action = urls.normalize(written, base_url) if written else urls.normalize(page_url)
    if action is None or urls.scheme_of(action) not in ("http", "https"):
        raise FormError(
            f"{form} on {page_url} is sent to {written[:200]!r}, which is not an http or https URL",
            remedy="a script sends this form: send what it would in code",
        )
    action = urls.without_fragment(action)
    if method != "post":
        return FilledForm(action.partition("?")[0], "GET", entries)
    return FilledForm(action, "POST", entries, enctype if enctype in _ENCTYPES else _ENCTYPES[0])


def _attribute(button: Tag | None, of_button: str, form: Tag, of_form: str) -> str:
    """Return an attribute of the form, which its button can override."""
    if button is not None and button.has_attr(of_button):
        return value_text(button, of_button)
    return value_text(form, of_form)


def _given(controls: Sequence[Control], fields: Mapping[str, str]) -> dict[int, str]:
    """Return the values that are filled in, by the control that takes them.

    Several controls may have one name: a box with a hidden field before it, a group of radio buttons. What a person
    would choose with comes before what a person would write in, and that before what is hidden.
    """
    named: dict[str, list[Control]] = {name: [] for name in fields}
    for control in controls:
        if control.is_field and control.name in named:
            named[control.name].append(control)
    given: dict[int, str] = {}
    for name, value in fields.items():
        for kinds in ({"checkbox", "radio"}, {"select"}, {"submit", "image"}):
            takers = [control for control in named[name] if control.kind in kinds]
            if takers:
                given |= _choices(takers, name, value)
                break
        else:
            written = [control for control in named[name] if control.kind != "hidden"]
            given[id((written or named[name])[0])] = value
    return given


def _choices(takers: Sequence[Control], name: str, value: str) -> dict[int, str]:
    """Return what becomes of controls that offer choices; a control that is given "" is not sent."""
    if takers[0].kind == "select":
        for option_value, text in takers[0].options:
            if value in (option_value, text):
                return {id(takers[0]): option_value}
        raise _no_choice(name, value, [option_value for option_value, _ in takers[0].options])
    if takers[0].kind in ("submit", "image"):
        pressed = next((taker for taker in takers if taker.value == value), takers[0])
        if value not in ("", pressed.value) and pressed.kind == "submit":
            raise _no_choice(name, value, [taker.value for taker in takers])
        return {id(pressed): "pressed"}
    checked = [taker for taker in takers if taker.value == value]
    if not checked and value.lower() in _YES and len(takers) == 1:
        checked = [takers[0]]
    if not checked and value.lower() not in _NO:
        raise _no_choice(name, value, [taker.value for taker in takers])
    return {id(taker): taker.value if taker in checked[:1] else "" for taker in takers}


def _no_choice(name: str, value: str, values: Sequence[str]) -> FormError:
    """Return the error; the value is told, for what is chosen from a list on a page is not a secret."""
    choices = _told([_short(choice) for choice in values]) or "none"
    return FormError(
        f"the field {_short(name)} has no choice {_short(value)}; it has {choices}", remedy="give one of these"
    )


def _pressed(controls: Sequence[Control], given: Mapping[int, str]) -> Control | None:
    """Return the button that submits the form: the one named, else the first that is not disabled."""
    buttons = [control for control in controls if control.kind in ("submit", "image")]
    asked = next((button for button in buttons if id(button) in given), None)
    return asked or next((button for button in buttons if not button.is_disabled), None)


def _entries_of(control: Control, given: Mapping[int, str], button: Control | None) -> Iterator[tuple[str, str]]:
    """Return what one control adds to the entry list (HTML Standard, 4.10.21.4, step 5)."""
    value = given.get(id(control))
    if control.kind == "button" or (control.kind in ("submit", "image") and control is not button):
        return
    if control.kind == "image":  # where it was clicked on
        prefix = f"{control.name}." if control.name else ""
        yield f"{prefix}x", "0"
        yield f"{prefix}y", "0"
    elif not control.name or (control.is_disabled and value is None):
        return
    elif control.kind in ("checkbox", "radio"):
        if control.is_checked if value is None else value:
            yield control.name, control.value
    elif control.kind == "select":
        for selected in control.selected if value is None else [value]:
            yield control.name, selected
    elif control.kind == "submit" or value is None:
        yield control.name, "UTF-8" if control.is_charset else control.value
    else:
        yield control.name, value
    if control.direction and control.name:
        yield control.direction
