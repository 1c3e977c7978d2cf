"""The keys that a site's YAML can have: looking them up by path, and the nearest right one."""

from __future__ import annotations

import types
from collections.abc import Collection
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scraper.config.model.frozen import Later
from scraper.config.model.site import SiteConfig
from scraper.config.types.kinds import nearest
from scraper.config.yaml.tree import Path


@cache
def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a section by the key that is written."""
    return {info.alias or name: info for name, info in model.model_fields.items()}


def bare(annotation: Any) -> Any:
    """Return a type without its readers and without `| None`."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        parts = [part for part in get_args(annotation) if part is not type(None)]
        if len(parts) == 1:
            return bare(parts[0])
    return annotation


def section(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a type is, if it is one."""
    found = bare(annotation)
    if isinstance(found, type) and issubclass(found, Later):
        return found.model()
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def inner_type(annotation: Any, part: str | int) -> Any:
    """Return the type of what lies under one key or number of a value of this type; None where nothing is known."""
    model = section(annotation)
    if model:
        info = fields_of(model).get(str(part))
        return info.annotation if info else None
    found = bare(annotation)
    arguments = get_args(found)
    if get_origin(found) in (Union, types.UnionType):
        types_of_forms = (inner_type(form, part) for form in arguments)
        return next((each for each in types_of_forms if each is not None), None)
    if get_origin(found) is dict and isinstance(part, str):
        return arguments[1]
    if get_origin(found) in (tuple, frozenset) and isinstance(part, int):
        return arguments[0]
    return None


def type_at(path: Path) -> Any:
    """Return the type of the value at `path`, None where there is no such key or its inside is free-form."""
    found: Any = SiteConfig
    for part in path:
        found = inner_type(found, part)
        if found is None:
            return None
    return found


def nearest_key(path: Path, written: Collection[str] = ()) -> Path:
    """Return the path of the right key for an unknown one: in its own section or in another; or nothing.

    Args:
        written: the keys that its section has. A key that has to be there, and is not, is what was meant where it is
            like the unknown one, or the only one.
    """
    *above, name = path
    word = str(name)
    written_as = type_at(tuple(above))
    models = map(section, (written_as, *get_args(bare(written_as))))
    model = next((each for each in models if each is not None), None)
    if model is None:
        return ()
    local = {key: (*above, key) for key in fields_of(model)}
    missing = [key for key, info in fields_of(model).items() if info.is_required() and key not in written]
    if found := nearest(word, missing):
        return local[found]
    elsewhere = _keys_below(SiteConfig)
    if above[:1] == ["domains"] and len(above) > 1:
        prefix = tuple(above[:2])
        own = inner_type(type_at(("domains",)), "")
        elsewhere = {key: (*prefix, *rest) for key, rest in _keys_below(own).items()} | {
            key: rest for key, rest in elsewhere.items() if key not in _keys_below(own)
        }
    if word in elsewhere:
        return elsewhere[word]
    found = nearest(word, local)
    if not found and len(missing) == 1:
        found = missing[0]
    if found:
        return local[found]
    found = nearest(word, elsewhere)
    return elsewhere[found] if found else ()


@cache
def _keys_below(model: type[BaseModel]) -> dict[str, Path]:
    """Return every key of a section and of the sections in it, with its path; the outer one where two are the
    same.
    """
    found: dict[str, Path] = {}
    level: list[tuple[type[BaseModel], Path]] = [(model, ())]
    while level:
        deeper: list[tuple[type[BaseModel], Path]] = []
        for current, above in level:
            for key, info in fields_of(current).items():
                found.setdefault(key, (*above, key))
                below = section(info.annotation)
                if below:
                    deeper.append((below, (*above, key)))
        level = deeper
    return found


def split_key(text: str) -> Path:
    """Return the path that `politeness.delay`, `start_urls[0]` or `domains.example.net.retry.attempts` means.

    Keys that users choose may hold dots: they end where a key of the section below them begins.

    Raises:
        ValueError: it is not a path.
    """
    path: list[str | int] = []
    found: Any = SiteConfig
    rest = text
    while rest:
        if rest.startswith("["):
            number, bracket, rest = rest[1:].partition("]")
            if not bracket or not (number.isascii() and number.isdigit()) or not path:
                raise ValueError(f"not a key: {text!r}")
            part: str | int = int(number[:9])
        else:
            part, rest = _chosen_key(found, rest) if get_origin(bare(found)) is dict else _fixed_key(rest)
            if not part:
                raise ValueError(f"not a key: {text!r}")
        path.append(part)
        found = inner_type(found, part) if found is not None else None
        if rest.startswith("."):
            rest = rest[1:]
            if not rest:
                raise ValueError(f"not a key: {text!r}")
        elif rest and not rest.startswith("["):
            raise ValueError(f"not a key: {text!r}")
    if not path:
        raise ValueError("no key")
    return tuple(path)


def _fixed_key(text: str) -> tuple[str, str]:
    """Return the first key of `text`, and what follows it."""
    end = min((position for position in (text.find("."), text.find("[")) if position >= 0), default=len(text))
    return text[:end], text[end:]


def _chosen_key(annotation: Any, text: str) -> tuple[str, str]:
    """Return the key of a mapping whose keys users choose, and what follows it."""
    inner = get_args(bare(annotation))[1]
    model = section(inner)
    if model is None:
        # In free-form values a dot goes one level down; in headers and the like it is part of the key.
        return _fixed_key(text) if bare(inner) is Any else (text, "")
    position = text.find(".")
    while position >= 0:
        following, _ = _fixed_key(text[position + 1 :])
        if following in fields_of(model):
            return text[:position], text[position:]
        position = text.find(".", position + 1)
    return text, ""
