"""Attacks on the live page: by other sites' pages, by names that lead to this machine, by paths, without a token."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.crawl.commands import command, made_project
from tests.crawl.live_page import Served, serving

TOKEN = "a token of the test's own"
ACT = "/crawl/site.yaml/pause"


class Answer:
    """What came: its status, its headers, its text."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode() if "event-stream" not in self.headers.get("Content-Type", "") else ""


def ask(served: Served, path: str, method: str = "GET", *, body: str | None = None, **headers: str) -> Answer:
    """Ask for a path as it stands; headers by their names with underscores. `Host=""` leaves that out."""
    web = http.client.HTTPConnection(served.host, served.port, timeout=20)
    web.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    sent = {
        "Host": f"{served.host}:{served.port}",
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    if body is not None:
        sent |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
    for name, value in sent.items():
        if value:
            web.putheader(name, value)
    web.endheaders(body.encode() if body is not None else None)
    try:
        return Answer(web.getresponse())
    finally:
        web.close()


def csrf_of(served: Served, **headers: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', ask(served, ACT, **headers).text)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = made_project(tmp_path_factory.mktemp("ui"), "http://127.0.0.1:1", more="schedule: {every: 1h}")
    (folder / "config").mkdir()
    (folder / "site.yaml").rename(folder / "config" / "site.yaml")
    (folder / "secret.yaml").write_text("it is not in the folder that is shown")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def behind_token(folder: Path) -> Iterator[Served]:
    with serving(folder, SCRAPER_UI_TOKEN=TOKEN) as found:
        yield found


def is_paused(folder: Path) -> bool:
    (listed,) = json.loads(command("schedule", "list", "config", "--json", cwd=folder).stdout)
    paused: bool = listed["paused"]
    return paused


class TestNames:
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:{port}",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "127.0.0.1, evil.example",
            "[::1",
            "",
        ],
    )
    def test_foreign_host_is_refused(self, served: Served, host: str):
        answer = ask(served, "/crawl/site.yaml", Host=host.format(port=served.port))
        assert answer.status in (400, 403)
        assert "Run now" not in answer.text

    @pytest.mark.parametrize("host", ["localhost", "LOCALHOST:{port}", "127.0.0.1", "[::1]:{port}", "localhost."])
    def test_own_names_are_served(self, served: Served, host: str):
        assert ask(served, "/crawl/site.yaml", Host=host.format(port=served.port)).status == 200

    def test_name_that_is_given_is_served(self, folder: Path):
        with serving(folder, "--name", "crawls.example") as served:
            assert ask(served, "/", Host="crawls.example").status == 200
            assert ask(served, "/", Host="other.example").status == 403


