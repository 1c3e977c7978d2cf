"""lxml's tree of a page, for XPath: that of the HTML parser, so that XPath and CSS see the same elements.

libxml2's own parser of HTML builds another tree than browsers do (no tbody that is not written, a paragraph ends its
heading). So lexbor's tree is written out as HTML, made well-formed XML of, and read by libxml2.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, cast

_VOID = "area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr|frame|basefont|bgsound|keygen"
_RAW = "script|style|xmp|iframe|noembed|noframes|plaintext"
_ATTRIBUTE = r" [^\s>]*?=\"[^\"]*+\""
_RAW_PART = re.compile(rf"(<({_RAW})(?:{_ATTRIBUTE})*+>)(.*?)(</\2>)", re.DOTALL)
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_DECLARATION = re.compile(r"<!(?!--)[^>]*>|<\?[^>]*>")
_VOID_TAG = re.compile(rf"<({_VOID})((?:{_ATTRIBUTE})*+)>")
_ATTRIBUTES = re.compile(rf"(?<=[\w.-])((?:{_ATTRIBUTE})++)(?=/?>)")
_ONE_ATTRIBUTE = re.compile(r" ([^\s>]*?)=\"([^\"]*+)\"")
#: Names that XML has without a namespace, and what of an attribute it has not. Namespaces are no part of HTML.
_NAME = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_ODD_ATTRIBUTE = re.compile(r" (?![A-Za-z_][\w.-]*=\")[^\s>]*?=\"| xmlns=\"|=\"[^\"]*<", re.ASCII)
_ODD_TAG = re.compile(r"(</?)([A-Za-z][^\s/>]*[^\w\s/>.-][^\s/>]*)", re.ASCII)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def xml_tree(html: str) -> Any:
    """Return the root of lxml's tree of a page, as lexbor has written it out.

    Attributes and elements whose names XML cannot have (`@click`, `o:p`) are without their special characters.
    """
    from lxml import etree  # hardly any spider needs it

    parser = etree.XMLParser(recover=True, huge_tree=True, resolve_entities=False, no_network=True, remove_pis=True)
    try:
        root = etree.fromstring(_well_formed(html).encode(), parser)
    except etree.XMLSyntaxError:  # nothing in it at all
        root = None
    if root is None:
        return etree.Element("html")
    for template in root.iter("template"):  # what it holds is in no tree
        del template[:]
        template.text = None
    return root


def _well_formed(html: str) -> str:
    html = _NOT_XML.sub("\ufffd", html)
    html = _RAW_PART.sub(lambda match: match[1] + escape(match[3], quote=False) + match[4], html)
    html = _COMMENT.sub(lambda match: f"<!--{match[1].replace('--', '- -').rstrip('-')}-->", html)
    html = _DECLARATION.sub("", html, count=1).replace("&nbsp;", "\u00a0")
    html = _ODD_TAG.sub(lambda match: match[1] + _xml_name(match[2]), html)
    html = _ATTRIBUTES.sub(_xml_attributes, html) if _ODD_ATTRIBUTE.search(html) else html
    return _VOID_TAG.sub(r"<\1\2/>", html)


def _xml_attributes(match: re.Match[str]) -> str:
    said = match[1]
    if _ODD_ATTRIBUTE.search(said) is None:
        return cast(str, said)
    found: dict[str, str] = {}
    for one in _ONE_ATTRIBUTE.finditer(said):
        if one[1] != "xmlns":
            found.setdefault(_xml_name(one[1]), one[2].replace("<", "&lt;"))
    return "".join(f' {name}="{value}"' for name, value in found.items())


def _xml_name(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    bare = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip("-.")
    return bare if _NAME.fullmatch(bare) else f"_{bare}"
