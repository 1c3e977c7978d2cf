"""What is named like a secret, taken out of what is recorded; `scraper.hiding` takes out what is known to be one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from scraper.config.secrets import is_secret_header, is_secret_name
from scraper.hiding import MASK, hide_in, hide_in_bytes

#: A field of a form or a query; what stands before it ends the one before.
_FIELD = re.compile(r"(?P<name>[^=&?#]+)=(?P<value>[^&#]*)")
#: A part of a multipart form (RFC 7578 section 4.2), up to the next boundary.
_PART = re.compile(
    r'(?P<head>name="?(?P<name>[^";\r\n]+)"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n)(?P<value>.*?)(?=\r\n--)', re.DOTALL
)


#: In a page: a parameter of a URL, and what names a value that it holds.
_PARAMETER = re.compile(rb"(?<=[?&;])(?P<name>[\w.%\[\]-]{1,100})=(?P<value>[^\s&;\"'<>#\\]+)")
_HOLDER = re.compile(rb"<(?:input|meta)\b[^<>]{1,4000}>", re.IGNORECASE)
_NAME = re.compile(rb"""\s(?:name|id|property)\s*=\s*["']?(?P<name>[^\s"'<>]+)""", re.IGNORECASE)
_VALUE = re.compile(rb"""(\s(?:value|content)\s*=\s*)(?:"[^"]+"|'[^']+'|[^\s"'<>]+)""", re.IGNORECASE)


def page(data: bytes) -> bytes:
    """Return what a server sent without the values of what its URLs and inputs name like secrets."""
    masked = _PARAMETER.sub(_parameter, data)
    return hide_in_bytes(_HOLDER.sub(_holder, masked))


def _parameter(found: re.Match[bytes]) -> bytes:
    name = unquote_plus(found["name"].decode("latin-1"))
    return found["name"] + b"=" + MASK.encode() if is_secret_name(name) else found[0]


def _holder(found: re.Match[bytes]) -> bytes:
    names = [each["name"].decode("latin-1") for each in _NAME.finditer(found[0])]
    return _VALUE.sub(rb'\1"***"', found[0]) if any(map(is_secret_name, names)) else found[0]


def headers(given: Mapping[str, str]) -> dict[str, str]:
    """Return headers without the values of those that hold secrets."""
    return {name: MASK if is_secret_header(name) else _header(value) for name, value in given.items()}


def _header(value: str) -> str:
    """Return a header's value: there may be URLs in it (Location, Link)."""
    return page(value.encode("latin-1", "replace")).decode("latin-1")


def url(text: str) -> str:
    """Return a URL without the values of parameters that are named like secrets."""
    head, mark, query = text.partition("?")
    return str(hide_in(head + mark + _FIELD.sub(_field, query)))


def data(value: Any) -> Any:
    """Return JSON data without what is named like a secret in it, however deep."""
    if isinstance(value, dict):
        return {key: MASK if _is_secret(key, inner) else data(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [data(inner) for inner in value]
    return hide_in(value)


def request(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a request with nothing secret in it; of cookies the names are left."""
    record["url"] = url(record["url"])
    if "headers" in record:
        record["headers"] = headers(record["headers"])
    if "cookies" in record:
        record["cookies"] = dict.fromkeys(record["cookies"], MASK)
    if "meta" in record:
        record["meta"] = data(record["meta"])
    if "body" in record:
        record["body"] = hide_in(_body(record["body"]))
    return record


def _body(text: str) -> str:
    """Return a body, of which each byte is a character, as JSON, a multipart form, or a form."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            found = json.loads(text.encode("latin-1"))
        except ValueError:
            pass
        else:
            masked = data(found)
            return text if masked == found else json.dumps(masked, separators=(",", ":"))
    if text.startswith("--"):
        return _PART.sub(lambda part: part["head"] + MASK if is_secret_name(part["name"]) else part[0], text)
    return _FIELD.sub(_field, text)


def _field(found: re.Match[str]) -> str:
    return f"{found['name']}={MASK}" if found["value"] and is_secret_name(unquote_plus(found["name"])) else found[0]


def _is_secret(key: Any, value: Any) -> bool:
    return value not in (None, "", [], {}) and not isinstance(value, bool) and is_secret_name(str(key))
