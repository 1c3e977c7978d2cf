from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.parse import labels
from scraper.parse.codecs import decode_as
from scraper.parse.encoding import PRESCAN_BYTES, decode, sniff
from scraper.parse.labels import encoding_of

RUSSIAN = "Привет, мир. Эта страница про книги, про их цены, про наш магазин."


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("gb2312", "gbk"),
        ("ISO-8859-1", "windows-1252"),
        ("latin1", "windows-1252"),
        ("us-ascii", "windows-1252"),
        ("\n UTF8 ", "utf-8"),
        ("iso8859-2", "iso-8859-2"),
        ("x-sjis", "shift_jis"),
        ("utf-16", "utf-16le"),
        ("x-user-defined", "x-user-defined"),
        ("utf-7", None),
        ("iso-2022-kr", None),
        ("bogus", None),
        ("", None),
    ],
)
def test_a_label_means_what_it_means_to_a_browser(label: str, name: str | None) -> None:
    assert encoding_of(label) == name


def test_python_has_a_codec_for_every_encoding() -> None:
    for name in {encoding_of(label) for label in labels._NAMES}:
        assert name is not None
        assert decode_as(b"plain", name) if "utf-16" not in name else codecs.lookup(name)


@pytest.mark.parametrize(
    ("body", "content_type", "text", "encoding"),
    [
        # A byte order mark is stronger than the header, the header than the page, the page than a guess.
        (b"\xef\xbb\xbfa\xc3\xa9", "text/html; charset=windows-1251", "aé", "utf-8"),
        ("é".encode("utf-16"), "text/html; charset=utf-8", "é", "utf-16le"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), None, "é", "utf-16be"),
        (b"<meta charset=utf-8>\xe9", "text/html; charset=iso-8859-1", "<meta charset=utf-8>é", "windows-1252"),
        (b"<meta charset=windows-1251>\xe9", "text/html", "<meta charset=windows-1251>й", "windows-1251"),
        (b"<meta charset=utf-16>\xc3\xa9", None, "<meta charset=utf-16>é", "utf-8"),
        (b"<meta charset=x-user-defined>\xe9", None, "<meta charset=x-user-defined>é", "windows-1252"),
        (b"a\xe9", "text/html; charset=x-user-defined", "a\uf7e9", "x-user-defined"),
        (b'<?xml version="1.0" encoding="koi8-r"?>\xc1', "application/xhtml+xml", None, "koi8-r"),
        # Unknown labels are as good as none.
        (b"<meta charset=utf-8>\xc3\xa9", "text/html; charset=bogus", "<meta charset=utf-8>é", "utf-8"),
        (b"+AGE-", "text/html; charset=utf-7", "+AGE-", "windows-1252"),
        # text/* without a charset is not ISO-8859-1 by default.
        ("naïve 日本".encode(), "text/plain", "naïve 日本", "utf-8"),
        ("Größe".encode("cp1252"), "text/plain", "Größe", "windows-1252"),
        (b"\x80 and \x93quoted\x94", "text/html; charset=ISO-8859-1", "€ and “quoted”", "windows-1252"),
        # A body that only looks as if it declared something.
        ('{"a": "é <meta charset=big5>"}'.encode(), "application/json", '{"a": "é <meta charset=big5>"}', "utf-8"),
        ("é <meta charset=big5>".encode(), "text/plain", "é <meta charset=big5>", "utf-8"),
        (b"\xe9", 'application/json; charset="latin1"', "é", "windows-1252"),
        (b"", None, "", "windows-1252"),
    ],
)
def test_the_first_that_says_so_decides(
    body: bytes, content_type: str | None, text: str | None, encoding: str
) -> None:
    found, name = decode(body, content_type)
    assert name == encoding
    assert text is None or found == text


@pytest.mark.parametrize(
    ("page", "encoding"),
    [
        (b"<meta charset='koi8-r'>", "koi8-r"),
        (b'<META HTTP-EQUIV=content-type CONTENT="text/html; charset=koi8-r">', "koi8-r"),
        (b'<meta content="text/html; charset=koi8-r" http-equiv="Content-Type">', "koi8-r"),
        (b'<meta content="text/html; charset=koi8-r">', None),
        (b"<!-- <meta charset=koi8-r> --><meta charset=big5>", "big5"),
        (b"<!--><meta charset=koi8-r>", "koi8-r"),
        (b"<!-- <meta charset=koi8-r>", None),
        (b'<p title="<meta charset=koi8-r>"><meta charset=big5>', "big5"),
        (b"<meta charset=bogus><meta charset=big5>", "big5"),
        (b"<meta charset=koi8-r", None),
        (b"<meta charset='koi8-r>", None),
        (b"<metadata charset=koi8-r>", None),
        (b"<meta/charset=koi8-r/>", None),
        (b"<meta charset=big5 charset=koi8-r>", "big5"),
        (b"<p <meta charset=koi8-r>", None),
        (b"<?php x ?><meta charset=koi8-r>", "koi8-r"),
        (b" " * 1100 + b"<meta charset=koi8-r>", "koi8-r"),
        (b" " * PRESCAN_BYTES + b"<meta charset=koi8-r>", None),
    ],
)
def test_a_page_declares_its_encoding(page: bytes, encoding: str | None) -> None:
    assert sniff(page, "text/html") == encoding


@pytest.mark.parametrize(
    ("text", "codec", "encoding"),
    [
        (RUSSIAN, "cp1251", "windows-1251"),
        (RUSSIAN, "koi8-r", "koi8-r"),
        ("日本語のページです。今日は天気がいいですね。", "shift_jis", "shift_jis"),
        ("日本語のページです。今日は天気がいいですね。", "euc_jp", "euc-jp"),
        ("这是一个关于书的网页。我们的商店里有很多书。", "gbk", "gb18030"),
        ("Les élèves étaient déjà là où la forêt bordée de chênes commençait", "cp1252", "windows-1252"),
        ("Größe und Übermut fällt schön für die Straße", "cp1252", "windows-1252"),
    ],
)
def test_what_declares_nothing_is_guessed(text: str, codec: str, encoding: str) -> None:
    page = f"<html><body><p>{text}</p></body></html>"
    assert decode(page.encode(codec), "text/html") == (page, encoding)


def test_utf_8_that_was_cut_in_the_middle_of_a_character_is_utf_8() -> None:
    text, encoding = decode(RUSSIAN.encode()[:-2], "text/html")
    assert encoding == "utf-8"
    assert text.startswith(RUSSIAN[:-2])
    assert text.endswith("\ufffd")


@given(
    st.binary(max_size=300), st.none() | st.text(max_size=40) | st.sampled_from(["text/html", "a; charset=utf-16"])
)
def test_decoding_never_raises_and_gives_what_utf_8_can_say(body: bytes, content_type: str | None) -> None:
    text, encoding = decode(body, content_type)
    assert text.encode().decode() == text
    assert encoding == encoding_of(encoding)


@given(st.sampled_from(sorted(labels._NAMES)), st.binary(max_size=64))
def test_no_encoding_of_the_table_raises(label: str, body: bytes) -> None:
    text, _ = decode(body, f"text/html; charset={label}")
    assert text.encode().decode() == text
