"""The servers that other tests rely on, asked by plain clients."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from scraper.errors import UsageError
from tests.servers import behaviours
from tests.servers.keepalive import PageServer


def connect(url: str, timeout: float = 5) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)


def get(connection: http.client.HTTPConnection, path: str = "/") -> http.client.HTTPResponse:
    connection.request("GET", path)
    response = connection.getresponse()
    response.body = response.read()
    return response


class TestPageServer:
    def test_one_connection_carries_many_requests_without_stalling(self, page_server):
        server = page_server({"/": "<h1>Hello</h1>"})
        client = connect(server.url)
        started = time.monotonic()
        bodies = {get(client).body for _ in range(50)}
        seconds = time.monotonic() - started
        assert bodies == {b"<h1>Hello</h1>"}
        assert server.connections == 1
        assert [(record.connection, record.request) for record in server.log] == [(1, n) for n in range(1, 51)]
        # Nagle's algorithm with delayed acknowledgements would take 50 times 40 ms.
        assert seconds < 1.5

    def test_log_says_who_asked_for_what(self, page_server):
        server = page_server({"/a?b=1": "x"})
        client = connect(server.url)
        get(client, "/a?b=1")
        port = client.sock.getsockname()[1]
        get(client, "/none")
        assert [(r.method, r.path, r.status, r.client_port) for r in server.log] == [
            ("GET", "/a?b=1", 200, port),
            ("GET", "/none", 404, port),
        ]
        assert server.log[0].time <= server.log[1].time

    def test_callable_sees_method_headers_and_body(self, page_server):
        seen = []

        def answer(method, path, headers, body):
            seen.append((method, path, headers.get("x-note"), body))
            return 201, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b"made"

        server = page_server(answer)
        client = connect(server.url)
        client.request("POST", "/things", body=b"payload", headers={"X-Note": "hi"})
        response = client.getresponse()
        assert (response.status, response.read()) == (201, b"made")
        assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert seen == [("POST", "/things", "hi", b"payload")]

    def test_head_and_304_have_no_body_and_keep_the_connection(self, page_server):
        server = page_server({"/": "four", "/same": (304, {"ETag": '"1"'}, b"ignored")})
        client = connect(server.url)
        client.request("HEAD", "/")
        response = client.getresponse()
        assert (response.headers["Content-Length"], response.read()) == ("4", b"")
        assert (get(client, "/same").status, get(client).body) == (304, b"four")
        assert server.connections == 1

    def test_closes_what_idles_too_long(self, page_server):
        server = page_server({"/": "x"}, idle_timeout=0.1)
        client = connect(server.url)
        get(client)
        assert client.sock.recv(1) == b""

    def test_many_at_once_and_each_knows_only_its_own(self, page_server):
        many = [page_server({"/": str(number)}) for number in range(10)]
        assert [requests.get(server.url, timeout=5).text for server in many] == [str(n) for n in range(10)]
        assert [len(server.log) for server in many] == [1] * 10

    def test_body_without_a_length_is_refused_and_the_connection_closed(self, page_server):
        server = page_server({"/": "x"})
        client = connect(server.url)
        client.request("POST", "/", body=iter([b"chunk"]), encode_chunked=True)
        response = client.getresponse()
        assert (response.status, response.headers["Connection"]) == (413, "close")

    def test_close_ends_open_connections_at_once_and_start_goes_on(self, page_server):
        server = page_server({"/": "x"})
        client = connect(server.url)
        get(client)
        started = time.monotonic()
        server.close()
        assert client.sock.recv(1) == b""
        assert time.monotonic() - started < 1
        url = server.url
        server.start()
        assert (server.url, server.connections) == (url, 1)
        get(connect(url))
        assert [(record.connection, record.request) for record in server.log] == [(1, 1), (2, 1)]

    def test_taken_port_is_an_error_with_a_remedy(self, page_server):
        server = page_server({})
        with pytest.raises(UsageError, match="choose another port"):
            PageServer({}, port=server.port).start()


class TestRawServer:
    def test_keeps_the_connection_and_logs_heads(self, raw_server):
        server = raw_server(behaviours.always(behaviours.response()))
        client = connect(server.url)
        assert [get(client, f"/{n}").body for n in range(3)] == [behaviours.BODY] * 3
        client.request("POST", "/form", body=b"a=1")
        client.getresponse().read()
        assert [(r.connection, r.request, r.method, r.path) for r in server.received] == [
            (1, 1, "GET", "/0"),
            (1, 2, "GET", "/1"),
            (1, 3, "GET", "/2"),
            (1, 4, "POST", "/form"),
        ]
        assert server.accepted[0].client_port == client.sock.getsockname()[1]

    def test_behaviour_gets_the_whole_request(self, raw_server):
        seen = []

        def behave(connection, request, n_connection, n_request):
            seen.append((request.partition(b"\r\n\r\n")[2], n_connection, n_request))
            connection.send(behaviours.response())

        server = raw_server(behave)
        for _ in range(2):
            requests.post(server.url, data=b"x" * 100_000, timeout=5)
        assert seen == [(b"x" * 100_000, 1, 1), (b"x" * 100_000, 2, 1)]

    @pytest.mark.parametrize(
        ("behaviour", "error"),
        [
            (behaviours.reset_before_headers(), ConnectionResetError),
            (behaviours.reset_in_headers(), ConnectionResetError),
            (behaviours.reset_in_body(), ConnectionResetError),
            (behaviours.body_cut_short(), http.client.IncompleteRead),
            (behaviours.hangs(), TimeoutError),
            (behaviours.drips(interval=1.0, head_first=False), TimeoutError),
            (behaviours.endless_headers(), http.client.HTTPException),
        ],
    )
    def test_misbehaves_as_told(self, raw_server, behaviour, error):
        server = raw_server(behaviour)
        client = connect(server.url, timeout=0.5)
        with pytest.raises(error):
            get(client)
        assert len(server.received) == 1

    def test_continues_for_ever(self, raw_server):
        server = raw_server(behaviours.endless_continue(interval=0))
        client = connect(server.url)
        client.request("GET", "/")
        # http.client would never return from it: look at the bytes.
        seen = client.sock.makefile("rb").read(250)
        assert seen == b"HTTP/1.1 100 Continue\r\n\r\n" * 10

    def test_headers_cut_short_pass_for_their_end_in_http_client(self, raw_server):
        server = raw_server(behaviours.headers_cut_short())
        response = get(connect(server.url))
        assert (response.status, response.body) == (200, b"")

    def test_closes_after_n_without_a_word(self, raw_server):
        server = raw_server(behaviours.closes_after(2))
        client = connect(server.url)
        responses = [get(client), get(client)]
        assert [response.headers.get("Connection") for response in responses] == [None, None]
        assert client.sock.recv(1) == b""

    @pytest.mark.parametrize(
        ("ending", "error"), [("close", http.client.RemoteDisconnected), ("reset", ConnectionResetError)]
    )
    def test_stale_keep_alive(self, raw_server, ending, error):
        server = raw_server(behaviours.stale_after(1, ending=ending))
        client = connect(server.url)
        get(client)
        with pytest.raises(error):
            get(client)
        # The second request did arrive on the old connection.
        assert [(r.connection, r.request) for r in server.received] == [(1, 1), (1, 2)]

    def test_announces_keep_alive(self, raw_server):
        server = raw_server(behaviours.announces(timeout=5, maximum=2))
        client = connect(server.url)
        assert [get(client).headers["Keep-Alive"] for _ in range(2)] == ["timeout=5, max=1", "timeout=5, max=0"]
        assert client.sock.recv(1) == b""

    def test_drips_a_whole_body(self, raw_server):
        server = raw_server(behaviours.drips(interval=0.01, size=10))
        started = time.monotonic()
        assert get(connect(server.url)).body == behaviours.BODY
        assert time.monotonic() - started >= 0.01 * (len(behaviours.BODY) // 10)

    def test_http_1_0(self, raw_server):
        server = raw_server(behaviours.http_1_0())
        response = get(connect(server.url))
        assert (response.version, response.body, response.will_close) == (10, behaviours.BODY, True)

    @pytest.mark.parametrize("framing", ["length", "chunked", "close"])
    def test_truncated_gzip_is_framed_without_a_fault(self, raw_server, framing):
        server = raw_server(behaviours.truncated_gzip(framing=framing))
        body = get(connect(server.url)).body
        with pytest.raises(EOFError):
            gzip.decompress(body)

    def test_first_request_may_differ(self, raw_server):
        server = raw_server(
            behaviours.once(behaviours.reset_before_headers(), behaviours.always(behaviours.response()))
        )
        with pytest.raises(ConnectionResetError):
            get(connect(server.url))
        assert get(connect(server.url)).status == 200

    def test_close_ends_hanging_connections_at_once(self, raw_server):
        server = raw_server(behaviours.hangs())
        client = connect(server.url)
        client.request("GET", "/")
        idle = socket.create_connection(("127.0.0.1", server.port))
        while len(server.accepted) < 2 or not server.received:
            time.sleep(0.01)
        started = time.monotonic()
        server.close()
        assert (client.sock.recv(1), idle.recv(1)) == (b"", b"")
        assert time.monotonic() - started < 1
        # Closing asked for no connection that a test would count.
        assert server.connections == 2


class TestNginx:
    @pytest.fixture
    def site(self, tmp_path: Path) -> Path:
        folder = tmp_path / "a site"
        folder.mkdir()
        for name in ("index", "a", "b"):
            (folder / f"{name}.html").write_text(f"<h1>{name}</h1>")
        return folder

    def test_log_tells_connections_and_requests(self, nginx, site):
        server = nginx(site, "keepalive_requests 2;")
        with requests.Session() as web:
            for path in ("/", "/a.html", "/b.html", "/none"):
                web.get(server.url + path, timeout=5)
        records = server.log(at_least=4)
        assert [(r.request, r.status, r.path) for r in records] == [
            (1, 200, "/"),
            (2, 200, "/a.html"),
            (1, 200, "/b.html"),
            (2, 404, "/none"),
        ]
        assert len({record.connection for record in records}) == 2
        assert abs(records[0].time - time.time()) < 60

    def test_types_are_known(self, nginx, site):
        server = nginx(site)
        assert requests.get(server.url + "/a.html", timeout=5).headers["Content-Type"] == "text/html"

    def test_stops_and_keeps_its_log(self, nginx, site):
        server = nginx(site)
        requests.get(server.url, timeout=5)
        server.stop()
        assert [record.path for record in server.log()] == ["/"]
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url, timeout=5)

    def test_bad_directive_says_what_nginx_says(self, nginx, site):
        with pytest.raises(RuntimeError, match="no_such_directive"):
            nginx(site, "no_such_directive on;")

    def test_serves_a_debian_documentation(self, nginx, docs):
        server = nginx(docs("postgresql-doc-15"))
        assert "PostgreSQL" in requests.get(server.url + "/index.html", timeout=5).text


def test_servers_leave_no_thread_behind(page_server, raw_server):
    before = threading.active_count()
    page, raw = page_server({"/": "x"}), raw_server(behaviours.hangs())
    clients = [connect(page.url), connect(raw.url)]
    get(clients[0])
    clients[1].request("GET", "/")
    page.close()
    raw.close()
    deadline = time.monotonic() + 3
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before
