from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper import urls

_PATHS = st.text(st.sampled_from("abZ09-._~%/?&=;:@+!$'()*, <>\"äß日#\\|^`{}[]2fFeE"), max_size=40)


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("HTTP://EXAMPLE.com:80", None, "http://example.com/"),
        ("../x", "http://example.com/a/b/c", "http://example.com/a/x"),
        ("//b/c", "https://example.com/", "https://b/c"),
        ("?q=ä", "http://example.com/a", "http://example.com/a?q=%C3%A4"),
        ("http://bücher.example/", None, "http://xn--bcher-kva.example/"),
        ("x", None, None),
        ("http://", None, None),
        ("http://a b/", None, None),
        ("http://example.com:99999/", None, None),
        ("x", "not a base", None),
        ("http://example.com/\ud800", None, None),
        ("HTTP:x", "http://example.com/a/b", "http://example.com/a/x"),
        ("http://other.example/../x", "https://example.com/", "http://other.example/x"),
        (f"http://example.com/{'a' * 600}/../b", None, "http://example.com/b"),
    ],
)
def test_urls_are_made_absolute_as_browsers_do(url: str, base: str | None, expected: str | None) -> None:
    assert urls.normalize(url, base) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com/a#b", "http://example.com/a"),
        ("http://example.com/%7euser/%2fx%c3%a4", "http://example.com/~user/%2Fx%C3%A4"),
        ("http://example.com/?b=2&a=1", "http://example.com/?b=2&a=1"),
        ("http://example.com/?", "http://example.com/?"),
    ],
)
def test_canonical_form(url: str, expected: str) -> None:
    assert urls.canonical(url) == expected


def test_canonical_form_with_the_query_sorted_and_parameters_dropped() -> None:
    url = "http://example.com/?b=2&utm_source=x&a=1&utm_medium=y&a="
    assert urls.canonical(url, sort_query=True) == "http://example.com/?a=&a=1&b=2&utm_medium=y&utm_source=x"
    assert urls.canonical(url, drop_params=["utm_*"]) == "http://example.com/?b=2&a=1&a="
    assert urls.canonical("http://example.com/?utm_source=x", drop_params=["utm_*"]) == "http://example.com/"


@given(_PATHS, st.booleans())
def test_the_canonical_form_is_its_own(path: str, sort_query: bool) -> None:
    url = urls.normalize(path, "http://example.com/a/b")
    if url is not None:
        once = urls.canonical(url, sort_query=sort_query, drop_params=["b*"])
        assert urls.canonical(once, sort_query=sort_query, drop_params=["b*"]) == once


@pytest.mark.parametrize(
    ("url", "origin", "host", "domain"),
    [
        ("https://books.toscrape.com/x?y@z", "https://books.toscrape.com", "books.toscrape.com", "toscrape.com"),
        ("http://u:p@www.example.co.uk:8080/", "http://www.example.co.uk:8080", "www.example.co.uk", "example.co.uk"),
        ("http://alice.github.io/", "http://alice.github.io", "alice.github.io", "alice.github.io"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000", "127.0.0.1", "127.0.0.1"),
        ("http://[::1]:80/", "http://[::1]:80", "::1", "::1"),
        ("http://localhost/", "http://localhost", "localhost", "localhost"),
        ("http://example.com./", "http://example.com.", "example.com.", "example.com"),
    ],
)
def test_origin_host_and_domain(url: str, origin: str, host: str, domain: str) -> None:
    assert urls.origin_of(url) == origin
    assert urls.host_of(url) == host
    assert urls.domain_of(url) == domain
    assert urls.scheme_of(url) == origin.partition(":")[0]


@pytest.mark.parametrize("names", [["utm_*"], []])
def test_bytes_that_are_not_utf_8_tell_pages_apart(names: list[str]) -> None:
    forms = [
        urls.canonical(f"http://example.com/?q={query}&utm_source=x", sort_query=True, drop_params=names)
        for query in ("%E9", "%E8", "%C3%A9", "%E9%20x", "%FF%FE")
    ]
    assert len(set(forms)) == 5
    assert "q=%E9" in forms[0]
    assert "q=%C3%A9" in forms[2]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://example.com/a;jsessionid=12AB", "http://example.com/a"),
        ("http://example.com/a;jsessionid=12AB?b=1", "http://example.com/a?b=1"),
        ("http://example.com/a;jsessionid=12AB/b;v=2/c", "http://example.com/a/b;v=2/c"),
        ("http://example.com/a;v=2;jsessionid=12AB;w=3", "http://example.com/a;v=2;w=3"),
        ("http://example.com/a;jsessionid", "http://example.com/a"),
        ("http://example.com/a;JSESSIONID=1", "http://example.com/a;JSESSIONID=1"),
        ("http://example.com/a?x=1;jsessionid=2&y=3", "http://example.com/a?x=1&y=3"),
        ("http://example.com/jsessionid=1", "http://example.com/jsessionid=1"),
        ("http://example.com/?jsessionid=1", "http://example.com/"),
    ],
)
def test_parameters_of_a_path_are_dropped_too(url: str, expected: str) -> None:
    assert urls.canonical(url, drop_params=["jsessionid"]) == expected
    assert urls.canonical(url) == url


@pytest.mark.parametrize(
    ("url", "as_before"),
    [
        ("http://example.com/?b=2&a=1", "http://example.com/?a=1&b=2"),
        ("http://example.com/?q=%C3%A4+b&p=c%20d/e", "http://example.com/?p=c+d%2Fe&q=%C3%A4+b"),
        ("http://example.com/?a&b=&=c", "http://example.com/?=c&a=&b="),
        ("http://example.com/?%D0%B6=1&%C3%A4=2", "http://example.com/?%C3%A4=2&%D0%B6=1"),
    ],
)
def test_stores_know_ordinary_urls_again(url: str, as_before: str) -> None:
    assert urls.canonical(url, sort_query=True) == as_before


def test_a_name_in_other_letters_is_dropped_as_it_is_written_in_the_configuration() -> None:
    assert (
        urls.canonical("http://example.com/?gr%C3%B6%C3%9Fe=1&b=2", drop_params=["größe"])
        == "http://example.com/?b=2"
    )
