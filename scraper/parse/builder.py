"""A faster way to the same soup.

BeautifulSoup's "lxml" builder listens to libxml2 and hands each event to the soup through half a dozen general
methods. `DirectBuilder` lets it set up the very same parse, of the same text with the same options, and puts a
listener in its place that makes the objects and links them itself: the tree is equal because the events are, and it
takes a third of the time. Whether the installed bs4 is one that this holds for is for `scraper.parse.trial` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import StringIO
from typing import Any, NamedTuple, cast

from bs4 import BeautifulSoup
from bs4.builder._lxml import LXMLTreeBuilder
from bs4.element import (
    Comment,
    Doctype,
    NamespacedAttribute,
    NavigableString,
    PageElement,
    ProcessingInstruction,
    Tag,
)

#: What a string must consist of to be shortened to one space or newline.
_SPACES = BeautifulSoup.ASCII_SPACES
_new_tag = Tag.__new__
_new_string = str.__new__


def build(readable: StringIO) -> BeautifulSoup:
    """The soup of a text; raises what bs4 raises."""
    soup = BeautifulSoup(readable, builder=DirectBuilder())
    # What is parsed for this soup later, for a copy or out of a pickle, is bs4's own business.
    soup.builder = LXMLTreeBuilder()
    return soup


class DirectBuilder(LXMLTreeBuilder):
    """bs4's lxml builder with a listener of our own. One builder makes one soup, of `BeautifulSoup`'s own classes."""

    _listener: _Listener | None = None

    def default_parser(self, encoding: str | None) -> Any:
        """What bs4 calls, with its options, to get the parser."""
        parser_class = cast(Callable[..., Any], super().default_parser(encoding))

        def parser(**options: Any) -> Any:
            self._listener = _Listener(cast(BeautifulSoup, self.soup), self)
            return parser_class(**{**options, "target": self._listener})

        return parser

    def feed(self, markup: str | bytes) -> None:
        """Parses `markup` into the soup that bs4 has set; raises what bs4's builder raises."""
        try:
            super().feed(markup)
            if self._listener is not None:
                self._listener.finish()
        finally:
            self._listener = None


class _Kind(NamedTuple):
    """What all elements of one name have in common."""

    may_be_empty: bool
    string_class: type[NavigableString] | None
    keeps_spaces: bool
    lists: frozenset[str]
    is_meta: bool


