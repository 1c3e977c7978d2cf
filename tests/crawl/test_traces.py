"""OpenTelemetry's own instrumentation of requests traces what a crawl sends, as docs/metrics.md says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import scraper
from scraper import Spider
from tests.crawl.commands import site_of
from tests.servers.keepalive import PageServer

instrumentation = pytest.importorskip("opentelemetry.instrumentation.requests")
trace = pytest.importorskip("opentelemetry.sdk.trace")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
in_memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url}
        yield from response.follow_all("a")


@pytest.fixture
def spans() -> Iterator[Callable[[], dict[str, int]]]:
    """Return the status of each span, by its name as headers carry it."""
    kept, provider = in_memory.InMemorySpanExporter(), trace.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    instrumentor = instrumentation.RequestsInstrumentor()
    instrumentor.instrument(tracer_provider=provider)

    def found() -> dict[str, int]:
        return {
            f"{span.context.trace_id:032x}-{span.context.span_id:016x}": span.attributes["http.status_code"]
            for span in kept.get_finished_spans()
        }

    yield found
    instrumentor.uninstrument()


def test_each_request_of_a_crawl_is_a_span(
    page_server: Callable[..., PageServer], spans: Callable[[], dict[str, int]]
):
    told: dict[str, int] = {}
    site = site_of(5)

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        status = 503 if path == "/3" else 200 if path in site else 404
        told[headers["traceparent"][3:52]] = status
        return status, {"Content-Type": "text/html"}, site.get(path, "").encode()

    server = page_server(answer)
    run = scraper.crawl(
        Pages,
        start_urls=[f"{server.url}/"],
        politeness={"delay": 0},
        retry={"attempts": 2, "backoff": 0},
        network={"allow_private": True},
    )
    assert (run.stats["pages"], run.stats["failures"]) == (5, {"http-503": 1})
    # The requests carry their spans' names to the server: robots.txt, pages, and the retry.
    assert len(told) == len(server.log) == run.stats["requests"] == 8
    assert told == spans()
    assert run.stats["reused"] == 8 - run.stats["connections"]


def test_a_session_of_a_script_is_traced(page_server: Callable[..., PageServer], spans: Callable[[], dict[str, int]]):
    server = page_server({"/": "<h1>Home</h1>"})
    with scraper.Sessions() as web:
        assert web.get(f"{server.url}/").ok
    assert list(spans().values()) == [200]
