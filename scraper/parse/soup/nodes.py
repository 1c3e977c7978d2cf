"""The objects of a soup, made and linked one after the other in the order of the page.

bs4 does the same in half a dozen general methods an element. Nothing is parsed here: who calls has found out what is
on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias, cast

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

from scraper.parse.soup.edit_tracking import MARK, Edits

#: What a string must consist of to be shortened to one space or newline.
_SPACES = BeautifulSoup.ASCII_SPACES
_new_tag = Tag.__new__
_new_string = str.__new__


class Special(NamedTuple):
    """A string that is not text."""

    string_class: type[NavigableString]
    content: str


#: An element that begins, with its name and attributes.
Opening: TypeAlias = tuple[str, list[tuple[str, str]]]
#: One of the things that a page consists of: an element that begins, all the text between two tags, a string that is
#: no text, and None where the innermost element ends.
Part: TypeAlias = Opening | str | Special | None


def comment(text: str) -> Special:
    return Special(Comment, text)


def instruction(target: str, data: str) -> Special:
    return Special(ProcessingInstruction, f"{target} {data}")


def doctype(name: str | None, public_id: str | None, system_id: str | None) -> Special:
    return Special(Doctype, Doctype._string_for_name_and_ids(cast(str, name), public_id, system_id))


def link(
    parts: Iterable[Part], soup: BeautifulSoup, builder: LXMLTreeBuilder, known: Iterator[Tag | None] | None = None
) -> None:
    """Fills a soup that bs4 has set up for `builder` with its page's parts, in their order.

    Args:
        known: for each element, the tag that there is of it already, if any.
    """
    tags = Tags(builder)
    string_holders, space_keepers = tags.string_holders, tags.space_keepers
    parent: Tag = soup
    siblings: list[PageElement] = soup.contents
    last: PageElement | None = None
    #: `parent` and `siblings` of the elements around the innermost that is open, outermost first.
    around: list[tuple[Tag, list[PageElement]]] = []
    for part in parts:
        if part is None:
            if string_holders or space_keepers:
                tags.forget(parent)
            parent, siblings = around.pop()
            continue
        previous = siblings[-1] if siblings else None
        if part.__class__ is tuple:
            tag = tags.make(part[0], part[1], known and next(known))  # type: ignore[arg-type] # by its class an Opening
            tag.parent = parent
            tag.previous_element = last
            tag.next_element = tag.next_sibling = None
            tag.previous_sibling = previous
            if last is not None:
                last.next_element = tag
            if previous is not None:
                previous.next_sibling = tag
            siblings.append(tag)
            around.append((parent, siblings))
            parent, siblings = tag, tag.contents
            last = tag
            continue
        if isinstance(part, str):
            text = part
            string_class = builder.string_containers[string_holders[-1].name] if string_holders else NavigableString
        else:
            string_class, text = part  # type: ignore[assignment] # by its class a Special
        if (not text or text.isspace()) and not space_keepers:
            text = shortened(text)
        string = _new_string(string_class, text)
        string.hidden = False
        string.parent = parent
        string.previous_element = last
        string.next_element = string.next_sibling = None
        string.previous_sibling = previous
        if last is not None:
            last.next_element = string
        if previous is not None:
            previous.next_sibling = string
        siblings.append(string)
        last = string
    soup._most_recent_element = last
    vars(soup)[MARK] = tags.edits


def shortened(text: str) -> str:
    """Return a string as it stands in a soup where spaces are not kept: what is only spaces becomes one, or a
    newline.
    """
    if text.strip(_SPACES):
        return text
    return "\n" if "\n" in text else " "


class _Kind(NamedTuple):
    """Facts that all elements of one name share."""

    may_be_empty: bool
    string_class: type[NavigableString] | None
    keeps_spaces: bool
    lists: frozenset[str]
    is_meta: bool


class Tags:
    """Makes the tags of one soup.

    Of those that are open it knows which have strings of a class of their own, and which keep spaces as they are.
    """

    def __init__(self, builder: LXMLTreeBuilder) -> None:
        #: What each of them tells that it is changed.
        self.edits = Edits()
        self.string_holders: list[Tag] = []
        self.space_keepers: list[Tag] = []
        self._builder = builder
        self._kinds: dict[str, _Kind] = {}
        self._namespaces = builder.active_namespace_prefixes[-1]
        self._attribute_dict = cast(Callable[..., Any], builder.attribute_dict_class)
        self._value_list = builder.attribute_value_list_class

    def make(self, name: str, attributes: list[tuple[str, str]], known: Tag | None = None) -> Tag:
        """Return a tag that is open from now on, with all but its neighbours.

        Args:
            known: one that was made of the same element before, and keeps what attributes it has by now.
        """
        kind = self._kinds.get(name) or self._kind(name)
        builder = self._builder
        # Attribute by attribute, for so the tags share their keys: a dict each would take more memory.
        tag = _new_tag(Tag) if known is None else known
        tag.parser_class = BeautifulSoup
        if known is None:
            tag.name = name
            tag.attrs = self._attributes(attributes, kind.lists) if attributes else self._attribute_dict()
        tag.namespace = tag.prefix = None
        tag._namespaces = self._namespaces
        tag.sourceline = tag.sourcepos = None
        tag.attribute_value_list_class = self._value_list
        tag.known_xml = False
        tag.contents = []
        tag.hidden = False
        tag._scraper_edits = self.edits  # type: ignore[attr-defined] # MARK
        tag.can_be_empty_element = kind.may_be_empty
        tag.cdata_list_attributes = builder.cdata_list_attributes
        tag.preserve_whitespace_tags = builder.preserve_whitespace_tags
        if kind.string_class is None:
            tag.interesting_string_types = Tag.MAIN_CONTENT_STRING_TYPES
        else:
            tag.interesting_string_types = {kind.string_class}
            self.string_holders.append(tag)
        if kind.keeps_spaces:
            self.space_keepers.append(tag)
        if kind.is_meta and known is None:
            builder.set_up_substitutions(tag)
        return tag

    def begin(self, tag_class: type[Tag], name: str, attributes: list[tuple[str, str]]) -> Tag:
        """Return a tag that has its name and its attributes, and nothing else yet."""
        kind = self._kinds.get(name) or self._kind(name)
        tag = _new_tag(tag_class)
        tag.name = name
        if kind.is_meta:
            # The encoding that a page declares is to follow that of its output, for which bs4 wants a whole tag.
            tag.attrs = self.make(name, attributes).attrs
        else:
            tag.attrs = self._attributes(attributes, kind.lists) if attributes else self._attribute_dict()
        return tag

    def forget(self, tag: Tag) -> None:
        """Note that the innermost tag is closed."""
        for tags in (self.string_holders, self.space_keepers):
            if tags and tags[-1] is tag:
                tags.pop()

    def _attributes(self, attributes: list[tuple[str, str]], lists: frozenset[str]) -> Any:
        made = self._attribute_dict(attributes)
        for key, value in attributes:
            if key in lists:
                # bs4's class would look at the value first, which is for numbers and None.
                dict.__setitem__(made, key, self._value_list(value.split()))
            elif key[0] == "{" and "}" in key:
                return self._oddly_named(attributes, lists)
        return made

    def _oddly_named(self, attributes: list[tuple[str, str]], lists: frozenset[str]) -> Any:
        """Attributes of which one is called `{a}b`, such as a template leaves behind: for bs4 `a` is a namespace."""
        made = self._attribute_dict()
        for key, value in attributes:
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