class TestOtherOrigins:
    @pytest.mark.parametrize(
        "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "x"]
    )
    @pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("GET", "/events"), ("POST", ACT), ("OPTIONS", ACT)])
    def test_are_refused(self, served: Served, folder: Path, origin: str, method: str, path: str):
        body = f"csrf={csrf_of(served)}" if method == "POST" else None
        answer = ask(served, path, method, body=body, Origin=origin)
        assert answer.status == 403
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]

    @pytest.mark.parametrize("site", ["cross-site", "same-site"])
    @pytest.mark.parametrize(
        "path", ["/", "/events", "/assets/page.js", "/crawl/site.yaml/explain?url=http://x.example/"]
    )
    def test_nothing_is_embedded_by_them(self, served: Served, site: str, path: str):
        answer = ask(served, path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="script")
        assert answer.status == 403
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"

    def test_link_from_them_may_be_followed(self, served: Served):
        assert ask(served, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


class TestForms:
    @pytest.mark.parametrize("body", ["", "csrf=", "csrf=wrong", "csrf=%00%ff", "x=1", "csrf=" + "a" * 20_000])
    def test_without_their_token_do_nothing(self, served: Served, folder: Path, body: str):
        assert ask(served, ACT, "POST", body=body).status in (400, 403)
        assert not is_paused(folder)

    def test_asking_does_nothing(self, served: Served, folder: Path):
        token = csrf_of(served)
        assert ask(served, f"{ACT}?csrf={token}").status == 200
        assert not is_paused(folder)
        assert ask(served, ACT, "PUT", body=f"csrf={token}").status == 405

    def test_token_of_another_process_does_nothing(self, served: Served, behind_token: Served, folder: Path):
        foreign = csrf_of(behind_token, Authorization=f"Bearer {TOKEN}")
        assert ask(served, ACT, "POST", body=f"csrf={foreign}").status == 403
        assert not is_paused(folder)

    def test_with_it_do_what_they_say(self, served: Served, folder: Path):
        origin = f"http://{served.host}:{served.port}"
        for act in ("pause", "resume"):
            path = f"/crawl/site.yaml/{act}"
            token = re.search(r'name="csrf" value="([^"]+)"', ask(served, path).text)
            assert token is not None
            answer = ask(served, path, "POST", body=f"csrf={token[1]}", Origin=origin)
            assert (answer.status, answer.headers["Location"]) == (303, "/crawl/site.yaml")
            assert is_paused(folder) is (act == "pause")

    @pytest.mark.parametrize("act", ["stop", "retry", "resume", "delete", "events", "__class__"])
    def test_what_is_not_possible_is_not_done(self, served: Served, act: str):
        answer = ask(served, f"/crawl/site.yaml/{act}", "POST", body=f"csrf={csrf_of(served)}")
        assert answer.status in (405, 409)


class TestToken:
    @pytest.mark.parametrize("path", ["/", "/events", "/crawl/site.yaml", "/crawl/site.yaml/events", ACT, "/nowhere"])
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Cookie": "scraper-ui="},
            {"Cookie": f"scraper-ui={TOKEN}"},
        ],
    )
    def test_without_it_nothing_is_seen(self, behind_token: Served, path: str, headers: Mapping[str, str]):
        answer = ask(behind_token, path, **headers)
        assert answer.status == 401
        assert "site" not in answer.text.replace("site.yaml", "").lower()

    def test_browser_is_asked_for_it_once(self, behind_token: Served):
        shown = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Site": "none"}
        answer = ask(behind_token, "/", **shown)
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
        assert "csrf" not in ask(behind_token, "/login", **shown).text
        assert ask(behind_token, "/login", "POST", body="token=wrong").status == 401
        given = f"token={TOKEN.replace(' ', '+')}".replace("'", "%27")
        assert ask(behind_token, "/login", "POST", body=given, Origin="http://evil.example").status == 403
        answer = ask(behind_token, "/login", "POST", body=given)
        assert answer.status == 303
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and TOKEN not in cookie
        assert ask(behind_token, "/", Cookie=cookie.partition(";")[0]).status == 200

    def test_program_sends_it(self, behind_token: Served):
        assert ask(behind_token, "/", Authorization=f"Bearer {TOKEN}").status == 200

    def test_elsewhere_than_on_loopback_it_is_demanded_and_printed(self, folder: Path):
        with serving(folder, "--host", "0.0.0.0") as served:
            served.host = "127.0.0.1"
            assert len(served.token) >= 32
            assert ask(served, "/").status == 401
            assert ask(served, "/", Authorization=f"Bearer {served.token}").status == 200


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "/crawl/../secret.yaml",
            "/crawl/..%2fsecret.yaml",
            "/crawl/%2e%2e%2fsecret.yaml",
            "/crawl/..%5csecret.yaml",
            "/crawl/%2fetc%2fpasswd",
            "/crawl/site.yaml%00",
            "/crawl/site.yaml/../../secret.yaml",
            "/crawl/site.yaml/runs/1/../../../../secret.yaml",
            "/crawl/site.yaml/runs/1/report",
            "/crawl/site.yaml/runs/-1/report",
            "/crawl/site.yaml/runs/99999999999999999999999/changes",
            "/assets/../app.py",
            "/assets/..%2fapp.py",
            "/assets/%2fetc%2fpasswd",
            "/assets/uPlot.LICENSE",
            "/assets/",
            "//etc/passwd",
            "/%",
        ],
    )
    def test_lead_nowhere_else(self, served: Served, path: str):
        answer = ask(served, path)
        assert answer.status in (400, 404, 409)
        assert "not in the folder that is shown" not in answer.text and "root:" not in answer.text
        assert "Traceback" not in answer.text


@pytest.mark.parametrize("path", ["/", "/crawl/site.yaml", ACT, "/nowhere", "/login", "/assets/page.js", "/events"])
def test_every_answer_says_what_a_page_may_do(served: Served, path: str):
    headers = ask(served, path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_secrets_are_hidden(tmp_path: Path):
    more = "exports: []\nuser_agent: ${AGENT}"
    folder = made_project(tmp_path, "http://127.0.0.1:1", more=more)
    (folder / "site.yaml").write_text("spidre: ${DB_PASSWORD}\n")
    with serving(folder, at="site.yaml", DB_PASSWORD="hunter2hunter2") as served:
        assert "hunter2" not in ask(served, "/crawl/site.yaml").text
