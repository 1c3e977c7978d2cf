"""Fields as they are proposed: tried by the readers of rules themselves on every scope before one is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from scraper.config import FieldConfig
from scraper.errors import NotHtml
from scraper.rules.fields import Field, FieldState
from scraper.rules.page import Page
from scraper.suggest import shapes
from scraper.suggest.slots import Slot

#: A field that finds nothing in more of its scopes is not proposed.
_LEAST_FOUND = 0.25


class Scope(NamedTuple):
    """Where a field looks: a page, or an element of it."""

    page: Page
    within: Any = None


class Draft(NamedTuple):
    """A field that reads every scope, or finds nothing there.

    Attributes:
        name: of the field.
        config: as the YAML has it.
        values: what each scope gives; None where there is nothing.
        note: what is to be said beside it.
    """

    name: str
    config: dict[str, Any]
    values: list[Any]
    note: str = ""

    @property
    def found(self) -> float:
        """Return the part of the scopes in which it finds something."""
        return sum(value not in (None, []) for value in self.values) / max(1, len(self.values))


def values_of(config: dict[str, Any], scopes: Sequence[Scope]) -> list[Any] | None:
    """Return what a field gives in each scope; None where it fails in one, or is no field."""
    try:
        field = Field(FieldConfig.model_validate(config))
        values = []
        for scope in scopes:
            value, state, _ = field.read(scope.page, scope.within)
            if state is FieldState.FAILED:
                return None
            values.append(value)
    except (ValidationError, ValueError, NotHtml):
        return None
    return values


def drafted(name: str, configs: Iterable[dict[str, Any]], scopes: Sequence[Scope], note: str = "") -> Draft | None:
    """Return the first of several ways to read a field that fails in no scope; None where none finds enough."""
    for config in configs:
        values = values_of(config, scopes)
        if values is None:
            continue
        draft = Draft(name, config, values, note)
        if draft.found >= _LEAST_FOUND:
            return draft
    return None


def typed(source: dict[str, Any], texts: Sequence[str], attribute: str = "") -> list[dict[str, Any]]:
    """Return ways to read a source whose texts are known, the type that says most first, and text last."""
    if texts and not attribute and all(text.endswith("¶") for text in texts):
        # The sign that documentation has behind headings, which leads to them.
        return [{**source, "re": "([^¶]+)"}, source]
    plain = [source]
    if attribute in ("href", "src", "data-src", "data-original", "data-lazy-src"):
        return [{**source, "type": "url"}]
    if attribute == "datetime":
        return [{**source, "type": "date"}, *plain]
    label = shapes.label_of(texts)
    values = [shapes.without_label(text) for text in texts] if label else list(texts)
    if label:
        part = rf"{re.escape(label).replace(chr(92) + ' ', ' ')}\s?[:：]\s*(.+)"
        plain = [{**source, "re": part}, source]
        source = plain[0]
    if found := shapes.currencies(values):
        return [{**source, "type": "price" if len(found) == 1 else "money"}, {**source, "type": "money"}, *plain]
    if shapes.is_date(values):
        return [{**source, "type": "date"}, *plain]
    if form := shapes.date_format(values):
        return [{**source, "type": "date", "format": form}, *plain]
    if number := shapes.number_type(values):
        return [{**source, "type": number}, *plain]
    return plain


def in_words(source: dict[str, Any], texts: Sequence[str]) -> list[dict[str, Any]]:
    """Return ways to read what is a name: as text, also where all of them end with an amount (`Gift card 50 €`)."""
    return [way for way in typed(source, texts) if "type" not in way] or [source]


def texts_of(slot: Slot) -> list[str]:
    """Return the texts of a slot."""
    return [atom.value for one in slot.atoms for atom in one]


def same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Tell whether two fields say the same everywhere."""
    return [plain(value) for value in one] == [plain(value) for value in other]


def plain(value: Any) -> Any:
    """Return a value so that what means the same is equal: 12.0 and "12", a date with and without its hour."""
    if value is None or value == []:
        return None
    if isinstance(value, dict) and "amount" in value:
        value = value["amount"]
    if isinstance(value, list):
        return plain(" ".join(str(one) for one in value))
    if isinstance(value, bool | int | float):
        return float(value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, default=str)
    text = " ".join(str(value).split()).casefold()
    if re.fullmatch(r"-?\d{1,15}(?:\.\d+)?", text):
        return float(text)
    return text[:10] if re.fullmatch(r"\d{4}-\d\d-\d\dt.*", text) else text


def without_doubles(drafts: Iterable[Draft]) -> list[Draft]:
    """Return drafts without those that say what one before them says everywhere."""
    kept: list[Draft] = []
    for draft in drafts:
        if not any(same(draft.values, one.values) for one in kept):
            kept.append(draft)
    return kept
