from __future__ import annotations

import io
import json
import logging
from datetime import datetime

import pytest

from scraper.errors import UsageError
from scraper.observe import events
from scraper.observe.log import LogObserver, configure
from scraper.observe.terminal import console_for
from scraper.stats import Opening, Reason, Served

URL = "https://shop.example/book"


@pytest.fixture
def log():
    """Makes a configured log and the stream it goes to; all are closed at the end."""
    observers = []

    def make(format="text", *, file=None, quiet=False, stream=None):
        stream = stream or io.StringIO()
        observers.append(configure(format=format, file=file, quiet=quiet, console=console_for(stream)))
        return observers[-1], stream

    yield make
    for observer in observers:
        observer.close()


def fetched(served: Served | None, **values) -> events.Fetched:
    fields = {"status": 200, "bytes": 27_134, "seconds": 0.052, "attempt": 1}
    return events.Fetched(domain="shop.example", method="GET", url=URL, served=served, **fields | values)


def told(stream) -> list[str]:
    """The lines without their times."""
    return [line[13:] for line in stream.getvalue().splitlines()]


# Text ------------------------------------------------------------------------------------------------


def test_a_request_on_a_new_connection(log, served):
    observer, stream = log()
    observer(fetched(served))
    assert told(stream) == [
        "info    200 GET https://shop.example/book  27.1 kB in 52 ms  shop.example#2 new (first), request 1  "
        "(connect 12 ms, tls 20 ms, first byte 18 ms, body 2.0 ms)"
    ]


def test_a_request_on_a_connection_used_before(log):
    observer, stream = log()
    observer(fetched(Served("shop.example#1", True, 5, Reason.CONCURRENCY, 0, 0, 0.018, 0.002)))
    assert "shop.example#1 reused, request 5  (first byte 18 ms, body 2.0 ms)" in stream.getvalue()
    assert "new" not in stream.getvalue()


def test_a_request_that_came_to_nothing(log):
    observer, stream = log()
    observer(fetched(None, status=None, bytes=0, error="connect: refused", attempt=2, purpose="robots"))
    assert "failed GET https://shop.example/book  connect: refused  0 B" in stream.getvalue()
    assert "robots  attempt 2" in stream.getvalue()


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.RunStarted(3, "shop", True, 12, ("politeness.delay",), 1),
            "info    shop: run 3 goes on, 12 requests queued, interrupted 1 time; changed since it began: "
            "politeness.delay",
        ),
        (
            events.Connected(Opening("shop.example#2", "shop.example", "http://shop.example", Reason.IDLE, 0.1, 0)),
            "info    opened shop.example#2 to http://shop.example: idle, connect 100 ms",
        ),
        (
            events.Retrying(URL, "timeout", "no answer", 1, 4, 1.5),
            "info    again in 1.50 s: https://shop.example/book, timeout: no answer (attempt 1 of 4)",
        ),
        (
            events.PageFailed(URL, "http-404", "Not Found"),
            "warning failed https://shop.example/book, http-404: Not Found",
        ),
        (events.ItemDropped(URL, "no price"), "info    dropped an item of https://shop.example/book: no price"),
        (events.CoolingDown("shop.example", 30, "429"), "info    shop.example waits 30.0 s: 429"),
        (events.SlowParse(URL, 61), "warning the callback of https://shop.example/book has run for 1 min 01 s"),
        (events.Notice("mind this"), "warning mind this"),
        (events.Draining(1, 10), "warning stopping: 1 request in flight, up to 10.0 s"),
        (events.RunEnded(3, "stopped", "SIGINT came"), "warning run 3 stopped: SIGINT came"),
    ],
)
def test_what_is_told_of_the_rest(log, event, line):
    observer, stream = log()
    observer(event)
    assert told(stream) == [line]


def test_a_spiders_exception_comes_with_its_traceback(log):
    observer, stream = log()
    observer(events.PageFailed(URL, "spider", "KeyError: 'x'", "Traceback:\n  File \"spider.py\"\nKeyError: 'x'\n"))
    first, *rest = stream.getvalue().splitlines()
    assert "error   failed https://shop.example/book, spider: KeyError: 'x'" in first
    assert rest == ["    Traceback:", '      File "spider.py"', "    KeyError: 'x'"]


def test_the_first_refusal_of_each_reason_is_told_and_all_are_in_the_file(log, tmp_path):
    observer, stream = log(file=tmp_path / "logs" / "crawl.log")
    for reason in ("offsite", "offsite", "robots", "offsite"):
        observer(events.Refused(URL, reason, "because"))
    assert [line.split()[-1] for line in told(stream)] == ["reason)", "reason)"]
    assert len((tmp_path / "logs" / "crawl.log").read_text(encoding="utf-8").splitlines()) == 4
    observer(events.RunStarted(4, "shop", False, 1))
    observer(events.Refused(URL, "offsite", "because"))
    assert len(told(stream)) == 4


def test_the_first_refusal_of_a_reason_says_what_to_do(log):
    observer, stream = log()
    observer(events.Refused(URL, "offsite", "shop.example is not within allowed_domains"))
    assert told(stream) == [
        "info    refused https://shop.example/book, offsite: shop.example is not within allowed_domains "
        "(add the host (allowed_domains); the first of this reason)"
    ]


def test_the_end_sums_each_domain_and_the_run(log, make_stats):
    observer, stream = log()
    observer(events.RunEnded(3, "finished", "the frontier is empty", make_stats()))
    first, _second, last = told(stream)
    assert first == (
        "info    a.example: 100 requests on 4 connections, 97.0% reused, 97 handshakes (9.70 s) saved, 1.0 MB; "
        "opened for concurrency 3, first 1"
    )
    assert last.startswith(
        "info    run 3 finished: the frontier is empty; 412 pages, 60 items, 0 failed; 110 requests"
    )


