"""Certificates that prove nothing, and servers that speak no TLS, or never begin to."""

from __future__ import annotations

import datetime
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.crawl.commands import Project, command, site_of
from tests.crawl.crawling import HOST, Pages, crawl, figures, reasons_of_failures, site, speak_tls
from tests.servers import behaviours
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

Start = Callable[..., PageServer]


def wrap(server: PageServer, context: ssl.SSLContext) -> str:
    """Let a server speak TLS; returns its base URL."""
    listener = server._listener
    assert listener is not None
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    return server.url.replace("http:", "https:")


def context_of(*pem: trustme.Blob) -> ssl.SSLContext:
    """A server's context with a private key and its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    together = trustme.Blob(b"".join(blob.bytes() for blob in pem))
    with together.tempfile() as path:
        context.load_cert_chain(path)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """The file of the authority that the crawl trusts."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def of(authority: trustme.CA, kind: str) -> ssl.SSLContext:
    """A context with a certificate of one kind."""
    if kind == "self-signed":
        own = trustme.CA()
        return context_of(own.private_key_pem, own.cert_pem)
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    names = ("other.example",) if kind == "for another name" else (HOST, "localhost")
    issuer = trustme.CA() if kind == "of an unknown authority" else authority
    cert = issuer.issue_cert(*names, not_after=past if kind == "expired" else None)
    return context_of(cert.private_key_pem, *cert.cert_chain_pems)


def crawl_both(bad: str, server: PageServer, bundle: str, **more: Any) -> Any:
    """The bad page, then a healthy one of another server."""
    settings = {"session": {"verify": bundle, "timeout": {"total": 1.0, "connect": 1.0}}, "retry": {"attempts": 2}}
    return crawl(Pages, bad, server.url.replace(HOST, "localhost"), **(settings | more))


@pytest.mark.parametrize("kind", ["expired", "self-signed", "for another name", "of an unknown authority"])
def test_a_bad_certificate(page_server: Start, authority: trustme.CA, bundle: str, kind: str):
    server = page_server({"/x": "x"})
    base = wrap(server, of(authority, kind))
    run = crawl_both(f"{base}/x", page_server(site(0)), bundle)
    assert reasons_of_failures(run) == {"/x": "certificate"}
    assert run.stats["pages"] == 1
    # It would be as bad at the next try, so there is none.
    assert (figures(run)["requests"], figures(run)["connections"], figures(run)["unused"]) == (0, 1, 1)
    assert (server.log, server.connections) == ([], 1)


def test_a_good_certificate(page_server: Start, authority: trustme.CA, bundle: str):
    base = wrap(page_server({"/x": "x"}), of(authority, "good"))
    run = crawl_both(f"{base}/x", page_server(site(0)), bundle)
    assert (run.stats["pages"], run.stats["failed"]) == (2, 0)


def test_garbage_where_tls_is_asked_for(page_server: Start, bundle: str):
    server = page_server({"/x": "x"})  # it answers a TLS hello with a 400
    run = crawl_both(server.url.replace("http:", "https:") + "/x", page_server(site(0)), bundle)
    assert reasons_of_failures(run) == {"/x": "tls"}
    assert figures(run)["connections"] == figures(run)["unused"] == server.connections == 2


def test_a_handshake_that_never_begins(raw_server: Callable[..., RawServer], page_server: Start, bundle: str):
    server = raw_server(behaviours.hangs())
    began = time.monotonic()
    run = crawl_both(
        server.url.replace("http:", "https:") + "/x", page_server(site(0)), bundle, retry={"attempts": 1}
    )
    assert time.monotonic() - began < 3
    assert reasons_of_failures(run) == {"/x": "timeout"}
    assert run.stats["pages"] == 1
    assert figures(run)["unused"] == server.connections == 1


def test_that_certificates_are_not_verified_is_told_once(
    authority: trustme.CA, page_server: Any, project: Project
) -> None:
    server = page_server(site_of(5))
    folder = project(speak_tls(server, authority), more="session: {verify: false}\nexports: []")
    done = command("crawl", "site.yaml", "--quiet", cwd=folder)
    assert (done.returncode, len(server.log)) == (0, 7)
    (line,) = done.stderr.splitlines()
    assert line.endswith("certificates of 127.0.0.1 are not verified: session.verify is false")
