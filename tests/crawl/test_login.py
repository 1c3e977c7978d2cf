"""Logging in: before the first page, once for all runs, again when the session has ended, and never in a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scraper import Response, Run
from scraper.demo.shop import MEMBER_PRODUCTS, Shop
from scraper.observe import events
from tests.crawl.crawling import Pages, Seen, crawl, paths
from tests.servers.club import PASSWORD, USER, Club
from tests.servers.keepalive import PageServer

Start = Callable[..., Club]


class Members(Pages):
    """Follows every link but those to the form."""

    def parse(self, response: Response) -> Any:
        yield {"url": response.url}
        yield from response.follow_all("a:not(.me)")


@pytest.fixture
def club(servers: ExitStack) -> Start:
    def start(*arguments: Any, **options: Any) -> Club:
        return servers.enter_context(Club(*arguments, **options))

    return start


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "crawl.db")


def visit(club: PageServer, *, form: dict[str, str] | None = None, concurrency: int = 4, **more: Any) -> Run:
    """Crawl a club."""
    login = {
        "url": f"{club.url}/login",
        "form": form or {"user": USER, "password": PASSWORD},
        **more.pop("login", {}),
    }
    politeness = {"concurrency": concurrency, **more.pop("politeness", {})}
    return crawl(Members, f"{club.url}/", login=login, politeness=politeness, **more)


def pages_of(run: Run) -> list[str]:
    return sorted("/" + item["url"].split("/", 3)[3] for item in run.items)


ALL = sorted(["/", *(f"/{number}" for number in range(8))])


class TestOnce:
    def test_before_the_first_page_and_with_the_token_of_its_session(self, club: Start):
        site, seen = club(), Seen()
        run = visit(site, observers=[seen])
        assert pages_of(run) == ALL
        assert paths(site)[:4] == ["/login", "/login", "/", "/"]
        assert site.login_requests == [("GET", 200), ("POST", 303)]
        assert [event.domain for event in seen.of(events.LoggedIn)] == ["127.0.0.1"]
        assert (run.stats["requests"], run.stats["failed"]) == (len(site.log), 0)

    def test_a_second_run_logs_in_to_nothing(self, club: Start, store: str):
        site = club()
        visit(site, store=store)
        site.clear_log()
        assert pages_of(visit(site, store=store)) == ALL
        assert site.login_requests == []

    def test_another_user_is_another_session(self, club: Start, store: str):
        site = club()
        visit(site, store=store)
        site.clear_log()
        run = visit(site, store=store, form={"user": "eve", "password": "guess"})
        assert [failure.reason for failure in run.failures] == ["login-failed"]

    def test_after_the_robots_txt(self, club: Start):
        site = club()
        visit(site, politeness={"robots": "obey"})
        assert paths(site)[:2] == ["/robots.txt", "/login"]

    def test_the_demo_shop(self, shop: Shop, store: str):
        class Customer(Pages):
            def parse(self, response: Response) -> Any:
                if sku := response.css_first("td.sku"):
                    yield {"sku": sku.text()}
                yield from response.follow_all("article.product_pod h3 a, li.next a")

        login = {
            "url": f"{shop.url}/login",
            "form": {"user": "demo", "password": "demo"},
            "ok": "/members/",
        }
        runs = [crawl(Customer, f"{shop.url}/members/", login=login, store=store) for _ in range(2)]
        wanted = sorted(product.sku for product in MEMBER_PRODUCTS)
        assert [sorted(item["sku"] for item in run.items) for run in runs] == [wanted, wanted]
        assert [record.method for record in shop.log if record.path == "/login"] == ["GET", "POST"]


class TestEnded:
    @pytest.mark.parametrize(
        ("turns_away", "when"), [("redirect", []), ("status", 403), ("page", "form#login")], ids=str
    )
    @pytest.mark.parametrize("concurrency", [1, 4])
    def test_on_the_server_in_mid_run(self, club: Start, turns_away: str, when: Any, concurrency: int):
        site, seen = club(20, turns_away=turns_away, forgets_after=5), Seen()
        run = visit(site, login={"when": when}, concurrency=concurrency, observers=[seen], retry={"attempts": 1})
        assert len(set(pages_of(run))) == len(pages_of(run)) == 21
        assert site.logins == len(seen.of(events.SessionEnded)) + 1 == 2
        # Nobody parsed the form, and none of the pages that were asked for in vain used up its one attempt.
        assert (run.stats["failed"], run.stats["retries"], run.stats["pages"]) == (0, 0, 21)

    def test_between_two_runs(self, club: Start, store: str):
        site = club()
        visit(site, store=store)
        site.end_sessions()
        assert pages_of(visit(site, store=store)) == ALL
        assert site.logins == 2

    def test_a_session_that_is_gone_at_once_is_given_up(self, club: Start):
        site, seen = club(), Seen()
        site.forgets_at_once = True
        run = visit(site, login={"ok": "/login"}, observers=[seen])
        assert [failure.reason for failure in run.failures] == ["login-failed"]
        assert len(site.log) <= 12
        assert site.logins == 1

    def test_a_page_that_this_user_may_not_see_fails_alone(self, club: Start):
        site = club()
        site.closed = {"/3"}
        run = visit(site, login={"when": 403})
        assert {failure.url.rpartition("/")[2]: failure.reason for failure in run.failures} == {"3": "login-failed"}
        assert len(pages_of(run)) == 8 and site.logins == 2

    def test_many_such_pages_bring_few_logins(self, club: Start):
        site = club(40)
        site.closed = {f"/{number}" for number in range(0, 40, 2)}
        run = visit(site, login={"when": 403}, concurrency=1)
        assert (run.stats["failed"], run.stats["pages"]) == (20, 21)
        assert site.logins <= 6


class TestGivenUp:
    def test_a_wrong_password(self, club: Start, tmp_path: Path):
        site, seen = club(), Seen()
        run = visit(site, form={"user": USER, "password": "not the one"}, observers=[seen], store=f"{tmp_path}/a.db")
        (failure,) = run.failures
        assert failure.reason == "login-failed"
        assert "asks for user, password again" in failure.message and "login.form" in failure.message
        assert site.login_requests == [("GET", 200), ("POST", 200)] and len(site.log) == 2
        assert len(seen.of(events.LoginFailed)) == 1
        told = " ".join(map(repr, seen))
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert "not the one" not in told and b"not the one" not in kept and b"not+the+one" not in kept

    def test_fields_that_no_form_has(self, club: Start):
        site = club()
        run = visit(site, form={"username": USER, "password": PASSWORD})
        assert "has all of 'username', 'password'" in next(iter(run.failures)).message
        assert site.login_requests == [("GET", 200)]

    def test_a_page_that_proves_nothing(self, club: Start):
        site = club()
        run = visit(site, login={"ok": "#account"})
        assert "holds nothing for login.ok: #account" in next(iter(run.failures)).message
        assert site.logins == 1

    def test_a_form_that_would_put_the_password_into_a_url(self, club: Start):
        site = club()
        site.method = "get"
        run = visit(site)
        assert "sent by GET" in next(iter(run.failures)).message
        assert site.login_requests == [("GET", 200)]

    def test_a_form_that_leads_to_another_domain(self, club: Start):
        site = club()
        site.action = "http://collector.example/login"
        run = visit(site)
        assert "of another domain" in next(iter(run.failures)).message

    def test_what_robots_txt_closes(self, page_server: Callable[..., PageServer]):
        robots = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /login\n")
        server = page_server({"/robots.txt": robots, "/": "<h1>Home</h1>", "/login": "<h1>Login</h1>"})
        run = visit(server, politeness={"robots": "obey"})
        assert "politeness.robots" in next(iter(run.failures)).message
        assert paths(server) == ["/robots.txt"]

    def test_a_failure_that_passes_is_tried_again(self, club: Start):
        site, seen = club(), Seen()
        site.troubles = [503, 503]
        run = visit(site, observers=[seen])
        assert pages_of(run) == ALL
        assert [event.reason for event in seen.of(events.Retrying)] == ["http-503", "http-503"]
        assert run.stats["retries"] == 2

    def test_a_failure_that_stays_is_given_up(self, club: Start):
        site = club()
        site.troubles = [503] * 20
        run = visit(site, retry={"attempts": 3})
        assert "503" in next(iter(run.failures)).message
        assert len(site.log) == 3

    def test_a_refused_connection(self, club: Start):
        with Club() as gone:
            url = gone.url
        site = club()
        run = visit(site, login={"url": f"{url}/login"}, retry={"attempts": 2})
        assert "could not be fetched" in next(iter(run.failures)).message
        assert site.log == []


def test_in_code(club: Start):
    """A spider may do it itself, by `response.form`."""

    class Own(Members):
        def start(self) -> Iterator[Any]:
            from scraper import Request

            yield Request(f"{site.url}/login", "log_in")

        def log_in(self, response: Response) -> Any:
            yield response.form({"user": USER, "password": PASSWORD}, retry_unsafe=True)

    site = club()
    run = crawl(Own, f"{site.url}/")
    assert pages_of(run) == ALL
    assert site.login_requests == [("GET", 200), ("POST", 303)]
