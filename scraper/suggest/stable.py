"""Which names of a page's markup last: classes and ids that a person wrote, not what a build or a database made."""

from __future__ import annotations

import re
from functools import lru_cache

#: Made by tools that write style sheets: css-1x2y3z, sc-bdVaJa, jss12, svelte-1x2y3z.
_BY_TOOLS = re.compile(
    r"(?:css|sc|jss|jsx|svelte|emotion|astro|styled|chakra|makeStyles|Mui\w+|ng|_ngcontent|_nghost|data-v)"
    r"(?:-[A-Za-z0-9_-]*\d[\w-]*|-[a-z0-9]{5,}|-?[a-z]{2}[A-Z]\w+|\d+)"
)
_USABLE = re.compile(r"-?[A-Za-z_][\w-]*", re.ASCII)
#: How CSS modules name a class: what was written, two underscores, a hash.
_MODULE = re.compile(r"(?P<written>[A-Za-z][A-Za-z0-9]*_{1,2}(?:[A-Za-z][\w-]*?_{2,3})?)(?P<hash>[A-Za-z0-9+-]{5,8})")
_NUMBERED = re.compile(r".*[-_]?\d{2,}")
#: Names that say how something looks, as Tailwind and Bootstrap have them.
_LOOKS = re.compile(
    r"-?(?:[mp][trblxyse]?|gap|w|h|min-[wh]|max-[wh]|top|left|right|bottom|inset|z|order|basis|space-[xy]|leading|"
    r"tracking|text|bg|border|rounded|shadow|opacity|flex|grid|col|row|items|justify|self|content|place|float|"
    r"overflow|font|align|d|g|fs|fw|lh|ring|divide|transition|duration|cursor|object|aspect|line-clamp|offset)"
    r"(?:-[\w./%-]+)?|container(?:-fluid)?|block|inline(?:-\w+)?|hidden|relative|absolute|fixed|sticky|static|"
    r"truncate|uppercase|lowercase|capitalize|italic|underline|antialiased|clearfix|pull-\w+|sr-only|"
    r"visually-hidden|small|bold|center|link|btn|button"
)
#: Names that say in what state something is, or where it stands.
_STATES = frozenset(
    "active current selected first last odd even open closed new sale featured visible collapsed disabled hover sold "
    "promoted sticky alternate alt".split()
)
_VOWEL = re.compile(r"[aeiouyAEIOUY]")


@lru_cache(8192)
def is_stable(name: str) -> bool:
    """Tell whether a class or id is likely to be there tomorrow, and on the next page."""
    if not _USABLE.fullmatch(name) or _BY_TOOLS.fullmatch(name) or len(name) > 60:
        return False
    if _NUMBERED.fullmatch(name) or (_MODULE.fullmatch(name) and module_prefix(name)):
        return False
    return not any(_is_hash(part) for part in re.split(r"[-_]+", name))


@lru_cache(8192)
def is_presentational(name: str) -> bool:
    """Tell whether a class says how something looks or in what state it is: no sign of what it holds."""
    return _LOOKS.fullmatch(name) is not None or name.lower() in _STATES or name.startswith(("is-", "has-", "js-"))


def stable_classes(value: str | None) -> list[str]:
    """Return the classes of an element by which it can be found again, those that say what it is."""
    return [name for name in dict.fromkeys((value or "").split()) if is_stable(name) and not is_presentational(name)]


@lru_cache(8192)
def module_prefix(name: str) -> str:
    """Return the part that somebody wrote of a class of CSS modules, `Card_title__` of `Card_title__x1Y2z`; or ''."""
    match = _MODULE.fullmatch(name)
    return match["written"] if match and _is_hash(match["hash"]) and "__" in match["written"] else ""


def _is_hash(part: str) -> bool:
    """Tell whether a part of a name is letters and digits at random: 1x2y3z, bXkZq."""
    if part.isupper() and part.isalpha():
        return not _VOWEL.search(part) and len(part) >= 6
    if len(part) < 5:
        return bool(re.fullmatch(r"\d+[A-Za-z]\w*|[A-Za-z]\d[A-Za-z]\w*", part))
    digits = sum(one.isdigit() for one in part)
    if digits and not re.fullmatch(r"[A-Za-z]+\d{1,2}", part):
        return True
    capitals = sum(one.isupper() for one in part[1:])
    if capitals and not re.fullmatch(r"[A-Z]?[a-z]+(?:[A-Z]+[a-z]*)*", part):
        return True
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", part)
    if capitals >= 2 and sum(map(len, words)) / len(words) < 3:
        return True
    return (not _VOWEL.search(part) and len(part) >= 6) or bool(re.search(r"[bcdfghjklmnpqrstvwxz]{6}", part.lower()))
