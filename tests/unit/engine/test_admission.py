"""Every refusal by its name, in its order."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.config import SiteConfig
from scraper.engine.frontier.admission import MAX_URL, Admission, Known
from scraper.request import Request
from scraper.store.state.seen import Seen
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


class TestKnown:
    @pytest.fixture
    def seen(self) -> Seen:
        return Seen()

    def judge(self, seen: Seen, **settings: Any) -> Admission:
        config = SiteConfig.model_validate({"name": "a", "spider": "a:B"} | settings)
        return Admission(config, ["example.com"], seen)

    def test_only_once_the_store_has_it(self, seen: Seen):
        judge = self.judge(seen)
        assert judge.known(BASE, 1) is None
        found = judged(judge, Request(BASE))
        url = found.request.url  # type: ignore[union-attr]
        assert judge.known(url, 1) is None
        seen.add([found.fingerprint], [])
        assert judge.known(url, 1) is Known.QUEUED

    def test_a_refusal(self, seen: Seen):
        judge = self.judge(seen)
        url = "https://far.example/"
        refusal = judged(judge, Request(url))
        seen.add([refusal.fingerprint], [])
        assert judge.known(url, 1) is None
        seen.add([], [refusal.fingerprint])
        assert judge.known(url, 1) is Known.REFUSED

    def test_one_that_lies_too_deep_is_refused_although_it_is_queued(self, seen: Seen):
        judge = self.judge(seen, limits={"depth": 2})
        found = judged(judge, Request(f"{BASE}/a"))
        seen.add([found.fingerprint], [])
        assert [judge.known(f"{BASE}/a", depth) for depth in (2, 3)] == [Known.QUEUED, None]
        assert verdict(judge, f"{BASE}/a", 3) == "depth"
        seen.add([], [found.fingerprint])
        assert judge.known(f"{BASE}/a", 3) is Known.REFUSED

    def test_a_host_that_comes_into_the_scope_later(self, seen: Seen):
        for widen in (
            lambda judge: judge.allow_host_of("https://www.other.example/"),
            lambda judge: judge.allow(["other.example"]),
        ):
            judge = self.judge(seen)
            assert verdict(judge, "https://other.example/a") == "offsite"
            widen(judge)
            assert verdict(judge, "https://other.example/a") == "admitted"

    def test_another_method_or_a_body_is_another_request(self, seen: Seen):
        judge = self.judge(seen)
        prints = {
            judged(judge, request).fingerprint
            for request in (Request(BASE), Request(BASE, method="POST"), Request(BASE, data="x"), Request(BASE))
        }
        assert len(prints) == 3
