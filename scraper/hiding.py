"""The values of secrets, hidden wherever text leaves the process: on a terminal, in logs, in stores and files.

A configuration that is loaded has its secrets remembered here, for as long as the process lives: a line of one crawl
may quote what belongs to another.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
#: A shorter value, or a shorter word, is part of too much else: it is hidden by its name alone.
SHORTEST, SHORTEST_WORD = 4, 6
_NO_SECRETS = frozenset({"true", "false", "null", "none", "http", "https"})

#: Also where a URL is written as browsers allow it: https:jo:password@host, https:\\jo:password@host.
USER_INFO = re.compile(r"(?:(?<=//)|(?<=https:)|(?<=http:)|(?<=:\\)|(?<=\\\\))[^/\\?#\s]*@", re.IGNORECASE)
#: And where they keep it from being one: without a scheme, or with a slash in the password.
_MISPLACED = re.compile(
    r"^(\s*(?:[a-z][a-z0-9+.-]*:[/\\]+)?)(?![a-z][a-z0-9+.-]*:[/\\])[^/\\@:\s]*:[^@]*(?:@[^@/\\]*)*@", re.IGNORECASE
)

_lock = threading.Lock()
_known: set[str] = set()
_in_text: re.Pattern[str] | None = None
_in_bytes: re.Pattern[bytes] | None = None


def remember(values: Iterable[str]) -> None:
    """Hide these values from here on, also as URLs, forms, JSON, HTML, Python and base64 write them."""
    global _in_text, _in_bytes
    with _lock:
        new = {form for value in values for form in _forms_of(value)} - _known
        if not new:
            return
        _known.update(new)
        # The longest first: one may be part of another.
        longest_first = sorted(_known, key=lambda form: (-len(form), form))
        text = "|".join(map(re.escape, longest_first))
        _in_text, _in_bytes = re.compile(text), re.compile(text.encode(errors="surrogatepass"))


def forget() -> None:
    """Hide nothing any more."""
    global _in_text, _in_bytes
    with _lock:
        _known.clear()
        _in_text = _in_bytes = None


def without_user_info(text: str) -> str:
    """`text` with the user and password of every URL in it hidden."""
    return USER_INFO.sub(f"{MASK}@", text) if "@" in text else text


def without_misplaced_user(text: str) -> str:
    """Return what was meant as a URL, with all hidden that may have been meant as its user and password."""
    return without_user_info(_MISPLACED.sub(rf"\1{MASK}@", text)) if "@" in text else text


def hide(text: str) -> str:
    """Return `text` with each value that is a secret, and the user and password of every URL, as `***`."""
    pattern = _in_text
    text = without_user_info(text)
    return text if pattern is None else pattern.sub(MASK, text)


def hide_in_bytes(data: bytes) -> bytes:
    """Return `data` with each such value as `***`."""
    pattern = _in_bytes
    return data if pattern is None else pattern.sub(MASK.encode(), data)


def star_out(data: bytes) -> bytes:
    """Return `data` with an asterisk for each byte of such values, so that every length in it stays true."""
    pattern = _in_bytes
    return data if pattern is None else pattern.sub(lambda found: b"*" * len(found[0]), data)


def hide_in(value: Any) -> Any:
    """Return JSON data with such values hidden in its texts; keys and numbers are left as they are."""
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {key: hide_in(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [hide_in(inner) for inner in value]
    return value


def _forms_of(value: str) -> Iterable[str]:
    """Return the ways in which a value is written."""
    if len(value) < (SHORTEST_WORD if value.isalpha() else SHORTEST) or value.lower() in _NO_SECRETS:
        return ()
    import html  # it brings all entities of HTML along

    raw = value.encode(errors="surrogatepass")
    forms = {value, quote(raw), quote(raw, safe=""), quote_plus(raw), html.escape(value), repr(value)[1:-1]}
    forms |= {json.dumps(value, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
    forms |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return forms
