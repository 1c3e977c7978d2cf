"""The key `sitemaps`: auto, none, URLs."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.config import Loaded, load
from scraper.errors import ConfigError

A, B = "https://a.example/sitemap.xml", "https://b.example/feed"


def loaded(sitemaps: Any, **keys: Any) -> Loaded:
    return load({"spider": "module:Spider", "sitemaps": sitemaps, **keys})


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("auto", ("auto",)),
        ("none", ()),
        ([], ()),
        (A, (A,)),
        ([A, B], (A, B)),
        (["auto", B], ("auto", B)),
        ("HTTPS://A.example:443/sitemap.xml#x", (A,)),
    ],
)
def test_read(written: Any, read: tuple[str, ...]):
    assert loaded(written).config.sitemaps == read


@pytest.mark.parametrize(
    ("written", "key", "said"),
    [
        ("sitemap.xml", "sitemaps", "expected an absolute http or https URL"),
        ([A, "none"], "sitemaps[1]", "expected auto or a URL"),
        ({"auto": True}, "sitemaps", "expected a list"),
    ],
)
def test_wrong(written: Any, key: str, said: str):
    with pytest.raises(ConfigError) as error:
        loaded(written)
    assert f"{key}: {said}" in str(error.value)


def test_the_default_is_none():
    assert load({"spider": "module:Spider"}).config.sitemaps == ()


def test_hosts_of_the_scope_are_those_of_the_sitemaps_only_without_start_urls():
    assert loaded([A, "auto"]).config.own_hosts() == ["a.example"]
    assert loaded([A], start_urls=["https://c.example/"]).config.own_hosts() == ["c.example"]
