"""Forms: found by the fields that they hold, filled, and turned into what a browser would send.

Source: HTML Standard, 4.10.21.3 "form submission algorithm" and 4.10.21.4 "constructing the entry list"
(https://html.spec.whatwg.org/multipage/form-control-infrastructure.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scraper import urls
from scraper.lazy_dataclass import dataclass
from scraper.parse.encoders import output_of
from scraper.parse.forms.controls import Control, controls_of, normalized, value_of
from scraper.parse.forms.errors import FormError, short, told
from scraper.parse.forms.fill import Values, entries_of, given_to, pressed, values_of
from scraper.parse.forms.owners import MARK, Marked, number_of
from scraper.parse.labels import encoding_of
from scraper.parse.lexbor import make_tree
from scraper.parse.links import Joiner, base_of

__all__ = ["FilledForm", "FormError", "find_form"]

_ENCTYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


@dataclass(frozen=True)
class FilledForm:
    """A form as a browser would send it.

    `action` is absolute and has no fragment; for GET it has no query either, for `fields` become its query. `fields`
    are in the page's order, line ends as CR LF, a file input that has none as `NoFile`; they hold passwords and
    tokens, so the repr leaves them out. `encoding` is that in which they are sent.
    """

    action: str
    method: Literal["GET", "POST"]
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    enctype: str = _ENCTYPES[0]
    encoding: str = "utf-8"


def find_form(
    markup: str,
    page_url: str,
    fields: Mapping[str, Any],
    selector: str | None = None,
    *,
    encoding: str = "utf-8",
    extra: Mapping[str, Any] | None = None,
) -> FilledForm:
    """Return the form of a page that holds all of `fields`, filled in.

    Of several the first one with a password field is taken, else the first one. All else is sent as the page has it:
    hidden fields, boxes that are checked, options that are selected, and the first submit button.

    A field that is named is sent even where the page has it disabled, as scripts enable fields. A box is checked by
    its value or by `on`, `true`, `yes`, `1`, and left by `off`, `false`, `no`, `0` or nothing; an option is selected
    by its value or its text; a submit button is pressed by its name, with its value or nothing. Numbers, True and
    False are taken as text; a list fills the fields of one name in their order, or chooses several boxes or options.

    Args:
        markup: the page.
        page_url: its URL, absolute.
        fields: what is filled in, by the fields' names.
        selector: a CSS selector of the form, or of anything in it.
        encoding: the page's encoding, in which the form is sent unless it has an `accept-charset`.
        extra: what is sent beside the form's own fields, as scripts add it.

    Raises:
        FormError: no form has the fields, the selector finds none, a value is not a choice of its field or nothing
            that can be sent, or the form is not sent to http(s).
    """
    wanted, more = values_of(fields), values_of(extra or {})
    marked = Marked(markup)
    tree = make_tree(marked.text)
    forms = _forms_of(tree, marked)
    if selector is not None:
        forms = _selected(marked, forms, selector, page_url)
    holding = [form for form in forms if form.names.issuperset(wanted)]
    if not holding:
        raise _none_holds(forms, fields, page_url)
    chosen = next((form for form in holding if form.has_password), holding[0])
    return _submitted(chosen, tree, page_url, encoding, wanted, more)


# Finding ----------------------------------------------------------------------------------------------------


class _Form:
    """A form with the controls that it owns, in the page's order."""

    def __init__(self, element: LexborNode) -> None:
        self.element = element
        self.controls: list[Control] = []

    @property
    def names(self) -> set[str]:
        return {control.name for control in self.controls if control.is_field}

    @property
    def has_password(self) -> bool:
        return any(control.kind == "password" for control in self.controls)

    def __str__(self) -> str:
        name = value_of(self.element, "id") or value_of(self.element, "name")
        holds = told([short(control.name) for control in self.controls if control.is_field]) or "no named field"
        return f"form {name[:60]!r} ({holds})" if name else f"a form ({holds})"


def _forms_of(tree: LexborHTMLParser, marked: Marked) -> list[_Form]:
    """Return the forms that can be sent; `<dialog>` forms are not."""
    forms = {element.mem_id: _Form(element) for element in tree.css("form")}
    for control in controls_of(tree, marked):
        if control.form is not None:
            forms[control.form.mem_id].controls.append(control)
    return [form for form in forms.values() if value_of(form.element, "method").lower() != "dialog"]


