"""Names of fields and items, of what a page calls them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from scraper.suggest.elements import Element
from scraper.suggest.stable import module_prefix

_WORDS = {
    "title": "title name heading headline titel titre nom subject",
    "price": "price preis prix amount cost betrag kosten tarif",
    "date": "date datetime time datum published posted pubdate datepublished created when veroeffentlicht publie",
    "author": "author autor auteur byline by writer creator user username",
    "image": "img image photo picture thumb thumbnail cover bild",
    "url": "url link permalink href",
    "description": "desc description summary excerpt teaser snippet abstract intro lead beschreibung resume",
    "rating": "rating stars star score bewertung ratingvalue",
    "location": "location place city ort lieu standort",
    "company": "company employer firma firm entreprise arbeitgeber",
    "stock": "stock availability available verfuegbarkeit dispo",
    "category": "category categorie kategorie section genre",
    "tags": "tag tags keyword keywords label badge",
    "sku": "sku ean gtin isbn mpn",
}
_CANONICAL = {word: name for name, words in _WORDS.items() for word in words.split()}
_NO_NAMES = frozenset(
    "item items card cards box wrap wrapper inner outer content body main text value val info data row cell col list "
    "block entry product post article job element container field label meta details detail left right top bottom "
    "header head footer title-wrapper u c m o l".split()
)
_TAGS = {"h1": "title", "h2": "title", "h3": "title", "h4": "title", "time": "date", "img": "image"}


def identifier(text: str) -> str:
    """Return a name for a field, in lower-case ASCII words: `page_count` of `Page Count`; or ''."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    for written, plain in (("ß", "ss"), ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("Ä", "ae"), ("Ö", "oe"), ("Ü", "ue")):
        text = text.replace(written, plain)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = "_".join(re.sub(r"[^a-z0-9]+", "_", text).strip("_").split("_")[:3])
    return f"n{name}" if name[:1].isdigit() else name


def of_property(name: str) -> str:
    """Return the name of a field for a property of a vocabulary, `date_published` of `datePublished`."""
    plain = identifier(name)
    return _CANONICAL.get(plain.replace("_", ""), plain) if plain != "name" else "name"


def of_element(element: Element, scope: Element | None, attribute: str) -> str:
    """Return the name of a field for what an element holds: of its names, those around it, its kind."""
    if attribute == "href":
        return "url"
    if attribute in ("src", "data-src", "data-original", "data-lazy-src"):
        return "image"
    around = [element]
    for one in element.above():
        if one is scope or one.tag in ("body", "main", "article", "ul", "ol", "table") or len(around) > 2:
            break
        around.append(one)
    for one in around:
        for word in _named(one):
            if name := _canonical(word):
                return name
    for one in around:
        if one.tag in _TAGS:
            return _TAGS[one.tag]
    if scope is not None and not attribute and any(one.tag == "a" and one.text == element.text for one in around):
        return "title"
    for one in around:
        for word in _named(one):
            parts = [part for part in identifier(word).split("_") if part and part not in _NO_NAMES]
            if parts:
                return "_".join(parts[-2:])
    return ""


def _named(element: Element) -> Iterable[str]:
    for key in ("itemprop", "data-testid", "data-test", "data-qa", "data-cy", "data-field"):
        if value := element.attrs.get(key):
            yield value
    yield from element.classes
    for name in (element.attrs.get("class") or "").split():
        if prefix := module_prefix(name):
            yield prefix


def _canonical(text: str) -> str:
    """Return what a name means by its last word that means something."""
    for word in reversed(identifier(text).split("_")):
        if word in _CANONICAL:
            return _CANONICAL[word]
    return ""


def of_items(words: Iterable[str]) -> str:
    """Return the name of a type of item, of words that stand for it: the first that names a thing."""
    for word in words:
        for part in reversed(identifier(word).split("_")):
            if part in _THINGS:
                return _THINGS[part]
    return "item"


_THINGS = {
    word: name
    for name, words in {
        "product": "product products produkt produkte produit produits article_de artikel shop pod",
        "book": "book books buch buecher livre",
        "post": "post posts blog entry entries",
        "article": "article articles story news beitrag",
        "job": "job jobs stelle stellen vacancy vacancies emploi offre jobposting",
        "quote": "quote quotes",
        "event": "event events veranstaltung",
        "recipe": "recipe recipes rezept",
        "person": "person people team member",
        "topic": "toc toctree doc docs topic chapter",
    }.items()
    for word in words.split()
}


def unique(name: str, taken: Iterable[str], fallback: str) -> str:
    """Return a name that no other field has."""
    name = name or fallback
    used = set(taken)
    if name not in used:
        return name
    number = 2
    while f"{name}_{number}" in used:
        number += 1
    return f"{name}_{number}"