class _Listener:
    """Gets what libxml2 finds, in order, and makes the soup of it."""

    __slots__ = (
        "_attribute_dict",
        "_builder",
        "_kinds",
        "_last",
        "_namespaces",
        "_open",
        "_pieces",
        "_soup",
        "_space_keepers",
        "_string_holders",
        "_value_list",
        "data",
    )

    def __init__(self, soup: BeautifulSoup, builder: DirectBuilder) -> None:
        self._soup = soup
        self._builder = builder
        self._kinds: dict[str, _Kind] = {}
        self._namespaces = builder.active_namespace_prefixes[-1]
        self._attribute_dict: Callable[..., Any] = builder.attribute_dict_class
        self._value_list = builder.attribute_value_list_class
        #: The tags that are open, outermost first, each with its contents and name: a Tag is slow to ask.
        self._open: list[tuple[Tag, list[PageElement], str]] = [(soup, soup.contents, "")]
        self._last: PageElement | None = None
        self._space_keepers: list[Tag] = []
        self._string_holders: list[Tag] = []
        self._pieces: list[str] = []
        #: Called for each piece of text: no method of ours, for it is called most often.
        self.data = self._pieces.append

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._pieces:
            self._end_text(NavigableString)
        kind = self._kinds.get(name) or self._kind(name)
        builder, last = self._builder, self._last
        parent, siblings, _ = self._open[-1]
        tag = _new_tag(Tag)
        # In the order of Tag.__init__: instances that get their attributes in one order share their keys.
        tag.parser_class = BeautifulSoup
        tag.name = name
        tag.namespace = None
        tag._namespaces = self._namespaces
        tag.prefix = None
        tag.sourceline = tag.sourcepos = None
        tag.attribute_value_list_class = self._value_list
        tag.attrs = self._attributes(attributes, kind.lists) if attributes else self._attribute_dict()
        tag.known_xml = False
        contents: list[PageElement] = []
        tag.contents = contents
        tag.parent = parent
        tag.previous_element = last
        if last is not None:
            last.next_element = tag
        tag.next_element = tag.next_sibling = None
        if siblings:
            previous = siblings[-1]
            previous.next_sibling = tag
            tag.previous_sibling = previous
        else:
            tag.previous_sibling = None
        siblings.append(tag)
        tag.hidden = False
        tag.can_be_empty_element = kind.may_be_empty
        tag.cdata_list_attributes = builder.cdata_list_attributes
        tag.preserve_whitespace_tags = builder.preserve_whitespace_tags
        string_class = kind.string_class
        tag.interesting_string_types = Tag.MAIN_CONTENT_STRING_TYPES if string_class is None else {string_class}
        if kind.is_meta:
            builder.set_up_substitutions(tag)
        if kind.keeps_spaces:
            self._space_keepers.append(tag)
        if string_class is not None:
            self._string_holders.append(tag)
        self._open.append((tag, contents, name))
        self._last = tag

    def end(self, name: str) -> None:
        if self._pieces:
            self._end_text(NavigableString)
        opened = self._open
        if opened[-1][2] != name and not any(entry[2] == name for entry in opened):
            return
        while True:
            tag, _, closed = opened.pop()
            if self._space_keepers or self._string_holders:
                self._forget(tag)
            if closed == name:
                return

    def comment(self, text: str) -> None:
        self._special(text, Comment)

    def pi(self, target: str, data: str | None) -> None:
        self._special(f"{target} {data}", ProcessingInstruction)

    def doctype(self, name: str, public_id: str | None, system_id: str | None) -> None:
        self._special(Doctype._string_for_name_and_ids(name, public_id, system_id), Doctype)

    def close(self) -> None:
        """Called by lxml at the end of a parse; `finish` is called even where it was not."""

    def finish(self) -> None:
        if self._pieces:
            self._end_text(NavigableString)
        self._soup._most_recent_element = self._last

    def _forget(self, tag: Tag) -> None:
        for holders in (self._space_keepers, self._string_holders):
            if holders and holders[-1] is tag:
                holders.pop()

    def _special(self, text: str, string_class: type[NavigableString]) -> None:
        if self._pieces:
            self._end_text(NavigableString)
        self.data(text)
        self._end_text(string_class)

    def _end_text(self, string_class: type[NavigableString]) -> None:
        pieces = self._pieces
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        if not self._space_keepers and (not text or (text.isspace() and not text.strip(_SPACES))):
            text = "\n" if "\n" in text else " "
        if self._string_holders and string_class is NavigableString:
            string_class = self._builder.string_containers[self._string_holders[-1].name]
        parent, siblings, _ = self._open[-1]
        last = self._last
        string = _new_string(string_class, text)
        string.hidden = False
        string.parent = parent
        string.previous_element = last
        if last is not None:
            last.next_element = string
        string.next_element = string.next_sibling = None
        if siblings:
            previous = siblings[-1]
            previous.next_sibling = string
            string.previous_sibling = previous
        else:
            string.previous_sibling = None
        siblings.append(string)
        self._last = string

    def _attributes(self, attributes: Mapping[str, str], lists: frozenset[str]) -> Any:
        made = self._attribute_dict(attributes)
        for key, value in attributes.items():
            if key in lists:
                # bs4's class would look at the value first, which is for numbers and None.
                dict.__setitem__(made, key, self._value_list(value.split()))
            elif key[0] == "{" and "}" in key:
                return self._oddly_named(attributes, lists)
        return made

    def _oddly_named(self, attributes: Mapping[str, str], lists: frozenset[str]) -> Any:
        """Attributes of which one is called `{a}b`, such as a template leaves behind: for bs4 `a` is a namespace."""
        made = self._attribute_dict()
        for key, value in attributes.items():
            if key[0] == "{" and "}" in key:
                namespace, _, name = key[1:].partition("}")
                key = NamespacedAttribute(self._builder._prefix_for_namespace(namespace), name, namespace)
            made[key] = value
        for key in list(made):
            if key in lists:
                made[key] = self._value_list(made[key].split())
        return made

    def _kind(self, name: str) -> _Kind:
        builder = self._builder
        lists = builder.cdata_list_attributes or {}
        kind = self._kinds[name] = _Kind(
            may_be_empty=builder.can_be_empty_element(name),
            string_class=builder.string_containers.get(name),
            keeps_spaces=name in builder.preserve_whitespace_tags,
            lists=frozenset(lists.get("*", ())) | frozenset(lists.get(name.lower(), ())),
            is_meta=name == "meta",
        )
        return kind
