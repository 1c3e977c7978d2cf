"""What to look at after a run: names of the YAML that fitted nothing, and links that pages asked not to follow.

Where only rules make items such names are errors of `scraper check` (`scraper.config.checks.names`); where a spider
makes them, only a run can tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from scraper.config import SiteConfig
from scraper.health import Health
from scraper.lazy_dataclass import dataclass

#: Names that are shown where none is near.
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run saw.

    Attributes:
        pages: how many pages were done.
        health: the fields of its items, by type.
        filled_before: by type, the fields that some earlier run had filled.
        matched: the numbers of the rules that were for a page.
        unread: how many pages have JSON-LD that rules could not read, under an empty text; and an example.
        doubles: by type, how many items had the key of one before.
        nofollow: how many links were left out since their page says nofollow.
    """

    pages: int
    health: Health
    filled_before: Mapping[str, Collection[str]]
    matched: Collection[int]
    unread: Mapping[str, int]
    doubles: Mapping[str, int]
    nofollow: int


def advice(config: SiteConfig, seen: Seen) -> list[str]:
    """Return what is worth a warning, a sentence each, with what to do; nothing where all fits."""
    found = [*_nofollow(seen), *_rules(config, seen), *_json_ld(seen)]
    if seen.health:
        found += [*_types(config, seen.health), *_fields(config, seen.health), *_empty(seen)]
    return [*found, *_doubles(seen)]


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the nearest known name as a question, else some of those there are."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    listed = ", ".join(sorted(known)[:_SHOWN])
    return f"there {'is' if len(known) == 1 else 'are'} {listed}{', …' if len(known) > _SHOWN else ''}"


def _nofollow(seen: Seen) -> Iterator[str]:
    if seen.nofollow:
        what = (
            "link was not followed, since its page says"
            if seen.nofollow == 1
            else ("links were not followed, since their pages say")
        )
        yield (
            f"{seen.nofollow:,} {what} nofollow (<meta name=robots> or X-Robots-Tag): "
            "politeness.nofollow: ignore follows them"
        )


def _rules(config: SiteConfig, seen: Seen) -> Iterator[str]:
    for number, rule in enumerate(config.rules if seen.pages else ()):
        if number not in seen.matched:
            match = rule.match.glob or rule.match.regex or rule.match.selector
            pages = "the one page" if seen.pages == 1 else f"any of {seen.pages:,} pages"
            yield f"rules[{number}] (match: {match}) is not for {pages}: try it by scraper rules test SITE.yaml URL"


def _json_ld(seen: Seen) -> Iterator[str]:
    if seen.unread:
        count = seen.unread.get("", 0)
        pages = "one page" if count == 1 else f"{count:,} pages"
        example = min(filter(None, seen.unread), default="")
        yield f"JSON-LD of {pages} cannot be read, as {example}: try it by scraper rules test SITE.yaml URL"


def _types(config: SiteConfig, health: Health) -> Iterator[str]:
    for kind in config.items:
        if kind not in health:
            yield f"items.{kind}: no item is of this type; {did_you_mean(kind, health)}"
    for number, export in enumerate(config.exports):
        if export.item is not None and export.item not in health:
            yield f"exports[{number}].item: no item is of type {export.item}; {did_you_mean(export.item, health)}"


def _fields(config: SiteConfig, health: Health) -> Iterator[str]:
    for kind, item in config.items.items():
        names = health[kind].fields if kind in health else {}
        for name in dict.fromkeys((*item.key, *item.fields)) if names else ():
            if name not in names:
                key = "key" if name in item.key else "fields"
                what = ", so that none is known again" if key == "key" else ""
                yield f"items.{kind}.{key}: no item has a field {name}{what}; {did_you_mean(name, names)}"
    for number, export in enumerate(config.exports):
        kinds = [export.item] if export.item is not None else list(health)
        known = {name for kind in kinds if kind in health for name in health[kind].fields}
        for name in export.fields or () if known else ():
            if name not in known:
                yield f"exports[{number}].fields: no item has a field {name}; {did_you_mean(name, known)}"


def _empty(seen: Seen) -> Iterator[str]:
    """A field that was filled before is one that died, and told of as such."""
    for kind, sums in sorted(seen.health.items()):
        for name, field in sorted(sums.fields.items()):
            if not field.filled and not field.failed and name not in seen.filled_before.get(kind, ()):
                items = "the one item" if sums.items == 1 else f"all {sums.items:,} items"
                yield f"{kind}.{name} is empty in {items}: look at its selector by scraper shell --site SITE.yaml URL"


def _doubles(seen: Seen) -> Iterator[str]:
    for kind, count in sorted(seen.doubles.items()):
        yield (
            f"{count:,} {kind} {'item has' if count == 1 else 'items have'} the key of one before: "
            f"more fields in items.{kind}.key tell them apart, the pipeline scraper.pipes:Unique drops them"
        )
