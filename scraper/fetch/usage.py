"""What a site says its content may be used for, and what of one's own use it reserves. Values: no network.

Read are, of robots.txt and as headers of an answer, `Content-Signal: search=yes, ai-train=no` (contentsignals.org)
and `Content-Usage: train-ai=n` (draft-ietf-aipref-attach, draft-ietf-aipref-vocab); and the header
`tdm-reservation: 1` (TDMRep, W3C community group). What nobody speaks of is neither allowed nor reserved. Of several
statements about the same page the more restrictive one holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scraper.lazy_pattern import lazy_pattern

#: By use, whether it is allowed.
Preferences = Mapping[str, bool]

NONE: Preferences = {}
#: Uses, by all their names.
_NAMES = {
    "search": "search",
    "ai-input": "ai-input",
    "ai-train": "ai-train",
    "train-ai": "ai-train",
    "tdm": "tdm",
}
_YES, _NO = frozenset({"yes", "y", "true", "allow", "1"}), frozenset({"no", "n", "false", "disallow", "0"})
#: However they are parted: by commas, as it should be, by semicolons or spaces.
_STATEMENT = lazy_pattern(
    r"(?<![^\s,;])([A-Za-z][\w-]{0,99})\s{0,9}=\s{0,9}[\"'?]?(\w{1,99})[\"']?"
    r"(?=\s{0,9}(?:[,;]|\Z)|\s{1,9}[\w-]{1,99}\s{0,9}=)"
)
#: A reservation of text and data mining is one of training, too: that is mining.
_TDM = ("tdm", "ai-train")
_HEADERS = ("Content-Signal", "Content-Usage", "tdm-reservation")
#: No honest value is longer.
_LONGEST = 1_000


def statement_of(value: str) -> Preferences:
    """Return what a Content-Signal or Content-Usage says; parts that are not understood say nothing."""
    found: dict[str, bool] = {}
    for said in _STATEMENT.finditer(value[:_LONGEST]):
        use, word = _NAMES.get(said[1].lower().replace("_", "-")), said[2].lower()
        if use is not None and word in _YES | _NO:
            found[use] = found.get(use, True) and word in _YES
    return found


def said_in(headers: Mapping[str, str]) -> Preferences:
    """Return what the headers of an answer say."""
    found: list[Preferences] = [statement_of(headers[name]) for name in _HEADERS[:2] if name in headers]
    if "1" in map(str.strip, headers.get(_HEADERS[2], "").split(",")):
        found.append(dict.fromkeys(_TDM, False))
    return together(found) if found else NONE


def together(statements: Iterable[Preferences]) -> Preferences:
    """Return what several statements come to: what one of them reserves is reserved."""
    found: dict[str, bool] = {}
    for each in statements:
        for use, is_allowed in each.items():
            found[use] = found.get(use, True) and is_allowed
    return found


def together_with(said: Preferences, headers: Mapping[str, str]) -> Preferences:
    """Return what was said before, and what the headers of an answer say besides."""
    more = said_in(headers)
    return together((said, more)) if said and more else said or more


def reserved(said: Preferences, uses: Iterable[str]) -> list[str]:
    """Return which of one's own uses are reserved."""
    return [use for use in uses if not said.get(use, True)]


def in_words(said: Preferences) -> str:
    """Return preferences as text, as the store keeps it: `ai-train=no, search=yes`."""
    return ", ".join(f"{use}={'yes' if said[use] else 'no'}" for use in sorted(said))
