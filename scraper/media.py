"""Tell what a body is: by its Content-Type as servers write it, and by its first bytes.

The signatures are those of the MIME Sniffing Standard (https://mimesniff.spec.whatwg.org/, sections 6 and 7) and of
formats that crawls collect beside them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from mimetypes import MimeTypes
from typing import Any, NamedTuple
from urllib.parse import unquote

from scraper.lazy_pattern import lazy_pattern

#: So many bytes tell a type.
HEAD_BYTES = 512
UNKNOWN = "application/octet-stream"

_ZIP, _OLE, _MP4, _GZIP, _OGG, _MATROSKA = (
    "application/zip",
    "application/x-ole-storage",
    "video/mp4",
    "application/gzip",
    "application/ogg",
    "video/webm",
)
#: Type, where its bytes are, and which; the first that holds counts.
_SIGNATURES: tuple[tuple[str, int, bytes], ...] = (
    ("image/png", 0, b"\x89PNG\r\n\x1a\n"),
    ("image/jpeg", 0, b"\xff\xd8\xff"),
    ("image/gif", 0, b"GIF87a"),
    ("image/gif", 0, b"GIF89a"),
    ("image/webp", 8, b"WEBPVP"),
    ("image/avif", 4, b"ftypavif"),
    ("image/heic", 4, b"ftypheic"),
    ("image/tiff", 0, b"II*\0"),
    ("image/tiff", 0, b"MM\0*"),
    ("image/vnd.microsoft.icon", 0, b"\0\0\1\0"),
    ("image/bmp", 0, b"BM"),
    ("application/pdf", 0, b"%PDF-"),
    ("application/postscript", 0, b"%!PS-Adobe-"),
    (_ZIP, 0, b"PK\3\4"),
    (_ZIP, 0, b"PK\5\6"),
    (_GZIP, 0, b"\x1f\x8b\x08"),
    ("application/x-7z-compressed", 0, b"7z\xbc\xaf\x27\x1c"),
    ("application/vnd.rar", 0, b"Rar!\x1a\x07"),
    ("application/zstd", 0, b"\x28\xb5\x2f\xfd"),
    ("application/x-xz", 0, b"\xfd7zXZ\0"),
    ("application/x-bzip2", 0, b"BZh"),
    (_OLE, 0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    (_MP4, 4, b"ftyp"),
    (_MATROSKA, 0, b"\x1a\x45\xdf\xa3"),
    (_OGG, 0, b"OggS\0"),
    ("audio/mpeg", 0, b"ID3"),
    ("audio/flac", 0, b"fLaC"),
    ("audio/wav", 8, b"WAVE"),
    ("video/x-msvideo", 8, b"AVI "),
    ("font/woff2", 0, b"wOF2"),
    ("font/woff", 0, b"wOFF"),
)
_SIGNED = frozenset(kind for kind, _, _ in _SIGNATURES)
#: Containers: what a server may say of one more exactly, by the beginnings of types.
_WITHIN: dict[str, tuple[str, ...]] = {
    _ZIP: ("application/vnd.", "application/epub+zip", "application/java-archive"),
    _OLE: ("application/vnd.ms-", "application/msword"),
    _MP4: ("video/quicktime", "audio/mp4", "image/heif", "video/3gpp"),
    _GZIP: ("application/x-tar", "application/x-tgz"),
    _OGG: ("audio/ogg", "video/ogg"),
    _MATROSKA: ("video/x-matroska", "audio/webm"),
}
#: Other names of types.
_SAME = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-icon": "image/vnd.microsoft.icon",
    "application/x-pdf": "application/pdf",
    "application/x-zip-compressed": _ZIP,
    "application/x-gzip": _GZIP,
    "application/x-rar-compressed": "application/vnd.rar",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
}
#: What an image that is markup is called, and whose types are never markup but for it.
SVG = "image/svg+xml"
_NEVER_MARKUP = ("image/", "audio/", "video/", "font/")
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--")
_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/vnd.microsoft.icon": ".ico",
    "image/tiff": ".tif",
    "audio/mpeg": ".mp3",
    "audio/flac": ".flac",
    "audio/wav": ".wav",
    "application/gzip": ".gz",
    "application/x-7z-compressed": ".7z",
    "application/vnd.rar": ".rar",
    "application/zstd": ".zst",
    "application/x-xz": ".xz",
    "application/x-bzip2": ".bz2",
    "application/postscript": ".ps",
    "application/epub+zip": ".epub",
    "application/ogg": ".ogg",
    "audio/ogg": ".ogg",
    "video/ogg": ".ogv",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt",
    "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "font/woff": ".woff",
    "font/woff2": ".woff2",
    "text/plain": ".txt",
    "text/html": ".html",
    UNKNOWN: ".bin",
}


#: A type as it begins a Content-Type; what follows without a semicolon is read over.
_ESSENCE = lazy_pattern(r"[\s\"']*([\w!#$%&'*+.^`|~-]+)\s*/\s*([\w!#$%&*+.^`|~-]+)")
_WORD = lazy_pattern(r"[\s\"']*([\w-]+)[\s\"';:]*(?:charset\b.*)?", re.IGNORECASE | re.DOTALL)
#: HTML by other names than its own.
_OF_HTML = frozenset({"html", "htm", "xhtml", "text-html", "text/htm", "text/xhtml", "application/html"})
_NO_TYPES = frozenset({"*/*", "unknown/unknown", "application/unknown"})
_CHARSET = lazy_pattern(r"""charset\s*[=:]\s*(?:"([^"]*)"?|'([^']*)'|([^\s;"',]+))""", re.IGNORECASE)
_BETWEEN = lazy_pattern(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')
_LONGEST = 1_000


class ContentType(NamedTuple):
    """What a Content-Type says: `text/html`, in lower case, and the charset as it is written; empty for nothing."""

    essence: str
    charset: str


@lru_cache(maxsize=1024)
def content_type_of(header: str) -> ContentType:
    """Read a Content-Type as browsers do.

    Of several, as a header that came twice has them, the last that is a type counts, with a charset of the same type
    before it (Fetch Standard, "extract a MIME type"). A type that is followed by `charset=` without a semicolon, and
    `html` alone, are understood; what is no type says nothing.

    Args:
        header: the value; those of several headers with commas between.
    """
    essence = charset = ""
    for value in _BETWEEN.split(header[:_LONGEST]) if "," in header else (header,):
        found = _essence_of(value)
        named = _CHARSET.search(value)
        said = next((group for group in named.groups() if group), "") if named else ""
        if not found or found in _NO_TYPES:
            charset = charset or said
            continue
        charset = said or (charset if found == essence or not essence else "")
        essence = found
    return ContentType(essence, charset)


def _essence_of(value: str) -> str:
    match = _ESSENCE.match(value)
    if match is not None:
        found = f"{match[1]}/{match[2]}".lower()
    else:
        word = _WORD.fullmatch(value)
        found = word[1].lower() if word else ""
        if found not in _OF_HTML:
            return ""
    return "text/html" if found in _OF_HTML else found


def type_of(head: bytes, claimed: str | None) -> str:
    """Return the media type of what begins with `head`.

    Bytes count for more than what a server says: a type that has a signature is one only with it. A container, such
    as ZIP, is what the server says if that can be one (a .docx). What has no signature is what the server says.

    Args:
        head: the first `HEAD_BYTES`, or all there are.
        claimed: a Content-Type; None where the server sent none.
    """
    said = content_type_of(claimed or "").essence
    said = _SAME.get(said, said)
    for kind, place, signature in _SIGNATURES:
        if head[place : place + len(signature)] == signature:
            return said if said.startswith(_WITHIN.get(kind, ("\0",))) else kind
    if said.startswith(_NEVER_MARKUP) and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return SVG if b"<svg" in head.lower() else "text/html"
    if said in _SIGNED or "/" not in said:
        return "text/html" if head.lstrip()[:20].lower().startswith(_HTML) else UNKNOWN
    return said


def ending_of(media_type: str) -> str:
    """Return the ending of a name for a file of that type, such as `.pdf`; `.bin` where none is known."""
    return _ENDINGS.get(media_type) or _table().guess_extension(media_type) or _ENDINGS[UNKNOWN]


@cache
def _table() -> MimeTypes:
    # Of its own table alone: that of the machine would name files here so and there otherwise.
    return MimeTypes()


_NAMES = lazy_pattern(r";\s*(filename\*?)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;\s]*))", re.IGNORECASE)


def file_name_of(header: str | None) -> str | None:
    """Return the name that a server gives a file, without folders; None where it gives none.

    Source: RFC 6266, 4.3, with RFC 8187 for `filename*`, which counts before `filename`.

    Args:
        header: the value of Content-Disposition, as requests has it.
    """
    found = {match[1].lower(): match[2] or match[3] for match in _NAMES.finditer(header or "")}
    name = re.sub(r"\\(.)", r"\1", found.get("filename") or "")
    with contextlib.suppress(UnicodeError):
        name = name.encode("latin-1").decode()  # what stands there beyond ASCII is UTF-8 nearly always
    extended = (found.get("filename*") or "").split("'", 2)
    if len(extended) == 3:
        with contextlib.suppress(LookupError, UnicodeError):
            name = unquote(extended[2], extended[0] or "utf-8", "strict")
    name = "".join(one for one in re.split(r"[/\\]", name)[-1] if one.isprintable()).strip(" .")
    return name[:255] or None


def is_download(headers: Mapping[str, Any]) -> bool:
    """Tell whether a browser would save an answer instead of showing it (RFC 6266 section 4.2)."""
    return str(headers.get("Content-Disposition") or "").strip().lower().startswith("attachment")
