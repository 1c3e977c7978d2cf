"""What a page says reaches those who are told of a run, in metrics, messages and reports: it does nothing there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from scraper.config import load
from scraper.observe import events
from tests.crawl.commands import command
from tests.security.test_output import ONE, SIGNS, SKIPPED
from tests.servers.keepalive import PageServer

SECRET = "hunter2-is-no-secret"


def test_words_of_pages_as_reasons_of_drops_make_few_labels_and_break_no_figures(tmp_path: Path) -> None:
    client = pytest.importorskip("prometheus_client")
    parser = pytest.importorskip("prometheus_client.parser")
    from scraper.runs.metrics import Metrics

    (tmp_path / "site.yaml").write_text(
        "spider: a:B\nstart_urls: [http://a.example/]\nmetrics: {file: x.prom}\n"
        f"origins: {{'http://b.example': {{headers: {{X-Api-Key: {SECRET}}}}}}}\n",
        "utf-8",
    )
    told: list[object] = []
    metrics = Metrics(load(tmp_path / "site.yaml"), told.append)
    reasons = ["half a pair: \ud800", 'up{x="1"} 1\nscraper_pages_total 9\\', SECRET, *map(str, range(500))]
    with metrics:
        for reason in reasons:
            metrics(events.ItemDropped("http://a.example/", reason))
        live = client.generate_latest(metrics._registry).decode()
    for text in (live, (tmp_path / "x.prom").read_text("utf-8")):
        assert SECRET not in text
        families = {family.name: family for family in parser.text_string_to_metric_families(text)}
        samples = families["scraper_items_dropped"].samples
        assert sum(sample.value for sample in samples) == 503
        assert len(samples) <= 101
        assert [sample.value for sample in families["scraper_pages"].samples] == [0]
        assert "up" not in families
    assert told == []


def test_a_change_of_megabytes_or_of_thousands_of_fields_makes_no_long_message(
    page_server: Callable[..., PageServer], project: Callable[..., Path]
) -> None:
    told: list[tuple[int, dict[str, Any]]] = []

    def hook(method: str, path: str, headers: object, body: bytes) -> Any:
        told.append((len(body), json.loads(body)))
        return 200, {}, b""

    pages = {"/": "<p>1"}
    spider = ONE.format(
        "t = r.text; yield {'url': r.url, 'html': t * 300_000, **{f'f{n}' + 'x' * 150: t for n in range(3_000)}}"
    )
    url = f"{page_server(hook).url}/hook/of-this-run"
    more = f"exports: []\nitems: {{item: {{key: [url]}}}}\nnotify: [{{on: changed, to: '{url}'}}]"
    folder = project(page_server(pages).url, spider=spider, more=more)
    for text in ("<p>1", "<p>2"):
        pages["/"] = text
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    ((size, message),) = told[-1:]
    assert message["events"] == ["changed"]
    assert size < 50_000
    ((change),) = message["changes"]
    assert (change["change"], change["before"]) == ("changed", None)
    assert "-> " in message["text"]


def test_no_copied_cell_of_a_report_is_a_formula() -> None:
    script = (resources.files("scraper.report") / "assets" / "page.js").read_text("utf-8")
    (pattern,) = re.findall(r"const formula = /(.*)/;", script)
    formula = re.compile(pattern)
    for sign in SIGNS:
        for before in ("", *SKIPPED):
            assert formula.match(f"{before}{sign}cmd"), (before, sign)
    assert not formula.match("a = b")


def test_what_stands_behind_the_host_of_a_hook_is_hidden_by_itself(tmp_path: Path) -> None:
    from scraper.hiding import hide

    (tmp_path / "site.yaml").write_text(
        "spider: a:B\nstart_urls: [http://a.example/]\nnotify: [{to: 'https://hooks.example/services/T0/B0/xYz123'}]\n",
        "utf-8",
    )
    load(tmp_path / "site.yaml")
    assert "xYz123" not in hide('https://hooks.example:443 "POST /services/T0/B0/xYz123 HTTP/1.1" 404')
