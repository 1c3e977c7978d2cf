"""Durations, sizes and shares: how they are written, and what they mean as numbers."""

from __future__ import annotations

from decimal import Decimal

from scraper.lazy_pattern import lazy_pattern

#: Nothing that a crawl waits for takes longer; the operating system's own timers end not far above it.
LONGEST = 3650 * 86_400.0
#: Above any disk, below where a database's integers end.
LARGEST = 10**15

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PLAIN = lazy_pattern(_NUMBER)
_DURATION = lazy_pattern(
    rf"(?:(?P<d>{_NUMBER})d)?(?:(?P<h>{_NUMBER})h)?(?:(?P<m>{_NUMBER})m(?!s))?(?:(?P<s>{_NUMBER})s)?"
    rf"(?:(?P<ms>{_NUMBER})ms)?"
)
_SECONDS = {
    "d": Decimal(86_400),
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
_SIZE = lazy_pattern(rf"({_NUMBER})(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)")
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}


def parse_duration(value: str | float) -> float:
    """Return seconds of `500ms`, `5s`, `2m`, `1m30s`, `2h`, `1d`, or of a plain number of seconds.

    Raises:
        ValueError: it is neither, negative, not finite, or longer than ten years.
    """
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if _PLAIN.fullmatch(value):
            seconds = float(value)
        elif value and match:
            seconds = float(sum(Decimal(match[unit] or 0) * size for unit, size in _SECONDS.items()))
        else:
            raise ValueError(f"not a duration: {value!r}")
    else:
        seconds = value
    if not 0 <= seconds <= LONGEST:
        raise ValueError("a duration lies between 0 and ten years")
    return float(seconds)


def format_duration(seconds: float) -> str:
    """Return the shortest text from which `parse_duration` reads `seconds` again."""
    seconds = float(seconds)
    if seconds == 0:
        return "0s"
    milliseconds = round(seconds * 1000, 6)
    if seconds < 1 and milliseconds.is_integer():
        return f"{int(milliseconds)}ms"
    if not seconds.is_integer():
        return f"{seconds!r}s" if _PLAIN.fullmatch(repr(seconds)) else repr(seconds)
    parts, rest = [], int(seconds)
    for unit in ("d", "h", "m", "s"):
        count, rest = divmod(rest, int(_SECONDS[unit]))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_size(value: str | int) -> int:
    """Return bytes of `10MB` (a million each), `512KiB` (1,024 each), or of a plain number of bytes.

    Raises:
        ValueError: it is neither, negative, or beyond 10^15.
    """
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match:
            size = round(Decimal(match[1]) * _BYTES[match[2]])
        elif value.isascii() and value.isdigit() and len(value) < 20:
            size = int(value)
        else:
            raise ValueError(f"not a size: {value!r}")
    else:
        size = value
    if not 0 <= size <= LARGEST:
        raise ValueError("a size lies between 0 and 10^15 bytes")
    return size


def format_size(size: int) -> str:
    """`size` in the largest unit that says it exactly."""
    for unit in ("TB", "TiB", "GB", "GiB", "MB", "MiB", "kB", "KiB"):
        count, rest = divmod(size, _BYTES[unit])
        if count and not rest:
            return f"{count}{unit}"
    return str(size)


def parse_share(value: str | float) -> float:
    """Return a share between 0 and 1, of `5%` or of `0.05`.

    Raises:
        ValueError: it is neither, or not between 0 and 1.
    """
    if isinstance(value, str):
        number, percent = (value[:-1].rstrip(), True) if value.endswith("%") else (value, False)
        if not _PLAIN.fullmatch(number):
            raise ValueError(f"not a share: {value!r}")
        share = float(number) / (100 if percent else 1)
    else:
        share = value
    if not 0 <= share <= 1:
        raise ValueError("a share lies between 0 and 1")
    return float(share)
