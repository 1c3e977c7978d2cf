"""The words of one simple command, as bash splits it: what would mean another thing to bash is refused."""

from __future__ import annotations

import re

from scraper.errors import BadRequest

_BASH = "copy it as cURL (bash)"
#: What of a command is taken at once, where no quote is open: a break of a line, white space, a part of a word in one
#: of the quotes, an escape, what bash would replace or run, and all else.
_PART = re.compile(
    r"""
    (?P<join>\\\r?\n) | (?P<space>\s+)
    | '(?P<single>[^']*)' | \$'(?P<ansi>(?:[^'\\]|\\.)*)' | \$?"(?P<double>(?:[^"\\]|\\.)*)"
    | \\(?P<escaped>.) | (?P<shell>`|\$[\w{(@*?!\#$-]|[;&|<>()]) | (?P<open>\$?['"]|\\)
    | (?P<plain>[^\s'"\\$`;&|<>()]+|\$)
    """,
    re.VERBOSE | re.DOTALL,
)
_IN_DOUBLE = re.compile(r"\\\r?\n|\\([$`\"\\])|(`|\$[\w{(@*?!#$-])", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})"
    r"|x([0-9a-fA-F]{1,2})|([0-7]{1,3})|c(.)|(.))",
    re.DOTALL,
)
#: What a letter is behind a backslash.
_LETTERS = dict(zip("nrtabfveE\\'\"?", "\n\r\t\a\b\f\v\x1b\x1b\\'\"?", strict=True))


def words_of(command: str) -> list[str]:
    """Return the words of a command; bytes that are no UTF-8 are as `surrogateescape` has them.

    Raises:
        BadRequest: a quote is not closed, or bash would replace something, or do more than run one command.
    """
    words: list[str] = []
    word: str | None = None
    place = 0
    while place < len(command):
        if word is None and command[place] == "#":  # a comment, to the end of its line
            place = command.find("\n", place) if "\n" in command[place:] else len(command)
            continue
        found = _PART.match(command, place)
        assert found is not None
        place, kind, text = found.end(), found.lastgroup or "", found[found.lastgroup or 0]
        if kind == "space":
            words += [] if word is None else [word]
            word = None
        elif kind in ("shell", "open"):
            raise _unreadable(kind, text)
        elif kind != "join":
            word = (word or "") + _value(kind, text)
    return [_as_text(each) for each in ([*words] if word is None else [*words, word])]


def _unreadable(kind: str, text: str) -> BadRequest:
    if kind == "open":
        return BadRequest(f"the command cannot be read: {text} is not closed", remedy=_BASH)
    return BadRequest(f"bash would not take {text} as it stands", remedy=f"put what holds it into quotes, or {_BASH}")


def _value(kind: str, text: str) -> str:
    if kind == "ansi":
        return _ESCAPE.sub(_unescaped, text)
    if kind == "double":
        return _IN_DOUBLE.sub(_undoubled, text)
    return text


def _undoubled(found: re.Match[str]) -> str:
    if found[2]:
        raise BadRequest(f"bash would not take {found[2]} as it stands", remedy=f"use single quotes, or {_BASH}")
    return found[1] or ""


def _unescaped(found: re.Match[str]) -> str:
    high, low, short, long, byte, octal, control, letter = found.groups()
    if high:  # a character beyond the first 65,536, as JavaScript has it
        return bytes.fromhex(high + low).decode("utf-16-be")
    if letter:
        return _LETTERS.get(letter, found[0])
    if control:
        code = ord(control.upper()) ^ 0x40
    else:
        code = int(short or long or byte or octal, 8 if octal else 16)
    is_byte = bool(byte or octal)
    if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000 or (is_byte and code > 0xFF):
        raise BadRequest(f"{found[0]} is no character", remedy=_BASH)
    return chr(0xDC00 + code) if is_byte and code > 0x7F else chr(code)


def _as_text(word: str) -> str:
    """Return a word whose bytes are characters, where they are UTF-8."""
    if word.isascii():
        return word
    try:
        return word.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise BadRequest("the command holds half a character", remedy=_BASH) from None
