"""TLS sessions are taken up again by the next handshake, as the server sees it, and never with other settings."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

import scraper
from scraper.config import SessionConfig
from scraper.observe import events
from scraper.observe.log_lines import describe
from tests.crawl.crawling import Seen, crawl
from tests.servers.keepalive import PageServer

Session = dict[str, Any]


class TlsServer(PageServer):
    """Closes each connection after its answer, and notes of each handshake whether it took up a session."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        super().__init__(self._answer, port=port)
        self._context = context
        self.resumed: list[bool] = []

    def _answer(self, *_: Any) -> Any:
        return 200, {"Content-Type": "text/html", "Connection": "close"}, b"<h1>a page</h1>"

    def __enter__(self) -> TlsServer:
        super().__enter__()
        listener, resumed = self._listener, self.resumed
        assert listener is not None

        class Socket(ssl.SSLSocket):
            is_noted = False

            def recv_into(self, *args: Any) -> int:
                # The handshake takes place when the connection's thread first reads.
                count = super().recv_into(*args)
                if count and not self.is_noted:
                    self.is_noted = True
                    resumed.append(bool(self.session_reused))
                return count

        self._context.sslsocket_class = Socket
        listener.socket = self._context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
        return self

    @property
    def base(self) -> str:
        return self.url.replace("http:", "https:")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_of(servers: Any, authority: trustme.CA) -> Callable[..., TlsServer]:
    """`server_of(version)` starts a server that speaks this version of TLS."""

    def start(
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, wants_certificate: bool = False, port: int = 0
    ) -> TlsServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        if wants_certificate:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_OPTIONAL
        return servers.enter_context(TlsServer(context, port))  # type: ignore[no-any-return]

    return start


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """The file of what is trusted."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def web_of(bundle: str, **session: Any) -> scraper.Sessions:
    return scraper.Sessions(session=SessionConfig.model_validate({"verify": bundle, **session}))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_each_connection_but_the_first_takes_up_the_session_before_it(
    version: ssl.TLSVersion, server_of: Callable[..., TlsServer], bundle: str
):
    server = server_of(version)
    with web_of(bundle) as web:
        for _ in range(5):
            assert web.get(server.base).ok
    assert server.resumed == [False, True, True, True, True]


def test_a_crawl_resumes_and_its_log_says_so(server_of: Callable[..., TlsServer], bundle: str):
    server, seen = server_of(), Seen()
    urls = [f"{server.base}/{number}" for number in range(4)]
    run = crawl(_Pages, *urls, observers=[seen], session={"verify": bundle})
    assert run.stats["pages"] == 4
    assert server.resumed == [False, True, True, True]
    openings = [event.opening for event in seen.of(events.Connected)]
    assert [opening.tls_resumed for opening in openings] == server.resumed
    lines = [str(describe(event)) for event in seen.of(events.Connected)]
    assert ["TLS resumed" in line for line in lines] == server.resumed


class _Pages(scraper.Spider):
    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url}


def test_other_settings_take_up_nothing(
    server_of: Callable[..., TlsServer], authority: trustme.CA, bundle: str, tmp_path: Path
):
    server = server_of(wants_certificate=True)
    certificate = tmp_path / "client.pem"
    authority.issue_cert("client@example.com").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    other = tmp_path / "other.pem"
    other.write_bytes(Path(bundle).read_bytes())
    settings: list[Session] = [
        {},
        {"verify": False},
        {"cert": str(certificate)},
        {"verify": False, "cert": str(certificate)},
        # The same authority, as far as can be told without reading both files.
        {"verify": str(other)},
    ]
    with web_of(bundle) as web:
        for keywords in settings:
            assert web.get(server.base, **keywords).ok
        assert server.resumed == [False] * len(settings)
        for keywords in settings:
            assert web.get(server.base, **keywords).ok
    assert server.resumed == [False] * len(settings) + [True] * len(settings)


def test_two_sessions_of_a_script_share_none(server_of: Callable[..., TlsServer], bundle: str):
    server = server_of()
    for _ in range(2):
        with web_of(bundle) as web:
            assert web.get(server.base).ok
    assert server.resumed == [False, False]


def test_two_hosts_share_none(server_of: Callable[..., TlsServer], bundle: str):
    server = server_of()
    with web_of(bundle) as web:
        assert web.get(server.base).ok
        assert web.get(server.base.replace("127.0.0.1", "localhost")).ok
    assert server.resumed == [False, False]


def test_a_server_that_knows_the_session_no_longer_proves_itself(server_of: Callable[..., TlsServer], bundle: str):
    server = server_of()
    with web_of(bundle) as web:
        assert web.get(server.base).ok
        server.close()
        # Started again, it has other keys for its tickets.
        again = server_of(port=server.port)
        assert [web.get(again.base).ok for _ in range(2)] == [True, True]
    assert again.resumed == [False, True]