def test_quiet_leaves_warnings_and_errors(log, served):
    observer, stream = log(quiet=True)
    observer(fetched(served))
    observer(events.PageFailed(URL, "http-404", "Not Found"))
    assert len(told(stream)) == 1 and "http-404" in stream.getvalue()


def test_pages_done_are_in_the_file_alone(log, tmp_path):
    observer, stream = log(file=tmp_path / "crawl.log")
    observer(events.PageDone(URL, 3, 1))
    assert stream.getvalue() == ""
    line = (tmp_path / "crawl.log").read_text(encoding="utf-8")
    assert line.endswith("debug   done https://shop.example/book: 3 items, 1 request\n")


def test_an_exception_in_the_crawler_itself_is_indented(log):
    _observer, stream = log()
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("scraper.somewhere").exception("it failed")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("error   it failed")
    assert rest[-1] == "    ValueError: broken" and all(line.startswith("    ") for line in rest)


def test_a_terminal_shows_errors_in_red(log, terminal):
    observer, _stream = log(stream=terminal)
    observer(events.Notice("bad", logging.ERROR))
    assert terminal.getvalue().startswith("\x1b[31m")


def test_ticks_are_not_logged(log, make_tick):
    observer, stream = log()
    observer(make_tick(1.0))
    assert stream.getvalue() == ""


@pytest.mark.parametrize("format", ["text", "json"])
def test_nothing_raw_reaches_the_log(log, format):
    observer, stream = log(format)
    bad = "x\x1b[31m\r\n00:00:00.000 info forged\u202e\x9b"
    observer(events.PageFailed(bad, "network", bad, bad))
    observer(events.Refused(bad, "offsite", bad))
    logging.getLogger("scraper.somewhere").warning("%s", bad)
    text = stream.getvalue()
    assert not set("\x1b\r\u202e\x9b") & set(text)
    assert not any(line.startswith("00:00") for line in text.splitlines())


# JSON ------------------------------------------------------------------------------------------------


def test_json_says_time_level_event_and_the_fields(log, served):
    observer, stream = log("json")
    observer(fetched(served))
    line = json.loads(stream.getvalue())
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert line == {
        "level": "info",
        "event": "fetched",
        "domain": "shop.example",
        "method": "GET",
        "url": URL,
        "status": 200,
        "bytes": 27134,
        "seconds": 0.052,
        "connection": "shop.example#2",
        "reused": False,
        "request_number": 1,
        "connection_reason": "first",
        "connect_seconds": 0.012,
        "tls_seconds": 0.02,
        "first_byte_seconds": 0.018,
        "body_seconds": 0.002,
        "sent_at": 0.0,
        "fetcher": "http",
        "proxy": "",
        "attempt": 1,
        "error": None,
        "purpose": "page",
        "failed_proxy": None,
    }


def test_json_keeps_its_own_level(log):
    observer, stream = log("json")
    observer(events.Notice("mind this", logging.ERROR))
    line = json.loads(stream.getvalue())
    assert (line["level"], line["event"], line["message"]) == ("error", "notice", "mind this")


def test_json_at_the_end_has_the_figures(log, make_stats):
    observer, stream = log("json")
    observer(events.RunEnded(3, "finished", "done", make_stats()))
    first, _second, last = map(json.loads, stream.getvalue().splitlines())
    assert (first["event"], first["domain"], first["requests"]) == ("domain_sums", "a.example", 100)
    assert first["reasons"] == {"concurrency": 3, "first": 1}
    assert (last["event"], last["requests"], last["connections"], last["pages"]) == ("run_ended", 110, 9, 412)
    assert "domains" not in last


def test_json_of_a_line_that_is_no_event(log):
    _observer, stream = log("json")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("scraper.somewhere").exception("it failed")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["logger"], line["message"]) == ("log", "scraper.somewhere", "it failed")
    assert "ValueError: broken" in line["traceback"]


# Handlers --------------------------------------------------------------------------------------------


def test_from_python_nothing_is_configured(served):
    root = logging.getLogger("scraper")
    before = list(root.handlers)
    LogObserver()(fetched(served))
    assert root.handlers == before


def test_closing_takes_the_handlers_off(log, served):
    observer, stream = log()
    observer.close()
    observer(fetched(served))
    assert stream.getvalue() == ""
    assert logging.getLogger("scraper").level == logging.NOTSET


def test_a_log_file_is_appended_to(log, tmp_path):
    path = tmp_path / "crawl.log"
    for message in ("one", "zwölf"):
        observer, _stream = log(file=path)
        observer(events.Notice(message))
        observer.close()
    assert [line[13:] for line in path.read_text(encoding="utf-8").splitlines()] == ["warning one", "warning zwölf"]


def test_a_log_file_that_cannot_be_opened_is_a_usage_error(log, tmp_path):
    with pytest.raises(UsageError, match="name a file that may be written") as caught:
        log(file=tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_stream_that_breaks_is_left_out(log, tmp_path):
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    observer, _stream = log(file=tmp_path / "crawl.log", stream=Broken())
    observer(events.Notice("one"))
    observer(events.Notice("two"))
    lines = (tmp_path / "crawl.log").read_text(encoding="utf-8")
    assert lines.count("the log on the terminal cannot be written any more") == 1
    assert "one" in lines and "two" in lines


def test_warnings_of_other_libraries_take_the_same_way(log):
    observer, stream = log("json")
    logging.getLogger("some.library").warning("from afar")
    logging.getLogger("some.library").info("unheard")
    logging.getLogger("scraper.somewhere").warning("once")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["from afar", "once"]
    observer.close()
    logging.getLogger("some.library").warning("after the end")
    assert "after the end" not in stream.getvalue()
