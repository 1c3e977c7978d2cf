"""`rules test`, `shell --site` and `record` see what the crawl would: with its login, its cookies, its encoding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.crawl.commands import command
from tests.servers.club import PASSWORD, USER, Club
from tests.servers.keepalive import PageServer

SPIDER = """from scraper import Spider


class Heads(Spider):
    def parse(self, response):
        yield {"h": response.css_first("h1").text()}
"""

OWN = """import requests
from requests.auth import AuthBase


class Own(requests.Session):
    def __init__(self):
        super().__init__()
        self.headers["X-Own"] = "mine"


class Signed(AuthBase):
    def __call__(self, request):
        request.headers["X-Auth"] = "signed"
        return request


def signed():
    return Signed()
"""


def written(folder: Path, url: str, **more: object) -> Path:
    (folder / "spiders").mkdir(exist_ok=True)
    (folder / "spiders" / "heads.py").write_text(SPIDER, encoding="utf-8")
    settings = {
        "start_urls": [f"{url}/"],
        "spider": "spiders/heads.py:Heads",
        "rules": [{"match": "*", "fields": {"h": "h1"}}],
        "network": {"allow_private": True},
        "politeness": {"delay": 0, "robots": "ignore"},
        **more,
    }
    (folder / "site.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def seen_by(folder: Path, page: str) -> list[str]:
    """What each of the three verbs prints of a page."""
    lines = [
        command("rules", "test", "site.yaml", page, cwd=folder),
        command("shell", page, "--site", "site.yaml", "-c", "print(rules(), response.text)", cwd=folder),
        command("record", "site.yaml", page, cwd=folder),
    ]
    assert [done.returncode for done in lines] == [0, 0, 0], [done.stderr for done in lines]
    recorded = [json.loads(path.read_text()) for path in folder.glob("tests/recorded/site/*/expected.json")]
    return [lines[0].stdout, lines[1].stdout, json.dumps(recorded, ensure_ascii=False)]


@pytest.mark.parametrize("turns_away", ["redirect", "status"])
def test_they_log_in(turns_away: str, tmp_path: Path) -> None:
    with Club(turns_away=turns_away) as club:
        login = {"url": f"{club.url}/login", "form": {"user": USER, "password": PASSWORD}, "when": [403, "form"]}
        folder = written(tmp_path, club.url, login=login)
        for said in seen_by(folder, f"{club.url}/3"):
            assert "Page /3" in said
        assert club.logins == 3
        # With the session of a crawl there is no need to, unless it has ended.
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0
        assert club.logins == 4
        seen_by(folder, f"{club.url}/3")
        assert club.logins == 4
        club.end_sessions()
        for said in seen_by(folder, f"{club.url}/2"):
            assert "Page /2" in said
        assert club.logins == 7


def test_a_wrong_password_is_said(tmp_path: Path) -> None:
    with Club() as club:
        login = {"url": f"{club.url}/login", "form": {"user": USER, "password": "no idea"}}
        done = command("rules", "test", "site.yaml", f"{club.url}/3", cwd=written(tmp_path, club.url, login=login))
    assert done.returncode == 1
    assert "asks for password, user again" in done.stderr
    assert "no idea" not in done.stderr


def test_they_send_the_cookies_that_were_imported(tmp_path: Path) -> None:
    def answer(method: str, target: str, headers: object, body: bytes) -> tuple[int, dict[str, str], bytes]:
        is_known = "lang=cs" in (headers.get("Cookie") or "")  # type: ignore[attr-defined]
        return 200, {"Content-Type": "text/html"}, b"<h1>vitej" if is_known else b"<h1>welcome"

    with PageServer(answer) as server:
        folder = written(tmp_path, server.url)
        (folder / "c.txt").write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tlang\tcs\n", encoding="utf-8")
        assert command("cookies", "site.yaml", "--import", "c.txt", cwd=folder).returncode == 0
        for said in seen_by(folder, f"{server.url}/"):
            assert "vitej" in said


def test_they_read_in_the_encoding_of_the_crawl_saved_pages_too(tmp_path: Path) -> None:
    body = "<h1>příliš žluťoučký".encode("windows-1250")
    with PageServer({"/": (200, {"Content-Type": "text/html"}, body)}) as server:
        folder = written(tmp_path, server.url, pages={"encoding": "windows-1250"})
        for said in seen_by(folder, f"{server.url}/"):
            assert "příliš žluťoučký" in said
    (folder / "saved.html").write_bytes(body)
    for words in (("rules", "test", "site.yaml", "saved.html"),
                  ("shell", "saved.html", "--site", "site.yaml", "-c", "print(response.text)")):  # fmt: skip
        assert "příliš žluťoučký" in command(*words, cwd=folder).stdout


def test_they_read_a_rule_in_an_encoding_of_its_own(tmp_path: Path) -> None:
    body = "<h1>příliš žluťoučký".encode("windows-1250")
    rules = [{"match": "*", "fields": {"h": "h1"}, "pages": {"encoding": "windows-1250"}}]
    with PageServer({"/": (200, {"Content-Type": "text/html; charset=utf-8"}, body)}) as server:
        for said in seen_by(written(tmp_path, server.url, rules=rules), f"{server.url}/"):
            assert "příliš žluťoučký" in said


def test_they_send_on_the_session_of_the_crawl(tmp_path: Path) -> None:
    """One of a class, with an auth, that lie in the project; the command is called from elsewhere."""

    def answer(method: str, target: str, headers: object, body: bytes) -> tuple[int, dict[str, str], bytes]:
        said = [headers.get(name) or "nobody" for name in ("X-Own", "X-Auth")]  # type: ignore[attr-defined]
        return 200, {"Content-Type": "text/html"}, f"<h1>{'+'.join(said)}".encode()

    with PageServer(answer) as server:
        more = {"session": {"class": "spiders.own.Own"}, "origins": {server.url: {"auth": "spiders.own:signed"}}}
        folder = written(tmp_path, server.url, **more)
        (folder / "spiders" / "own.py").write_text(OWN, encoding="utf-8")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for words in (("rules", "test", "../site.yaml", f"{server.url}/"),
                      ("shell", f"{server.url}/", "--site", "../site.yaml", "-c", "print(response.text)"),
                      ("record", "../site.yaml", f"{server.url}/")):  # fmt: skip
            done = command(*words, cwd=elsewhere)
            recorded = "".join(path.read_text() for path in folder.glob("tests/recorded/site/*/expected.json"))
            assert "mine+signed" in done.stdout + recorded, done.stderr
