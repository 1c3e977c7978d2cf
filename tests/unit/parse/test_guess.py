"""Pages that declare no encoding are read in the one that they are in."""

from __future__ import annotations

import pytest

from scraper.parse.encoding import decode
from tests.unit.parse.undeclared import TEXTS

CODECS = {"windows-874": "cp874", "shift_jis": "cp932", "euc-kr": "cp949"}
PAGE = (
    "<html><head><title>{0}</title><script>var x = 'a' + 1;</script></head><body class=main><p>{0}</p></body></html>"
)
#: One name stands for the encoding that holds the other.
SAME = {"gb18030": "gbk"}


@pytest.mark.parametrize("language", TEXTS)
def test_a_page_that_declares_nothing_is_guessed_right(language: str) -> None:
    encoding, text = TEXTS[language]
    page = PAGE.format(text)
    found, name = decode(page.encode(CODECS.get(encoding, encoding)), "text/html")
    assert found == page
    assert SAME.get(name, name) == encoding


@pytest.mark.parametrize("language", ["Polish", "Hungarian", "Turkish", "Latvian", "German"])
def test_a_sentence_is_enough_where_it_has_the_letters_of_its_language(language: str) -> None:
    encoding, text = TEXTS[language]
    sentence = text.partition(".")[0]
    assert decode(sentence.encode(CODECS.get(encoding, encoding)), None) == (sentence, encoding)


def test_a_menu_of_languages_does_not_hide_the_language_of_the_page() -> None:
    body = b"<ul><li>English<li>Deutsch</ul>" * 40 + TEXTS["Lithuanian"][1].encode("cp1257")
    assert decode(body, "text/html")[1] == "windows-1257"


def test_the_language_that_a_page_names_decides_where_letters_do_not() -> None:
    letters = "ž, š, ž".encode("cp1257")
    assert decode(b"<html lang=lt><p>" + letters, "text/html")[1] == "windows-1257"


@pytest.mark.parametrize("body", [b"\x80", b"\xff" * 9_000, b"<p>" + bytes(range(256)), b"a\xf0" * 5_000])
def test_what_is_no_text_is_read_somehow(body: bytes) -> None:
    text, encoding = decode(body, "text/html")
    assert text and encoding
