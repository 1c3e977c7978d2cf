"""A suggestion as YAML: what was looked at, what each selector found, and rules that can be crawled as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from scraper.observe.text import counted, plain
from scraper.suggest.drafts import Draft
from scraper.suggest.suggestion import Rule, Suggestion

_LONGEST = 48
_MOST_SHOWN = 3


def written(suggestion: Suggestion, looked_at: Sequence[str], *, is_private: bool, head: Sequence[str] = ()) -> str:
    """Return the text of a site's YAML.

    Args:
        looked_at: the addresses of the pages, in order.
        is_private: whether the site is on this machine or in a private network, which a crawl refuses otherwise.
        head: lines that come first, without their `#`.
    """
    lines = [f"# {line}".rstrip() for line in head]
    lines.append(f"# Suggested of {counted(len(looked_at), 'page')}:")
    lines += [f"#   {plain(url)}" for url in looked_at]
    lines.append("# Behind each line stands what it found there. Names are guesses: change them as you like.")
    lines.append("start_urls:")
    lines += [f"  - {_scalar(url)}" for url in suggestion.start]
    if is_private:
        lines += ["network:", "  allow_private: true # the site is on this machine, or in a network of yours"]
    return "\n".join(lines) + "\n" + rules_text(suggestion)


def rules_text(suggestion: Suggestion) -> str:
    """Return the YAML of a suggestion's rules and of the keys of their items."""
    lines = []
    if suggestion.rules:
        lines.append("rules:")
        for rule in suggestion.rules:
            lines += [f"  {line}" for line in _rule(rule)]
    keys = {rule.item: key for rule in suggestion.rules if (key := _key(rule)) is not None}
    if keys:
        lines.append("items:")
        lines += [
            f"  {item}: {{key: [{key}]}} # so that a run says what is new, changed or gone"
            for item, key in keys.items()
        ]
    return "\n".join(lines) + "\n"


#: What tells things apart, that which lasts longest first.
_KEYS = ("url", "id", "uuid", "sku", "slug", "key")


def _key(rule: Rule) -> str | None:
    """Return the field that tells a rule's items apart; None where there is none."""
    told = [draft.name for draft in rule.fields if draft.found == 1 and _all_differ(draft)]
    return next((name for name in _KEYS if name in told), None)


def _all_differ(draft: Draft) -> bool:
    return len(set(map(str, draft.values))) == len(draft.values)


def _rule(rule: Rule) -> Iterator[str]:
    pages = f"{counted(len(rule.pages), 'page')} of those above, {plain(rule.pages[0])}" if rule.pages else ""
    yield f"- match: {_flow(rule.match)} # {pages}"
    if rule.follow:
        yield "  follow:"
        for config, targets in rule.follow:
            such = f", such as {_shortened(plain(targets[0]))}" if targets else ""
            yield f"    - {_flow(config)} # {counted(len(targets), 'link')}{such}"
    if rule.fields:
        yield f"  item: {_flow(rule.item)}"
        if rule.each is not None:
            yield f"  each: {_flow(rule.each)} # {counted(len(rule.fields[0].values), 'element')}"
        yield "  fields:"
        for draft in rule.fields:
            css = draft.config.get("css")
            config = css if list(draft.config) == ["css"] else draft.config
            yield f"    {_flow(draft.name)}: {_flow(config)} # {_found(draft)}"


def _found(draft: Draft) -> str:
    """Return the first values of a field, and in how many places it has none."""
    values = [value for value in draft.values if value not in (None, [])]
    shown = ", ".join(_shortened(plain(json.dumps(value, ensure_ascii=False))) for value in values[:_MOST_SHOWN])
    lacking = len(draft.values) - len(values)
    return f"{shown}{f'; not in {lacking} of {len(draft.values)}' if lacking else ''}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _flow(value: Any) -> str:
    """Return a value of YAML in one line."""
    if isinstance(value, str):
        return _scalar(value)
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9)
    return text.strip()


def _scalar(text: str) -> str:
    dumped: str = yaml.safe_dump(text, allow_unicode=True, width=10**9)
    return dumped.removesuffix("...\n").strip()
