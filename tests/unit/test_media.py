"""What a file is, by its first bytes and by what its server says."""

from __future__ import annotations

import pytest

from scraper.media import UNKNOWN, content_type_of, ending_of, file_name_of, type_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("head", "claimed", "expected"),
    [
        (b"%PDF-1.7\n", None, "application/pdf"),
        (b"%PDF-1.7\n", "text/html", "application/pdf"),
        (b"%PDF-1.7\n", "application/octet-stream", "application/pdf"),
        (b"<!DOCTYPE html><p>", "application/pdf", "text/html"),
        (b" \n<html>", "image/jpeg", "text/html"),
        (b"no such page", "image/jpeg", UNKNOWN),
        (b"\xff\xd8\xff\xe0", "image/jpg", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", None, "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", None, "audio/wav"),
        (b"\0\0\0\x20ftypavif", None, "image/avif"),
        (b"\0\0\0\x20ftypisom", "video/mp4", "video/mp4"),
        (b"\0\0\0\x20ftypM4A ", "audio/mp4", "audio/mp4"),
        (b"PK\3\4", "application/x-zip-compressed", "application/zip"),
        (b"PK\3\4", DOCX, DOCX),
        (b"PK\3\4", "image/png", "application/zip"),
        (b"\x1f\x8b\x08", "text/csv", "application/gzip"),
        (b"a,b\n1,2\n", "text/csv; charset=utf-8", "text/csv"),
        (b"<svg>", "image/svg+xml", "image/svg+xml"),
        (b"", "", UNKNOWN),
        (b"x", "nonsense", UNKNOWN),
    ],
)
def test_type_of(head: bytes, claimed: str | None, expected: str) -> None:
    assert type_of(head, claimed) == expected


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/pdf", ".pdf"),
        ("image/jpeg", ".jpg"),
        ("image/svg+xml", ".svg"),
        ("text/csv", ".csv"),
        (DOCX, ".docx"),
        (UNKNOWN, ".bin"),
        ("x/../../evil", ".bin"),
    ],
)
def test_ending_of(media_type: str, expected: str) -> None:
    assert ending_of(media_type) == expected


@pytest.mark.parametrize(
    ("header", "essence", "charset"),
    [
        ("text/html; charset=utf-8", "text/html", "utf-8"),
        ("TEXT/HTML;CHARSET='utf-8'", "text/html", "utf-8"),
        ("text/html, text/html", "text/html", ""),
        ("text/html; charset=utf-8, text/html", "text/html", "utf-8"),
        ("text/html; charset=utf-8, text/html; charset=latin1", "text/html", "latin1"),
        ("text/plain; charset=utf-8, text/html", "text/html", ""),
        ("text/html, nonsense", "text/html", ""),
        ("text/html, charset=utf-8", "text/html", "utf-8"),
        ("text/html; charset: utf-8", "text/html", "utf-8"),
        ("text/html;;charset=utf-8", "text/html", "utf-8"),
        ("text/html charset=utf-8", "text/html", "utf-8"),
        ('text/html charset = "utf-8"', "text/html", "utf-8"),
        ("html", "text/html", ""),
        ("HTML; charset=utf-8", "text/html", "utf-8"),
        ("html charset=utf-8", "text/html", "utf-8"),
        ("xhtml", "text/html", ""),
        ("application/html", "text/html", ""),
        ("application/pdf", "application/pdf", ""),
        ("application/problem+json;charset=utf-8", "application/problem+json", "utf-8"),
        ("*/*", "", ""),
        ("", "", ""),
        ("; charset=utf-8", "", "utf-8"),
        ("json", "", ""),
    ],
)
def test_a_content_type_as_servers_write_it(header: str, essence: str, charset: str) -> None:
    assert content_type_of(header) == (essence, charset)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("attachment", None),
        ('attachment; filename=""', None),
        ('attachment; filename="a b.pdf"', "a b.pdf"),
        ("inline; FILENAME=a.pdf; size=3", "a.pdf"),
        ("attachment; filename=\"EURO.pdf\"; filename*=UTF-8''%e2%82%ac.pdf", "\u20ac.pdf"),
        ("attachment; filename*=iso-8859-1'en'%A3.pdf", "\xa3.pdf"),
        ("attachment; filename*=klingon''%e2x; filename=y", "y"),
        ('attachment; filename="q\\"x.pdf"', 'q"x.pdf'),
        ('attachment; filename="Gr\xc3\xb6\xc3\x9fe.pdf"', "Gr\xf6\xdfe.pdf"),
        ('attachment; filename="Gr\xf6\xdfe.pdf"', "Gr\xf6\xdfe.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        (r'attachment; filename="C:\\x\\y.pdf"', "y.pdf"),
        ('attachment; filename="a\x01b.pdf"', "ab.pdf"),
        ('attachment; filename=".."', None),
    ],
)
def test_file_name_of(header: str | None, expected: str | None) -> None:
    assert file_name_of(header) == expected
