from __future__ import annotations

import io
import re

import pytest

from scraper.observe.report import print_report, report_text
from scraper.observe.terminal import console_for
from scraper.stats import ConnectionStats


def rows(text: str, start: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith(start)]


def test_it_says_what_came_out(make_stats):
    text = report_text(
        make_stats(
            failed=3,
            refused=412,
            duplicates=530,
            failures={"http-404": 2, "spider": 1},
            refusals={"offsite": 400, "robots": 12},
            exports=("out/shop.jsonl", "out/shop.csv"),
        )
    )
    assert text.startswith("shop, run 3, finished: the frontier is empty\n")
    assert "412 pages, 60 items, 3 failed, 412 refused, 530 duplicates in 1 min 22 s" in text
    assert "refused: offsite 400, robots 12" in text
    assert "scraper runs SITE.yaml --failures" in text
    assert "        2  http-404\n           accept it in the request, or retry it (retry.statuses)\n" in text
    assert ["2", "http-404"] in rows(text, "  ") and ["out/shop.csv"] in rows(text, "  ")


def test_a_table_says_what_reuse_did(make_stats):
    text = report_text(make_stats())
    assert rows(text, "a.example") == [["a.example", "100", "4", "97.0%", "97", "9.70", "s"]]
    assert rows(text, "all 2") == [["all", "2", "110", "9", "92.7%", "102", "14.7", "s"]]
    assert "  opened for: concurrency 3, first 1\n" in text
    assert "Reuse saved 102 handshakes, which would have" in text


def test_the_busiest_twenty_domains_are_shown(make_stats):
    domains = {f"d{number:02d}.example": ConnectionStats(requests=number, connections=1) for number in range(1, 31)}
    text = report_text(make_stats(domains))
    shown = [row[0] for row in rows(text, "d") if row[0] != "domain"]
    assert shown == [f"d{number:02d}.example" for number in range(30, 10, -1)]
    assert "and 10 more\n" in text


class TestOnATerminal:
    DOMAINS = {f"d{number:02d}.example": ConnectionStats(requests=number, connections=1) for number in range(1, 21)}

    def shown(self, terminal, stats) -> list[str]:
        print_report(console_for(terminal), stats)
        return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()

    def test_a_table_of_more_than_ten_domains_is_folded(self, make_stats, terminal):
        lines = self.shown(terminal, make_stats(self.DOMAINS))
        assert [line.split()[0] for line in lines if line.startswith("d")][1:] == [
            f"d{number}.example" for number in range(20, 10, -1)
        ]
        assert "and 10 more" in lines and any(line.startswith("all 20") for line in lines)

    def test_figures_come_last_where_not_all_of_it_fits(self, make_stats, terminal):
        lines = self.shown(terminal, make_stats(self.DOMAINS, exports=tuple(f"out/{n}.csv" for n in range(12))))
        assert lines[0].startswith("domain ")
        seen = "\n".join(lines[-24:])
        assert "shop, run 3, finished" in seen and "412 pages, 60 items" in seen and "Reuse saved" in seen

    def test_they_come_first_where_it_fits(self, make_stats, terminal):
        assert self.shown(terminal, make_stats())[0].startswith("shop, run 3, finished")

    def test_commands_name_the_file(self, make_stats, terminal):
        print_report(console_for(terminal), make_stats(failures={"spider": 1}), "config/shop.yaml")
        assert "scraper runs config/shop.yaml --failures" in terminal.getvalue()


def test_a_run_that_did_nothing_has_no_table(make_stats):
    text = report_text(make_stats({}, pages=0, items=0, result="failed", why="no items", seconds=0.0))
    assert text == "shop, run 3, failed: no items\n\n0 pages, 0 items, 0 failed, 0 refused, 0 duplicates in 0.0 ms\n"


def test_servers_that_do_not_keep_their_word_are_told_of(make_stats):
    text = report_text(make_stats(carried=0, distrusted=412))
    assert "412 times the server said 304, and contradicted itself\n" in text
    assert "unchanged since the last run" not in text
    text = report_text(make_stats(carried=9, not_modified=5, unstable=4))
    assert "9 pages unchanged since the last run, of which 5 by 304\n" in text
    assert "4 pages had another ETag, and the same body: it cannot be relied on\n" in text


