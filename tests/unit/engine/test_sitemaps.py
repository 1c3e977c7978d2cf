"""Which sitemaps a crawl begins with, what is admitted of them, and what a robots.txt names: without sockets."""

from __future__ import annotations

from typing import Any, cast

import pytest

from scraper.config import SiteConfig
from scraper.config.model.run import RevisitConfig
from scraper.engine.frontier.admission import MAX_INDEXES, MAX_URL, Admission
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.page import PageTask
from scraper.engine.tasks.sitemap import NamedByRobots, SitemapTask, first_requests
from scraper.fetch.robots import Robots, RobotsState
from scraper.request import MAX_PRIORITY, Request
from scraper.store.tables import Kind
from scraper.store.values import Found, Queued, Refusal

SITE = "https://example.com"


def config(**settings: Any) -> SiteConfig:
    return SiteConfig.model_validate({"name": "a", "spider": "a:B"} | settings)


def admission(**settings: Any) -> Admission:
    made = config(start_urls=[f"{SITE}/"], **settings)
    return Admission(made, made.own_hosts())


def outcome(verdict: Found | Refusal) -> str:
    return verdict.reason if isinstance(verdict, Refusal) else "admitted"


def file(url: str, depth: int = 0) -> Request:
    request = Request(url)
    request.depth = depth
    return request


def sitemap_task() -> SitemapTask:
    none = cast(Any, None)
    return SitemapTask(none, none, admission(), none)


def page_task() -> PageTask:
    none = cast(Any, None)
    return PageTask(none, none, admission(), Revisit(RevisitConfig(), None))


class TestFirstRequests:
    def test_auto_asks_for_what_robots_txt_names_once_an_origin(self):
        starts = [f"{SITE}/a", f"{SITE}/b", "http://example.com:8080/"]
        found = first_requests(config(start_urls=starts, sitemaps="auto"))
        assert [each.request.url for each in found] == [f"{SITE}/robots.txt", "http://example.com:8080/robots.txt"]

    def test_the_files_given_each_once_before_all_pages(self):
        urls = [f"{SITE}/s.xml", f"{SITE}/s.xml", "https://cdn.example.net/t.xml.gz"]
        found = first_requests(config(sitemaps=urls))
        assert [(each.request.url, each.domain) for each in found] == [
            (urls[0], "example.com"),
            (urls[2], "example.net"),
        ]
        assert {(each.kind, each.request.priority) for each in found} == {(Kind.SITEMAP, MAX_PRIORITY)}

    def test_none(self):
        assert first_requests(config(start_urls=[f"{SITE}/"], sitemaps="none")) == []
        assert first_requests(config(start_urls=[f"{SITE}/"])) == []


class TestPages:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            (f"{SITE}/a", "admitted"),
            ("https://www.example.com/a", "admitted"),
            ("https://other.example/a", "offsite"),
            (f"{SITE}/logout?now", "excluded"),
            (f"{SITE}/{'x' * MAX_URL}", "url-too-long"),
        ],
    )
    def test_are_admitted_like_every_other(self, url: str, expected: str):
        judge = admission(scope={"exclude": ["/logout*"]})
        assert outcome(judge.judge_listed(url, None, SITE)) == outcome(judge.judge(Request(url))) == expected

    def test_are_the_same_requests_as_a_link_gives(self):
        judge = admission(urls={"drop_params": ["utm_*"]})
        listed = judge.judge_listed(f"{SITE}/a?utm_source=map", 7.0, SITE)
        linked = judge.judge(Request(f"{SITE}/a"))
        assert isinstance(listed, Found)
        assert isinstance(linked, Found)
        assert (listed.fingerprint, listed.domain, listed.kind) == (linked.fingerprint, linked.domain, Kind.PAGE)
        assert (listed.lastmod, listed.request.depth, listed.request.callback) == (7.0, 0, None)

    def test_are_no_start_urls(self):
        listed = admission().judge_listed(f"{SITE}/a", None, SITE)
        assert isinstance(listed, Found)
        assert listed.request.listed
        assert not Request(f"{SITE}/a").listed
        assert Request.from_record(listed.request.to_record()).listed


class TestFiles:
    @pytest.mark.parametrize(
        ("url", "beside", "expected"),
        [
            ("https://cdn.example.net/s.xml", None, "admitted"),
            ("https://cdn.example.net/s.xml", "https://cdn.example.net/index.xml", "admitted"),
            (f"{SITE}/s.xml", "https://cdn.example.net/index.xml", "admitted"),
            ("https://victim.example/s.xml", f"{SITE}/index.xml", "offsite"),
            (f"{SITE}/{'x' * MAX_URL}", None, "url-too-long"),
        ],
    )
    def test_where_they_may_lie(self, url: str, beside: str | None, expected: str):
        assert outcome(admission().judge_sitemap(file(url), beside=beside)) == expected

    def test_rules_on_paths_are_about_pages(self):
        judge = admission(scope={"include": ["/books/*"]})
        assert outcome(judge.judge_sitemap(file(f"{SITE}/s.xml"), beside=f"{SITE}/i.xml")) == "admitted"
        assert outcome(judge.judge_listed(f"{SITE}/s.xml", None, SITE)) == "not-included"

    def test_indexes_of_indexes_come_to_an_end(self):
        depths = range(MAX_INDEXES - 1, MAX_INDEXES + 2)
        judged = [outcome(admission().judge_sitemap(file(f"{SITE}/s.xml", depth))) for depth in depths]
        assert judged == ["admitted", "admitted", "depth"]


class TestRobots:
    def queued(self, path: str, kind: Kind = Kind.SITEMAP) -> Queued:
        request = Request(SITE + path)
        return Queued(1, request, request.fingerprint(), "example.com", kind=kind)

    def test_names_sitemaps(self):
        queued = self.queued("/robots.txt")
        robots = Robots(
            RobotsState.RULES, "Sitemap: https://a.example/1.xml\nSitemap: /2.xml\nsitemap: http://b.example/3"
        )
        named = ("https://a.example/1.xml", f"{SITE}/2.xml", "http://b.example/3")
        assert sitemap_task().answered_unsent(queued, SITE, robots) == NamedByRobots(queued, named)

    def test_names_none_where_there_is_none_or_it_is_not_asked(self):
        queued = self.queued("/robots.txt")
        for robots in (Robots(RobotsState.NONE), None):
            assert sitemap_task().answered_unsent(queued, SITE, robots) == NamedByRobots(queued, ())

    def test_all_else_is_to_be_sent(self):
        assert sitemap_task().answered_unsent(self.queued("/sitemap.xml"), SITE, None) is None
        assert page_task().answered_unsent(self.queued("/robots.txt", Kind.PAGE), SITE, None) is None
