"""Words and numbers for people: in the log, the progress display and the report."""

from __future__ import annotations

import re

from scraper.hiding import hide
from scraper.lazy_pattern import lazy_pattern

# Control characters (C0, DEL, C1), what changes the direction of text or breaks a line (Unicode UAX 9, UAX 14),
# and lone surrogates, which no output can encode.
_UNSAFE = lazy_pattern("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_LINES = lazy_pattern(rf"(?![\t\n]){_UNSAFE.pattern}")
_LONGEST = 2000


def plain(text: str) -> str:
    """`text` as one line that does nothing to a terminal: control characters become escapes, as in `\\x1b`.

    Secrets are hidden. Of more than 2,000 characters the middle is left out.
    """
    text = hide(text)
    if len(text) > _LONGEST:
        half = _LONGEST // 2
        text = f"{text[:half]} ... ({len(text) - 2 * half:,} characters) ... {text[-half:]}"
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    return match.group().encode("unicode_escape").decode("ascii")


def harmless(text: str) -> str:
    """Return text of several lines with escapes for all else that does something to a terminal, but for tabs."""
    return _UNSAFE_IN_LINES.sub(_escape, text)


def plain_json(text: str) -> str:
    """Return JSON without line breaks that does nothing to a terminal and says the same."""
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def block(text: str, indent: str = "    ") -> str:
    """Return the lines of `text`, each plain and indented, so that none can pass for a line of its own."""
    return "\n".join(indent + plain(line) for line in hide(text).rstrip("\n").split("\n"))


def size(count: int) -> str:
    """Return a number of bytes: `812 B`, `27.1 kB`, `3.2 MB`. Units are decimal, as in the configuration."""
    if count < 1000:
        return f"{count} B"
    value = count / 1000
    for unit in ("kB", "MB", "GB"):
        if value < 999.95:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """Return a time span: `0.4 ms`, `45 ms`, `1.24 s`, `1 min 22 s`, `2 h 03 min`, `3 d 04 h`."""
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24:,} d {hours % 24:02d} h"


def short(count: int) -> str:
    """Return a number in six characters at the most: `9,999`, `12.3k`, `123k`, `1.2M`, `1.2G`."""
    if count < 10_000:
        return f"{count:,}"
    value = count / 1000
    for unit in ("k", "M"):
        if value < 999.5:
            return f"{value:.1f}{unit}" if value < 99.95 else f"{value:.0f}{unit}"
        value /= 1000
    return f"{value:.1f}G"


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 page`, `1,204 pages`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