def _selected(marked: Marked, forms: list[_Form], selector: str, page_url: str) -> list[_Form]:
    """Return the form that a selector finds, by BeautifulSoup's selectors."""
    from soupsieve import SelectorSyntaxError

    from scraper.parse.soup.make import make_soup

    try:
        found = make_soup(marked.text).select_one(selector)
    except SelectorSyntaxError as error:
        raise FormError(
            f"{selector!r} is no CSS selector: {str(error).splitlines()[0]}",
            remedy="correct the selector of the form",
        ) from None
    if found is not None:
        beside = (found, found.find_parent("form"), found.find("form"))
        numbers = [element.get(MARK) for element in beside if element is not None]
        for number in numbers:
            for form in forms:
                own = {number_of(form.element), *(control.number for control in form.controls)}
                if number is not None and str(number) in map(str, own):
                    return [form]
    what = "finds no form" if found is not None else "finds nothing"
    has = told([str(form) for form in forms], " and ") or "none"
    raise FormError(
        f"the selector {selector!r} {what} on {page_url}; its forms: {has}",
        remedy="correct the selector, or leave it out: the form is found by its fields",
    )


def _none_holds(forms: Sequence[_Form], fields: Mapping[str, str], page_url: str) -> FormError:
    wanted = told([short(name) for name in fields]) or "the fields"
    if not forms:
        return FormError(
            f"{page_url} has no form, so none with {wanted}",
            remedy="check the URL of the form; one that scripts make is not in the page",
        )
    return FormError(
        f"no form on {page_url} has all of {wanted}; it has {told([str(form) for form in forms], ' and ')}",
        remedy="name the fields as the page does, by their `name` attributes",
    )


# Sending ----------------------------------------------------------------------------------------------------


def _submitted(
    form: _Form, tree: LexborHTMLParser, page_url: str, encoding: str, wanted: Values, extra: Values
) -> FilledForm:
    given = given_to(form.controls, wanted)
    button = pressed(form.controls, given)
    source = button.element if button is not None else None
    method = _attribute(source, "formmethod", form.element, "method").lower()
    enctype = _attribute(source, "formenctype", form.element, "enctype").lower()
    written = _attribute(source, "formaction", form.element, "action").strip()
    # No action means the page's own address, and `<base>` makes no difference then.
    joiner = Joiner(base_of(tree, page_url), encoding)
    action = urls.resolve(joiner.escaped(written), joiner.base_url) if written else urls.resolve(page_url)
    if action is None or urls.scheme_of(action) not in ("http", "https"):
        raise FormError(
            f"{form} on {page_url} is sent to {written[:200]!r}, which is not an http or https URL",
            remedy="a script sends this form: send what it would in code",
        )
    action = urls.without_fragment(action)
    sent_in = _encoding_of(form.element, encoding)
    own = [entry for control in form.controls for entry in entries_of(control, given, button, sent_in)]
    added = [(name, value) for name, values in extra.items() for value in values.texts]
    entries = tuple((normalized(name), _with_line_ends(value)) for name, value in [*own, *added])
    if method != "post":
        return FilledForm(action.partition("?")[0], "GET", entries, encoding=sent_in)
    return FilledForm(action, "POST", entries, enctype if enctype in _ENCTYPES else _ENCTYPES[0], sent_in)


def _with_line_ends(value: str) -> str:
    return normalized(value) if "\n" in value or "\r" in value else value


def _encoding_of(form: LexborNode, page: str) -> str:
    """Return the encoding that a form is sent in (HTML Standard, 4.10.21.5 "pick an encoding for the form")."""
    accepted = value_of(form, "accept-charset")
    if "accept-charset" not in form.attributes:
        return output_of(page)
    names = (encoding_of(label) for label in accepted.split())
    return output_of(next((name for name in names if name is not None), "utf-8"))


def _attribute(button: LexborNode | None, of_button: str, form: LexborNode, of_form: str) -> str:
    """Return an attribute of the form, which its button can override."""
    if button is not None and of_button in button.attributes:
        return value_of(button, of_button)
    return value_of(form, of_form)
