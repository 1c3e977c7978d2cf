"""How crawl tests crawl: a spider written in the test, its servers on loopback, no robots.txt and no delay."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import trustme

import scraper
from scraper import Crawl, Run, Spider
from scraper.config import load
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

HOST = "127.0.0.1"
SETTINGS: dict[str, Any] = {
    "network": {"allow_private": True},
    "politeness": {"robots": "ignore", "delay": 0, "jitter": 0},
    "retry": {"backoff": 0},
    "gate": {"min_items": 0},
    "exports": [],
}


class Seen(list[Any]):
    """An observer that keeps every event."""

    __call__ = list.append

    def of(self, kind: type) -> list[Any]:
        """The events of one kind, in order."""
        return [event for event in self if isinstance(event, kind)]


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, nested mappings merged."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def crawl(
    kind: type[Spider], *start_urls: str, fresh: bool = False, observers: Sequence[Any] = (), **overrides: Any
) -> Run:
    """Crawl with a spider class, also one of a test's own scope, by the settings above with `overrides` over them."""
    return prepared(kind, *start_urls, fresh=fresh, observers=observers, **overrides).run()


def prepared(
    kind: type[Spider], *start_urls: str, fresh: bool = False, observers: Sequence[Any] = (), **overrides: Any
) -> Crawl:
    """The same, not begun: it can be stopped from another thread."""
    settings = merged(SETTINGS, overrides)
    settings |= {"name": kind.name, "spider": f"{kind.__module__}:{kind.__name__}"}
    if start_urls:
        settings["start_urls"] = list(start_urls)
    return Crawl(load(settings), spider=kind, fresh=fresh, observers=observers)


def figures(run: Run, domain: str = HOST) -> dict[str, Any]:
    """The ledger's sums of one domain."""
    sums: dict[str, Any] = run.stats["domains"][domain]
    return sums


def reasons_of_failures(run: Run) -> dict[str, str]:
    """The reason of each failed URL, by its path."""
    return {"/" + failure.url.split("/", 3)[3]: failure.reason for failure in run.failures}


def agrees(run: scraper.Run, server: PageServer | RawServer) -> bool:
    """Whether the ledger's counts are the server's."""
    sums = figures(run)
    requests = server.log if isinstance(server, PageServer) else server.received
    used = {record.connection for record in requests}
    return (sums["requests"], sums["connections"] - sums["unused"], sums["connections"]) == (
        len(requests),
        len(used),
        server.connections,
    )


def paths(server: PageServer) -> list[str]:
    """The paths that a server was asked for, in order."""
    return [record.path for record in server.log]


def speak_tls(server: PageServer, authority: trustme.CA) -> str:
    """Let a server speak TLS with a certificate of `authority`; returns its base URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    listener = server._listener
    assert listener is not None
    # The handshake is left to each connection's thread: one that fails was accepted all the same.
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    return server.url.replace("http:", "https:")


class Pages(Spider):
    """Yields an item a page; follows nothing."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url, "status": response.status}


class Follow(Pages):
    """Follows every link besides."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url, "status": response.status}
        yield from (response.follow(link) for link in response.links())


def site(count: int, prefix: str = "/p") -> dict[str, str]:
    """A page `/` with links to `count` others."""
    links = "".join(f'<a href="{prefix}{number}">{number}</a>' for number in range(count))
    return {"/": links, **{f"{prefix}{number}": f"<h1>{number}</h1>" for number in range(count)}}
