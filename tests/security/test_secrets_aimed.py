"""A page, a listing or a redirect chooses where a crawl's secrets go. The servers' own logs are the witnesses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Request, Sessions, Spider
from scraper.fetch.cookies import LockedJar
from scraper.fetch.redirects import target_of
from tests.crawl.crawling import Follow, Pages, crawl, reasons_of_failures
from tests.security.attacks import HEADER, SECRET, heard, listening, to
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]

PNG = (200, {"Content-Type": "image/png"}, b"\x89PNG\r\n\x1a\n" + bytes(64))


def secrets_for(server: PageServer) -> dict[str, Any]:
    return {server.url: {"headers": {HEADER: SECRET}, "auth": {"basic": ["jo", SECRET]}}}


def sent_with_secrets(server: PageServer) -> list[str]:
    return [path for _, path, headers, _ in heard(server) if HEADER.lower() in headers or "authorization" in headers]


class WithImage(Spider):
    """Yields what a page names as its image."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"image": response.css_first("img").attrs["src"]}


IMAGES = [{"use": "scraper.pipes:Files", "field": "image", "folder": "out/images"}]


class TestFiles:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
    def test_an_image_at_another_origin_goes_bare(
        self, page_server: Start, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        api = listening(page_server, {"/delete?all": PNG}, host=host)
        site = listening(page_server, {"/": f'<img src="{api.url}/delete?all">'})
        crawl(WithImage, f"{site.url}/", origins=secrets_for(api), pipelines=IMAGES)
        assert heard(api).paths() == ["/delete?all"]
        assert sent_with_secrets(api) == []

    def test_its_robots_txt_is_asked_bare_and_obeyed(
        self, page_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        robots = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /delete")
        api = listening(page_server, {"/robots.txt": robots, "/delete": PNG}, host="127.0.0.2")
        site = listening(page_server, {"/": f'<img src="{api.url}/delete">'})
        politeness = {"robots": "obey"}
        crawl(WithImage, f"{site.url}/", origins=secrets_for(api), pipelines=IMAGES, politeness=politeness)
        assert heard(api).paths() == ["/robots.txt"]
        assert sent_with_secrets(api) == []

    def test_an_image_of_the_page_s_own_origin_has_its_secrets(
        self, page_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        site = listening(page_server, {"/": '<img src="/a.png">', "/a.png": PNG})
        crawl(WithImage, f"{site.url}/", origins=secrets_for(site), pipelines=IMAGES)
        assert sent_with_secrets(site) == ["/", "/a.png"]

    def test_one_that_is_redirected_elsewhere_goes_bare(
        self, page_server: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.chdir(tmp_path)
        api = listening(page_server, {"/x": PNG})
        site = listening(page_server, {"/": '<img src="/a.png">', "/a.png": to(f"{api.url}/x")})
        crawl(WithImage, f"{site.url}/", origins=secrets_for(api), pipelines=IMAGES)
        assert heard(api).paths() == ["/x"]
        assert sent_with_secrets(api) == []


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_page_that_redirects_to_a_configured_origin(self, page_server: Start, status: int):
        api = listening(page_server, {"/delete": "<p>gone"})
        site = listening(page_server, {"/": '<a href="/x">x</a>', "/x": to(f"{api.url}/delete", status)})
        crawl(Follow, f"{site.url}/", origins=secrets_for(api))
        assert heard(api).paths() == ["/delete"]
        assert sent_with_secrets(api) == []

    def test_a_start_url_that_brings_a_host_into_the_scope(self, page_server: Start):
        api = listening(page_server, {"/in": '<a href="/delete">x</a>', "/delete": "<p>gone"}, host="127.0.0.2")
        site = listening(page_server, {"/": to(f"{api.url}/in")})
        crawl(Follow, f"{site.url}/", origins=secrets_for(api))
        assert heard(api).paths() == ["/in", "/delete"]
        assert sent_with_secrets(api) == []

    def test_by_way_of_an_origin_back_home(self, page_server: Start):
        pages: dict[str, Any] = {"/": '<a href="/out">x</a>', "/delete": "<p>gone"}
        site = listening(page_server, pages)
        other = listening(page_server, {"/": to(f"{site.url}/delete")})
        pages["/out"] = to(f"{other.url}/")
        crawl(Follow, f"{site.url}/", origins=secrets_for(site))
        assert heard(site).paths() == ["/", "/out", "/delete"]
        assert sent_with_secrets(site) == ["/", "/out"]

    def test_a_refresh_of_a_page(self, page_server: Start):
        api = listening(page_server, {"/delete": "<p>gone"})
        site = listening(page_server, {"/": f'<meta http-equiv="refresh" content="0;url={api.url}/delete">'})
        crawl(Pages, f"{site.url}/", origins=secrets_for(api))
        assert sent_with_secrets(api) == []

    def test_within_an_origin_they_stay(self, page_server: Start):
        site = listening(page_server, {"/": to("/in"), "/in": "<p>in"})
        crawl(Pages, f"{site.url}/", origins=secrets_for(site))
        assert sent_with_secrets(site) == ["/", "/in"]


class TestListings:
    @pytest.mark.parametrize("named", ["page", "sitemap"])
    def test_a_line_of_a_sitemap(self, page_server: Start, named: str):
        api = listening(page_server, {"/delete": "<p>gone"})
        entry = f"<loc>{api.url}/delete</loc>"
        markup = (
            f"<urlset><url>{entry}</url></urlset>"
            if named == "page"
            else f"<sitemapindex><sitemap>{entry}</sitemap></sitemapindex>"
        )
        site = listening(page_server, {"/": "<p>", "/s.xml": (200, {"Content-Type": "text/xml"}, markup.encode())})
        crawl(Pages, f"{site.url}/", origins=secrets_for(api), sitemaps=[f"{site.url}/s.xml"])
        assert heard(api).paths() == ["/delete"]
        assert sent_with_secrets(api) == []

    def test_a_sitemap_that_a_robots_txt_names(self, page_server: Start):
        api = listening(page_server, {"/delete": "<p>gone"}, host="127.0.0.2")
        robots = (200, {"Content-Type": "text/plain"}, f"Sitemap: {api.url}/delete".encode())
        site = listening(page_server, {"/": "<p>", "/robots.txt": robots})
        politeness = {"robots": "obey"}
        crawl(Pages, f"{site.url}/", origins=secrets_for(api), sitemaps="auto", politeness=politeness)
        assert "/delete" in heard(api).paths()
        assert sent_with_secrets(api) == []

    def test_those_of_the_sitemap_s_own_origin_have_theirs(self, page_server: Start):
        pages: dict[str, Any] = {"/": "<p>", "/a": "<p>a"}
        site = listening(page_server, pages)
        listed = f"<urlset><url><loc>{site.url}/a</loc></url></urlset>"
        pages["/s.xml"] = (200, {"Content-Type": "text/xml"}, listed.encode())
        crawl(Pages, f"{site.url}/", origins=secrets_for(site), sitemaps=[f"{site.url}/s.xml"])
        assert sorted(sent_with_secrets(site)) == ["/", "/a", "/s.xml"]


class TestRobots:
    def test_a_robots_txt_that_redirects_goes_bare_on_the_session_of_its_target(self, page_server: Start):
        api = listening(page_server, {"/robots.txt": (404, {}, b""), "/delete": "<p>gone"}, host="127.0.0.2")
        site = listening(page_server, {"/": "<p>", "/robots.txt": to(f"{api.url}/delete")})
        own, its = {"headers": {"X-Site": "site"}}, {"headers": {"X-Site": "api"}}
        run = crawl(
            Pages,
            f"{site.url}/",
            origins=secrets_for(api),
            politeness={"robots": "obey"},
            domains={"127.0.0.1": {"session": own}, "127.0.0.2": {"session": its}},
        )
        assert heard(api).paths() == ["/robots.txt", "/delete"]
        assert sent_with_secrets(api) == []
        assert [headers["x-site"] for _, _, headers, _ in heard(api)] == ["api", "api"]
        # What the Session of a moment sent is in the ledger all the same.
        assert run.stats["requests"] == len(heard(api)) + len(heard(site))

    @pytest.mark.parametrize("crawled", [True, False])
    def test_and_keeps_the_delay_of_its_target(self, page_server: Start, crawled: bool):
        """Whether that domain is crawled, too, or only named by the redirects of others."""
        api = listening(page_server, {"/robots.txt": (404, {}, b""), "/a": "<p>", "/b": "<p>"}, host="127.0.0.2")
        sites = [
            listening(page_server, {"/": "<p>", "/robots.txt": to(f"{api.url}/robots.txt")}, host=f"127.0.0.{last}")
            for last in (3, 4, 5)
        ]
        starts = [f"{site.url}/" for site in sites] + [f"{api.url}/a", f"{api.url}/b"] * crawled
        domains = {"127.0.0.2": {"politeness": {"delay": "400ms", "jitter": 0}}}
        run = crawl(Pages, *starts, politeness={"robots": "obey"}, domains=domains)
        assert run.stats["pages"] == len(starts)
        sent = heard(api).at
        assert len(sent) == 3 + 3 * crawled
        # The server may have noted the first of them late.
        assert sent[-1] - sent[0] > 0.6 * 0.4 * (len(sent) - 1)

    def test_not_to_what_the_robots_txt_there_closes(self, page_server: Start):
        closed = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /")
        api = listening(page_server, {"/robots.txt": closed, "/delete": "<p>gone"}, host="127.0.0.2")
        site = listening(page_server, {"/": "<p>", "/robots.txt": to(f"{api.url}/delete")})
        crawl(Pages, f"{site.url}/", politeness={"robots": "obey"})
        assert heard(api).paths() == ["/robots.txt"]
        assert heard(site).paths() == ["/robots.txt", "/"]

    def test_one_of_sessions_likewise(self, page_server: Start):
        closed = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /")
        api = listening(page_server, {"/robots.txt": closed, "/delete": "<p>gone"}, host="127.0.0.2")
        site = listening(page_server, {"/": "<p>", "/robots.txt": to(f"{api.url}/delete")})
        with Sessions(robots=True, allow_private=True) as web:
            assert web.get(f"{site.url}/").status_code == 200
        assert heard(api).paths() == ["/robots.txt"]


class Sends(Pages):
    """Sends one request of its own."""

    asked: Request

    def start(self) -> Any:
        yield self.asked


def sends(request: Request) -> type[Spider]:
    kind = type("Sends", (Sends,), {"asked": request})
    kind.__module__ = __name__
    return kind


NAMED = ["X-Api-Key", "X-Auth-Token", "Ocp-Apim-Subscription-Key", "X-Functions-Key", "X-CSRF-Token", "Authorization"]


OTHERS = (
    *("http://a.com/", "https://a.com:8443/", "https://www.a.com/", "https://a.com./", "https://b.com/"),
    *("//a.com:444/x", "http:/x", "https://a.com.evil.io/", "https://evil.io/a.com", "https://a.com%2eevil.io/"),
)


class TestAcrossOrigins:
    @pytest.mark.parametrize("target", OTHERS)
    @pytest.mark.parametrize("status", [301, 303, 307])
    def test_not_to_plain_http_another_port_or_a_name_that_looks_alike(self, target: str, status: int):
        request = Request("https://a.com/in", headers={"X-Api-Key": SECRET, "X-Plain": "1"}, cookies={"s": SECRET})
        response = scraper.Response(request.url, status, {"Location": target}, request=request)
        followed, _ = target_of(response, "", LockedJar(), 10)
        assert (followed.headers, followed.cookies, followed.bare) == ({"X-Plain": "1"}, {}, True)

    @pytest.mark.parametrize(
        ("before", "after", "kept"),
        [
            ("http://a.com/", "https://a.com/x", True),
            ("http://a.com/", "https://a.com:443/x", True),
            ("http://a.com/", "https://a.com:8443/", False),
            ("http://a.com:8080/", "https://a.com:8080/", False),
            ("http://a.com:8080/", "https://a.com/", False),
            ("http://[::1]/", "https://[::1]/", True),
            ("http://[::1]:80/", "http://[::1]:81/", False),
        ],
    )
    def test_an_upgrade_to_https_is_one_on_the_ports_of_both(self, before: str, after: str, kept: bool):
        request = Request(before, headers={"X-Api-Key": SECRET})
        response = scraper.Response(request.url, 302, {"Location": after}, request=request)
        followed, _ = target_of(response, "", LockedJar(), 10)
        assert ("X-Api-Key" in followed.headers, followed.bare) == (kept, not kept)

    @pytest.mark.parametrize("name", NAMED)
    def test_a_header_that_is_named_like_a_secret(self, page_server: Start, name: str):
        other = listening(page_server, {"/": "<p>"})
        site = listening(page_server, {"/": to(f"{other.url}/")})
        crawl(sends(Request(f"{site.url}/", headers={name: SECRET, "X-Plain": "yes"})), f"{site.url}/")
        assert heard(site).got(SECRET) == ["/"]
        assert heard(other).got("yes") == ["/"]
        assert heard(other).got(SECRET) == []

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
    @pytest.mark.parametrize(
        "how",
        [
            {"cookies": {"s": SECRET}},
            {"headers": {"Cookie": f"s={SECRET}"}},
            {"headers": {"X-Session": SECRET}},
            {"headers": {"Proxy-Authorization": SECRET}},
            {"headers": {"Referer": f"http://jo:{SECRET}@a.example/in?token={SECRET}"}},
        ],
    )
    def test_what_else_a_request_has_of_its_own(self, page_server: Start, host: str, how: dict[str, Any]):
        other = listening(page_server, {"/": "<p>"}, host=host)
        site = listening(page_server, {"/": to(f"{other.url}/")})
        crawl(sends(Request(f"{site.url}/", **how)), f"{site.url}/", allowed_domains=["127.0.0.1", "127.0.0.2"])
        assert heard(site).got(SECRET) == ["/"]
        assert heard(other).paths() == ["/"]
        assert heard(other).got(SECRET) == []
        with Sessions(allow_private=True) as web:
            web.get(f"{site.url}/", **how)
        assert heard(other).paths() == ["/", "/"]
        assert heard(other).got(SECRET) == []

    @pytest.mark.parametrize("name", NAMED)
    def test_a_header_of_sessions(self, page_server: Start, name: str):
        other = listening(page_server, {"/": "<p>"})
        site = listening(page_server, {"/": to(f"{other.url}/")})
        with Sessions(allow_private=True) as web:
            web.get(f"{site.url}/", headers={name: SECRET, "X-Plain": "yes"})
        assert (heard(other).got("yes"), heard(other).got(SECRET)) == (["/"], [])

    @pytest.mark.parametrize("status", [307, 308])
    @pytest.mark.parametrize("how", [{"data": {"q": SECRET}}, {"json": {"q": SECRET}}, {}])
    def test_a_post_and_its_body(self, page_server: Start, status: int, how: dict[str, Any]):
        other = listening(page_server, {"/": "<p>"})
        site = listening(page_server, {"/": to(f"{other.url}/", status)})
        run = crawl(sends(Request(f"{site.url}/", method="POST", **how)), f"{site.url}/")
        assert heard(other) == []
        assert reasons_of_failures(run) == {"/": "bad-redirect"}

    @pytest.mark.parametrize("status", [307, 308])
    def test_a_post_of_sessions(self, page_server: Start, status: int):
        other = listening(page_server, {"/": "<p>"})
        site = listening(page_server, {"/": to(f"{other.url}/", status)})
        with Sessions(allow_private=True) as web, pytest.raises(scraper.ScraperError) as error:
            web.post(f"{site.url}/", data={"q": SECRET})
        assert heard(other) == []
        assert SECRET not in str(error.value)
        assert error.value.remedy

    @pytest.mark.parametrize("status", [302, 303])
    def test_a_post_that_becomes_a_get_leaves_its_body(self, page_server: Start, status: int):
        other = listening(page_server, {"/": "<p>"})
        site = listening(page_server, {"/": to(f"{other.url}/", status)})
        crawl(sends(Request(f"{site.url}/", method="POST", data={"q": SECRET})), f"{site.url}/")
        assert [method for method, *_ in heard(other)] == ["GET"]
        assert heard(other).got(SECRET) == []

    def test_within_the_origin_a_post_is_sent_on(self, page_server: Start):
        site = listening(page_server, {"/": to("/in", 307), "/in": "<p>"})
        crawl(sends(Request(f"{site.url}/", method="POST", data={"q": SECRET})), f"{site.url}/")
        assert heard(site).got(SECRET) == ["/", "/in"]

    @pytest.mark.parametrize("status", [302, 303, 307])
    def test_what_is_no_get_never_widens_the_scope(self, page_server: Start, status: int):
        other = listening(page_server, {"/": "<p>"}, host="127.0.0.2")
        site = listening(page_server, {"/": to(f"{other.url}/", status)})
        crawl(sends(Request(f"{site.url}/", method="POST", data={"q": "1"})), f"{site.url}/")
        assert heard(other) == []
