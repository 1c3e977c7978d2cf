"""Legacy encodings are read and written as the Encoding Standard says, also where Python's codecs do otherwise."""

from __future__ import annotations

import pytest

from scraper import Response
from scraper.parse.encoders import encode
from scraper.parse.encoding import decode

#: Encoding, bytes, and the characters that browsers read of them.
READ = [
    ("euc-jp", b"\xad\xa1 \xad\xea\xfc\xe2\xa1\xc1\xa1\xdd", "① ㈱髙～－"),
    ("euc-jp", b"\x8e\xb1\x8f\xb0\xa1\xa4\xa2", "ｱ丂あ"),
    ("euc-jp", b"\xff\xad", "\ufffd\ufffd"),
    ("big5", b"12\xa3\xe1 \xa1\xe3\xa2\x44", "12€ ～￥"),
    ("gbk", b"12\x80\xa3\xac", "12€，"),
    ("gb18030", b"\x80\x81\x30\x81\x30", "€\x80"),
    ("koi8-u", b"\xae\xbe\xa4", "ўЎє"),
    ("windows-1252", b"\xe2\x80\x9d\x81\x80", "â€\x9d\x81€"),
    ("windows-1257", b"\xa1\x98", "\ufffd\x98"),
    ("windows-874", b"\xdb\x99", "\ufffd\x99"),
    ("x-user-defined", b"a\x80\xff", "a\uf780\uf7ff"),
]
#: Encoding, characters, and the bytes that browsers send of them.
WRITTEN = [
    ("euc-jp", "①髙～〜−¥‾¢", b"\xad\xa1\xfc\xe2\xa1\xc1&#12316;\xa1\xdd\\~&#162;"),
    ("shift_jis", "①髙～〜−¥‾¢", b"\x87\x40\xfb\xfc\x81\x60&#12316;\x81\x7c\\~&#162;"),
    ("big5", "€～￥¥", b"\xa3\xe1\xa1\xe3\xa2\x44&#165;"),
    ("gbk", "€，é😀", b"\x80\xa3\xac\xa8\xa6&#128512;"),
    ("gb18030", "€😀", b"\xa2\xe3\x94\x39\xfc\x36"),
    ("koi8-u", "ўє", b"\xae\xa4"),
    ("windows-1252", "Ã\x81€\x80", b"\xc3\x81\x80&#128;"),
    ("iso-2022-jp", "日本", b"\x1b$BF|K\\\x1b(B"),
    ("x-user-defined", "\uf7e9é", b"\xe9&#233;"),
]


@pytest.mark.parametrize(("name", "body", "text"), READ)
def test_bytes_are_read_as_browsers_read_them(name: str, body: bytes, text: str) -> None:
    assert decode(body, f"text/html; charset={name}") == (text, name)


@pytest.mark.parametrize(("name", "text", "body"), WRITTEN)
def test_text_is_sent_as_browsers_send_it(name: str, text: str, body: bytes) -> None:
    assert encode(text, name) == body


def test_a_page_of_utf_8_that_says_it_is_latin_1_links_to_where_it_means() -> None:
    page = Response(
        "http://a.example/",
        headers={"Content-Type": "text/html; charset=iso-8859-1"},
        body="<a href='/?q=Ávila Ýr'>x</a>".encode(),
    )
    assert page.links() == ["http://a.example/?q=%C3%81vila%20%C3%9Dr"]
