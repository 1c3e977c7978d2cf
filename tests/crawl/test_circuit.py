"""A domain that dies in the middle of a crawl: its requests end in time, the others' crawl goes on."""

from __future__ import annotations

from typing import Any

from scraper.fetch.politeness import Circuit
from tests.crawl.crawling import Follow, crawl, paths, reasons_of_failures, site


def test_a_dead_domain_is_given_up_and_the_others_go_on(page_server: Any) -> None:
    dying = page_server(lambda *_: (500, {}, b""), host="127.0.0.2")
    healthy = page_server(site(30))
    starts = [f"{dying.url}/p{number}" for number in range(200)] + [healthy.url]

    run = crawl(Follow, *starts, retry={"backoff": "1ms", "attempts": 2}, politeness={"concurrency": 4})

    assert run.stats["pages"] == 31
    reasons = reasons_of_failures(run)
    assert set(reasons.values()) == {"http-500", "circuit"}
    assert len(reasons) == 200
    # As many as open it, those under way then, and one after each pause; of each, a second try at the most.
    asked = paths(dying)
    assert len(set(asked)) <= Circuit.THRESHOLD + 4 + Circuit.PAUSES + 1
    assert len(asked) <= 2 * len(set(asked))


def test_requests_that_fail_again_do_not_pause_a_domain_that_is_alive(page_server: Any) -> None:
    """They are sent one after the other, before what was not sent yet."""
    server = page_server(
        lambda method, path, headers, body: (500, {}, b"") if "bad" in path else (200, {}, b"<h1>here</h1>")
    )
    starts = [f"{server.url}/{kind}{number}" for number in range(60) for kind in ("bad", "good")]

    run = crawl(Follow, *starts, retry={"backoff": "1ms", "attempts": 4}, politeness={"concurrency": 4})

    assert run.stats["pages"] == 60
    assert set(reasons_of_failures(run).values()) == {"http-500"}


def test_an_answer_closes_the_circuit(page_server: Any) -> None:
    asked: list[str] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        asked.append(path)
        return (500, {}, b"") if len(asked) <= Circuit.THRESHOLD + 1 else (200, {"Content-Type": "text/html"}, b"x")

    server = page_server(answer)
    starts = [f"{server.url}/p{number}" for number in range(60)]

    run = crawl(Follow, *starts, retry={"backoff": "1ms", "attempts": 1})

    assert set(reasons_of_failures(run).values()) == {"http-500"}
    assert run.stats["pages"] == 60 - (Circuit.THRESHOLD + 1)
