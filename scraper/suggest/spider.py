"""A suggestion as the methods of a spider, where it is a list that CSS reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from scraper.config.types.selectors import read_css
from scraper.observe.text import plain
from scraper.suggest.drafts import Draft
from scraper.suggest.suggestion import Rule, Suggestion

_LONGEST = 118


def spider_text(suggestion: Suggestion) -> str | None:
    """Return the body of a class that reads the list of a suggestion; None where CSS alone does not."""
    rule = next((one for one in suggestion.rules if isinstance(one.each, str)), None)
    if rule is None:
        return None
    fields = [(draft, line) for draft in rule.fields if (line := _value(draft)) is not None]
    if not fields:
        return None
    return "\n".join(_lines(rule, fields)) + "\n"


def _lines(rule: Rule, fields: list[tuple[Draft, str]]) -> Iterator[str]:
    yield '    """The list of a page: a beginning. `scraper shell URL` opens a page to try selectors on."""'
    yield ""
    yield "    def parse(self, response):"
    yield f"        for block in response.css({_quoted(rule.each)}):"
    yield "            yield {"
    for draft, line in fields:
        found = next((value for value in draft.values if value not in (None, [])), "")
        whole = f"                {_quoted(draft.name)}: {line},"
        shown = f"{whole}  # {plain(json.dumps(found, ensure_ascii=False))}"
        yield shown if len(shown) <= _LONGEST else whole
    yield "            }"
    for config, _ in rule.follow:
        if isinstance(config, str):
            yield f"        yield from response.follow_all({_quoted(config)})"
        elif "rel" in config:
            yield f"        yield from response.follow_all({_quoted(_of_relation(config['rel']))})"
        elif "xpath" in config:
            yield f"        yield from response.follow_all(response.xpath({_quoted(config['xpath'])}))"
    yield ""
    yield "    @staticmethod"
    yield "    def text(node):"
    yield '        """Return what a person reads in a node; None where there is none."""'
    yield '        return " ".join(node.text().split()) if node else None'
    yield ""
    yield "    @staticmethod"
    yield "    def attribute(node, name):"
    yield "        return node.attributes.get(name) if node else None"


def _of_relation(relation: str) -> str:
    return f'a[rel~="{relation}"], link[rel~="{relation}"]'


def _value(draft: Draft) -> str | None:
    """Return the expression of a field in a block; None where CSS alone does not find it."""
    css: Any = draft.config.get("css")
    if css is None or "re" in draft.config or draft.config.get("many"):
        return None
    selector, attribute, _ = read_css(css)
    node = f"block.css_first({_quoted(selector)})" if selector else "block"
    if draft.config.get("type") == "url":
        name = attribute or ("src" if draft.name == "image" else "href")
        return f'response.urljoin(self.attribute({node}, {_quoted(name)}) or "")'
    return f"self.attribute({node}, {_quoted(attribute)})" if attribute else f"self.text({node})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
