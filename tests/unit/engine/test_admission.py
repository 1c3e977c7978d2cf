"""Every refusal by its name, in its order."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.config import SiteConfig
from scraper.engine.admission import MAX_URL, Admission
from scraper.request import Request
from scraper.store.values import Found, Refusal

BASE = "https://example.com"


def admission(*hosts: str, **settings: Any) -> Admission:
    return Admission(SiteConfig.model_validate({"name": "a", "spider": "a:B"} | settings), hosts or ("example.com",))


def judged(judge: Admission, request: Request) -> Found | Refusal:
    return judge.judge(request)


def verdict(judge: Admission, url: str, depth: int = 0, **keywords: Any) -> str:
    request = Request(url, **keywords)
    request.depth = depth
    found = judged(judge, request)
    return found.reason if isinstance(found, Refusal) else "admitted"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.com/", "admitted"),
        ("http://example.com:8080/", "admitted"),
        ("https://www.example.com/", "admitted"),
        ("https://deep.sub.example.com/", "admitted"),
        ("https://EXAMPLE.com./", "admitted"),
        ("https://user@example.com/", "admitted"),
        ("https://example.com@evil.org/", "offsite"),
        ("https://notexample.com/", "offsite"),
        ("https://example.com.evil.org/", "offsite"),
        ("https://example.org/", "offsite"),
    ],
)
def test_scope(url: str, expected: str):
    assert verdict(admission(allowed_domains=["www.example.com"]), url) == expected


def test_an_address_covers_itself_alone():
    judge = admission(allowed_domains=["10.0.0.1"])
    assert [verdict(judge, f"http://{host}/") for host in ("10.0.0.1", "10.0.0.2")] == ["admitted", "offsite"]


def test_hosts_are_added_only_where_allowed_domains_is_absent():
    free, strict = admission(), admission(allowed_domains=["example.com"])
    for judge in (free, strict):
        judge.allow_host_of("https://other.example/x")
    assert [verdict(judge, "https://other.example/") for judge in (free, strict)] == ["admitted", "offsite"]
    assert (free.added_hosts, strict.added_hosts) == (["other.example"], [])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/docs/a", "admitted"),
        ("/docs/", "admitted"),
        ("/docs/logout", "excluded"),
        ("/logout", "excluded"),
        ("/logout/now?x=1", "excluded"),
        ("/other", "not-included"),
        ("/old/docs/a", "not-included"),
        ("/docs/about/logout-rules", "admitted"),
        ("/docs/a?print=1", "excluded"),
    ],
)
def test_globs_are_of_the_whole_path_and_expressions_of_the_url(path: str, expected: str):
    scope = {"include": ["/docs/*"], "exclude": ["/logout*", "/docs/logout", {"regex": r"[?&]print="}]}
    assert verdict(admission(scope=scope), BASE + path) == expected


@pytest.mark.parametrize(("depth", "expected"), [(0, "admitted"), (2, "admitted"), (3, "depth")])
def test_depth(depth: int, expected: str):
    assert verdict(admission(limits={"depth": 2}), BASE, depth) == expected


def test_a_very_long_url():
    judge = admission()
    assert verdict(judge, f"{BASE}/" + "a" * (MAX_URL - len(BASE) - 1)) == "admitted"
    assert verdict(judge, f"{BASE}/" + "a" * MAX_URL) == "url-too-long"


def test_the_first_reason_counts_and_names_its_key():
    judge = admission(limits={"depth": 1}, scope={"exclude": ["/x*"]})
    request = Request("https://far.example/x")
    request.depth = 9
    refusal = judged(judge, request)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, "allowed_domains" in refusal.message) == ("offsite", True)
    request = Request(f"{BASE}/x")
    request.depth = 9
    refusal = judged(judge, request)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, "scope.exclude" in refusal.message) == ("excluded", True)


def test_what_is_admitted_knows_its_domain_and_fingerprint():
    judge = admission(urls={"sort_query": True, "drop_params": ["utm_*"]})
    found = judged(judge, Request("https://static.example.com/?b=2&a=1&utm_source=x"))
    same = judged(judge, Request("https://static.example.com/?a=1&b=2"))
    assert isinstance(found, Found) and isinstance(same, Found)
    assert (found.domain, found.unfiltered, found.fingerprint) == ("example.com", False, same.fingerprint)
    assert judged(judge, Request(BASE, dont_filter=True)).unfiltered  # type: ignore[union-attr]
