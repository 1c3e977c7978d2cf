"""The values of secrets, hidden wherever text leaves the process: on a terminal, in logs, in stores and files.

A configuration that is loaded has its secrets remembered here, for as long as the process lives: a line of one crawl
may quote what belongs to another.
"""

from __future__ import annotations

import base64
import contextlib
import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from scraper.lazy_pattern import lazy_pattern

MASK = "***"
#: A shorter value, or a shorter word, is part of too much else: it is hidden by its name alone.
SHORTEST, SHORTEST_WORD = 4, 6
#: A longer one is looked for as it is; a pattern of all its letters would take seconds to make.
_LONGEST = 8_000
_NO_SECRETS = frozenset({"true", "false", "null", "none", "http", "https"})

#: Also where a URL is written as browsers allow it: https:jo:password@host, https:\\jo:password@host.
USER_INFO = lazy_pattern(r"(?:(?<=//)|(?<=https:)|(?<=http:)|(?<=:\\)|(?<=\\\\))[^/\\?#\s]*@", re.IGNORECASE)
#: And where they keep it from being one: without a scheme, or with a slash in the password.
_MISPLACED = lazy_pattern(
    r"^(\s*(?:[a-z][a-z0-9+.-]*:[/\\]+)?)(?![a-z][a-z0-9+.-]*:[/\\])[^/\\@:\s]*:[^@]*(?:@[^@/\\]*)*@", re.IGNORECASE
)

#: What a letter is behind a backslash; how many of these there may be, and what HTML calls it.
_ESCAPED = {sign: sign for sign in "\"'/\\&<>"} | {"\n": "n", "\r": "r", "\t": "t"}
_SLASHES = r"\\{1,4}"
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
#: Fewer letters in the midst of base64 may be anything.
_SHORTEST_CODED = 8

_lock = threading.Lock()
_known: set[str] = set()
_in_text: re.Pattern[str] | None = None
_in_bytes: re.Pattern[bytes] | None = None


def remember(values: Iterable[str]) -> None:
    """Hide these values from here on, also as URLs, forms, JSON, HTML, Python and base64 write them."""
    global _in_text, _in_bytes
    with _lock:
        new = set(filter(_is_telling, values)) - _known
        if not new:
            return
        _known.update(new)
        # The longest first: one may be part of another.
        longest_first = sorted(_known, key=lambda value: (-len(value), value))
        patterns = [pair for value in longest_first for pair in _patterns_of(value)]
        _in_text = re.compile("|".join(text for text, _ in patterns if text))
        _in_bytes = re.compile("|".join(data for _, data in patterns).encode())


def forget() -> None:
    """Hide nothing any more."""
    global _in_text, _in_bytes
    with _lock:
        _known.clear()
        _in_text = _in_bytes = None


def has_secrets() -> bool:
    """Tell whether there is anything to hide."""
    return _in_text is not None


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


def _is_telling(value: str) -> bool:
    """Tell whether a value can be looked for: a short one is part of too much else."""
    shortest = SHORTEST_WORD if value.isalpha() else SHORTEST
    return len(value) >= shortest and value.lower() not in _NO_SECRETS


def _patterns_of(value: str) -> Iterable[tuple[str, str]]:
    """Return a pattern for each way in which a value is written, in text and in bytes.

    What stands for a letter in one place may stand as it is in another, so that each is looked for by itself.
    """
    raw = value.encode(errors="surrogatepass")
    if len(value) > _LONGEST:
        yield re.escape(value), _as_bytes(raw)
        return
    in_text, in_bytes = [], []
    for letter in value:
        others = _written(letter)
        # The letter itself comes last: it begins what stands for `%`, `&` and a backslash.
        in_text.append(_any_of([*others, re.escape(letter)]))
        in_bytes.append(_any_of([*others, *map(_as_bytes, _encoded(letter))]))
    yield "".join(in_text), "".join(in_bytes)
    for coded in _in_base64(raw):
        yield coded, coded
    for encoding in ("utf-16-le", "utf-16-be"):
        yield "", _as_bytes(value.encode(encoding, errors="surrogatepass"))


def _written(letter: str) -> list[str]:
    """Return patterns of what stands for a letter in URLs, HTML, JSON and the like; letters of ASCII are themselves.

    The same may have been done several times over, but not so often that a page could make a search of it.
    """
    if letter.isascii() and letter.isalnum():
        return []
    code = ord(letter)
    names = [_ENTITIES[letter]] if letter in _ENTITIES else []
    if not letter.isascii():
        from html.entities import codepoint2name  # it brings all entities of HTML along

        names += [codepoint2name[code]] if code in codepoint2name else []
    units = [f"{unit:04x}" for unit in memoryview(letter.encode("utf-16", "surrogatepass")[2:]).cast("H")]
    forms = ["".join(f"%(?:25){{0,3}}{byte:02x}" for byte in encoded) for encoded in _encoded(letter)]
    forms += [f"&(?:amp;){{0,2}}(?:#0{{0,4}}{code}|#x0{{0,4}}{code:x}{''.join(f'|{name}' for name in names)});"]
    forms += ["".join(_SLASHES + "u" + unit for unit in units)]
    forms += ["".join(f"{_SLASHES}x{byte:02x}" for byte in encoded) for encoded in _encoded(letter)]
    found = [f"(?i:{form})" for form in forms]
    if letter in _ESCAPED:
        found.append(_SLASHES + re.escape(_ESCAPED[letter]))
    return [*found, r"\+"] if letter == " " else found


def _encoded(letter: str) -> list[bytes]:
    """Return a letter in the encodings of the web."""
    found = {letter.encode("utf-8", "surrogatepass")}
    for encoding in ("cp1252", "latin-1"):
        with contextlib.suppress(UnicodeEncodeError):
            found.add(letter.encode(encoding))
    return sorted(found)


def _in_base64(raw: bytes) -> Iterable[str]:
    """Return patterns of bytes in base64, also where others stand before them: `user:password`."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        # The first and the last letter may hold bits of what stands beside it.
        inner = coded[before + bool(before) :][: None if (before + len(raw)) % 3 == 0 else -1]
        if before == 0 or len(inner) >= _SHORTEST_CODED:
            inner = inner if before else coded
            yield "".join(_any_of([re.escape(sign), "[-_]"]) if sign in "+/" else sign for sign in inner) + "={0,2}"


def _as_bytes(data: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in data)


def _any_of(patterns: Sequence[str]) -> str:
    return patterns[0] if len(patterns) == 1 else f"(?:{'|'.join(patterns)})"
