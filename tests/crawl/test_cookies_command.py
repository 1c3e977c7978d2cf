"""`scraper cookies`, and a login by the command: what is shown, what never is."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.cli import main
from tests.servers.club import PASSWORD, USER, Club

Command = Callable[..., tuple[object, str, str]]

SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"url": response.url}
        yield from response.follow_all("a:not(.me)")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "spiders").mkdir()
    (tmp_path / "spiders" / "pages.py").write_text(SPIDER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """`run(verb, …)` runs the command on site.yaml; gives back its exit code and what it wrote."""

    def command(verb: str, *arguments: str, password: str = PASSWORD) -> tuple[object, str, str]:
        monkeypatch.setenv("CLUB_PASSWORD", password)
        with pytest.raises(SystemExit) as end:
            main([verb, "site.yaml", *arguments])
        return end.value.code, *capsys.readouterr()

    return command


def configure(project: Path, club: Club) -> None:
    (project / "site.yaml").write_text(
        "spider: spiders/pages.py:Pages\n"
        f"start_urls: [{club.url}/]\n"
        "network: {allow_private: true}\n"
        "politeness: {delay: 0}\n"
        f'login: {{url: "{club.url}/login", form: {{user: {USER}, password: "${{CLUB_PASSWORD}}"}}}}\n',
        encoding="utf-8",
    )


def test_the_password_is_never_shown_and_a_wrong_one_can_be_mended(project: Path, run: Command):
    with Club() as club:
        configure(project, club)
        wrong = run("crawl", "--log-file", "a.log", password="battery staple")
        check = run("check", password="battery staple")
        explained = run("explain", f"{club.url}/", password="battery staple")
        assert wrong[0] == 1 and "login-failed" in wrong[2] and "login-failed" in explained[1]
        assert club.login_requests == [("GET", 200), ("POST", 200)]
        log = (project / "a.log").read_text(encoding="utf-8")
        assert "battery staple" not in repr((wrong, check, explained, log))
        assert "no login to 127.0.0.1" in log and 'password: "***"' in check[1]
        assert (run("retry", "--quiet")[0], club.logins) == (0, 1)


def test_lists_exports_clears_and_imports(project: Path, run: Command):
    with Club() as club:
        configure(project, club)
        assert run("crawl", "--quiet")[0] == 0
        listed = run("cookies")[1]
        assert "sid" in listed and "with the session" in listed and "member" not in listed
        assert "member" in run("cookies", "--values")[1]
        assert run("cookies", "--domain", "example.com") == (0, "", "there are no cookies\n")

        assert run("cookies", "--export", "jar.txt")[0] == 0
        file = project / "jar.txt"
        if os.name == "posix":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert "\tsid\tmember" in file.read_text(encoding="utf-8")

        assert run("cookies", "--clear")[2] == "cleared: 1 cookie\n"
        assert run("cookies")[2] == "there are no cookies\n"
        assert (run("crawl", "--quiet")[0], club.logins) == (0, 2)

        # Whether the session of a file is good nobody knows, so that the form is asked for.
        assert run("cookies", "--import", "jar.txt")[2] == "imported: 1 cookie\n"
        club.clear_log()
        assert run("crawl", "--quiet")[0] == 0
        assert club.login_requests[0] == ("GET", 200)


def test_what_cannot_be_done(project: Path, run: Command):
    with Club() as club:
        configure(project, club)
        code, _, said = run("cookies", "--clear", "--export", "x")
        assert (code, "one at a time" in said) == (2, True)
        code, _, said = run("cookies")
        assert (code, "there is no store" in said) == (1, True)
        code, _, said = run("cookies", "--import", "no.txt")
        assert (code, "cannot read no.txt" in said) == (2, True)
        (project / "bad.txt").write_text("no cookies here\n", encoding="utf-8")
        code, _, said = run("cookies", "--import", "bad.txt")
        assert (code, "bad.txt:1" in said) == (1, True)