def test_a_stopped_run_says_how_it_goes_on(make_stats):
    text = report_text(make_stats(result="stopped", why="SIGINT came", interrupted=2))
    assert "The same command resumes it." in text
    assert "interrupted 2 times" in text


def test_it_fits_80_columns_and_hides_no_number(make_stats):
    reasons = {f"reason-number-{number}": number for number in range(10, 25)}
    figures = ConnectionStats(
        requests=9_876_543,
        connections=1_234_567,
        unused=1_000,
        reused=8_641_976,
        stale=1_000,
        retries=100_000,
        bytes=10**12,
        handshake_seconds=1e6,
        reasons=reasons,
    )
    name = "a-long-name-of-a-domain-that-somebody-registered.example.co.uk"
    text = report_text(make_stats({name: figures}, why="a very long reason " * 9, refusals=reasons, redirects=10**6))
    assert max(map(len, text.splitlines())) <= 80
    assert "9,876,543" in text and "1,234,567" in text and "87.5%" in text
    assert all(f"{reason} {count}" in text for reason, count in reasons.items())


def test_piped_it_is_plain_text(make_stats, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    print_report(console_for(stream), make_stats())
    assert stream.getvalue() == report_text(make_stats())
    assert stream.getvalue().isascii()


def test_a_terminal_has_colours_unless_told_otherwise(make_stats, terminal, monkeypatch):
    print_report(console_for(terminal), make_stats(result="outside-gate"))
    assert "\x1b[1;31mshop" in terminal.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = type(terminal)()
    print_report(console_for(plain), make_stats(result="outside-gate"))
    assert "31m" not in plain.getvalue()


@pytest.mark.parametrize("field", ["why", "name"])
def test_nothing_raw_reaches_the_terminal(make_stats, field):
    text = report_text(make_stats(**{field: "bad\x1b[2J\x07"}, exports=("a\x1b",), failures={"\x1b": 1}))
    assert "\x1b" not in text and "\x07" not in text and r"bad\x1b[2J\x07" in text


def test_an_encoding_that_cannot_say_it_gets_an_escape(make_stats):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_report(console_for(stream), make_stats(exports=("out/bücher.jsonl",)))
    stream.flush()
    assert b"b\\xfccher.jsonl" in raw.getvalue()


class TestChanges:
    def report(self, make_stats, changes: dict[str, int | None] | None, checked: int = 0) -> str:
        return report_text(make_stats(changes=changes, checked=checked))

    def test_counts(self, make_stats):
        changes = {"since": 2, "known": 60, "new": 1_204, "changed": 1, "gone": 0, "unlinked": 0}
        assert "since run 2: 1,204 new, 1 changed, 0 gone\n" in self.report(make_stats, changes)
        text = self.report(make_stats, changes | {"unlinked": 4}, checked=5)
        assert "since run 2: 1,204 new, 1 changed, 0 gone, 4 unlinked\n" in text
        assert "5 asked whether they are still there" in " ".join(text.split())

    def test_nothing_to_compare_with(self, make_stats):
        changes = {"since": None, "known": 0, "new": 0, "changed": 0, "gone": 0, "unlinked": 0}
        assert "no changes: there is no earlier run inside its gate" in self.report(make_stats, changes)
        assert "changes" not in self.report(make_stats, None)


def test_a_field_that_died_is_the_first_line(make_stats):
    death = {
        "type": "book",
        "field": "price",
        "filled": 2,
        "items": 1_204,
        "run": 3,
        "lived_at": "2026-11-20T08:00:00+00:00",
        "share": 0.983,
        "examples": ["https://shop.example/1", "https://shop.example/2"],
    }
    text = report_text(make_stats(died=[death] * 12, result="outside-gate", why="too few"))
    assert " ".join(text.split("https")[0].split()) == (
        "book.price died: filled in 2 of 1,204 items; it last lived on 2026-11-20, in run 3, in 98.3% of them"
    )
    assert "\n  https://shop.example/2\n" in text
    assert "and 2 more fields died" in text
    assert text.index("more fields died") < text.index("shop, run 3, outside-gate: too few")


def test_what_was_put_aside_and_why_items_were_dropped(make_stats):
    text = report_text(make_stats(quarantined=1, dropped=3, drops={"duplicate key": 2, "old": 1}))
    assert "1 item put aside (see each: scraper quarantine SITE.yaml)" in text
    assert "dropped: duplicate key 2, old 1" in text
