"""Crawls that are signed: what a server got is verified by another package, for each request by itself."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from tests.crawl.commands import Project, command
from tests.servers.keepalive import PageServer

pytest.importorskip("cryptography")
signatures = pytest.importorskip("http_message_signatures")
from tests.unit.fetch.test_identity import bytes_of  # noqa: E402

Start = Callable[..., PageServer]
AGENT = "https://acme.example"


class Requests:
    """Answers with pages, and keeps the headers of what it got."""

    def __init__(self, other: str = "") -> None:
        self.got: list[tuple[str, dict[str, str]]] = []
        self.failed = False
        self.other = other

    def __call__(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        self.got.append((path, dict(headers.items())))
        html = {"Content-Type": "text/html"}
        if path == "/":
            return (
                200,
                html,
                b'<h1>Home</h1><a href="/moved">x</a><a href="/fails">y</a><a href="/file"></a>',
            )
        if path == "/moved":
            return 302, {"Location": f"{self.other}/arrived"}, b""
        if path == "/fails" and not self.failed:
            self.failed = True
            return 503, {"Retry-After": "0"}, b""
        return 200, html, b"<h1>x</h1>"


@pytest.fixture
def identity(project: Project, page_server: Start) -> tuple[Path, Requests, Requests, dict[str, Any]]:
    """A project with a key, the servers of its two origins, and the directory of keys."""
    other = Requests()
    second = page_server(other, host="127.0.0.2")
    first = Requests(second.url)
    server = page_server(first)
    folder = project(
        server.url,
        more="identity: {key: bot.pem, agent: 'https://acme.example', from: bot@acme.example}\n"
        "allowed_domains: [127.0.0.1, 127.0.0.2]\nretry: {backoff: 10ms}",
    )
    done = command("identity", "init", "--agent", AGENT, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "with Content-Type: application/http-message-signatures-directory+json" in done.stdout
    directory = json.loads((folder / "http-message-signatures-directory").read_text())
    return folder, first, other, directory


def check(path: str, host: str, headers: dict[str, str], directory: dict[str, Any]) -> str:
    """Verify a request by the directory that its Signature-Agent names; returns its nonce."""
    import requests
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    class Resolver(signatures.HTTPSignatureKeyResolver):  # type: ignore[name-defined,misc]
        def resolve_public_key(self, key_id: str) -> Any:
            (entry,) = [each for each in directory["keys"] if each["kid"] == key_id]
            return Ed25519PublicKey.from_public_bytes(bytes_of(entry["x"]))

        def resolve_private_key(self, key_id: str) -> Any:
            raise NotImplementedError

    assert headers["Signature-Agent"] == f'sig1="{AGENT}"' and headers["From"] == "bot@acme.example"
    request = requests.Request("GET", f"http://{headers['Host']}{path}", headers=headers).prepare()
    verifier = signatures.HTTPMessageVerifier(
        signature_algorithm=signatures.algorithms.ED25519, key_resolver=Resolver()
    )
    (result,) = verifier.verify(request)
    assert headers["Host"] == host == result.covered_components['"@authority"']
    assert result.parameters["tag"] == "web-bot-auth"
    return str(result.parameters["nonce"])


@pytest.mark.parametrize("more", ["", "engine: {processes: 2}\n"])
def test_each_request_is_signed_for_where_it_goes(
    identity: tuple[Path, Requests, Requests, dict[str, Any]], more: str
):
    folder, first, other, directory = identity
    site = folder / "site.yaml"
    site.write_text(site.read_text() + more)
    done = command("crawl", "site.yaml", "-v", "--log-file", "log", cwd=folder)
    assert done.returncode == 0, done.stderr
    got = [*first.got, *other.got]
    paths = sorted(path for path, _ in got)
    # robots.txt of both, a redirect to another origin, and a retry are requests of their own.
    assert paths == ["/", "/arrived", "/fails", "/fails", "/file", "/moved", "/robots.txt", "/robots.txt"]
    nonces = [check(path, headers["Host"], headers, directory) for path, headers in got]
    assert len(set(nonces)) == len(nonces) and len({headers["Host"] for _, headers in got}) == 2
    pem = (folder / "bot.pem").read_text().splitlines()[1]
    told = [
        done.stdout,
        done.stderr,
        *(p.read_text("latin-1") for p in folder.rglob("*") if p.name != "bot.pem" and p.is_file()),
    ]
    assert not any(pem in text for text in told)


def test_a_session_class_is_signed_too(identity: tuple[Path, Requests, Requests, dict[str, Any]]):
    folder, first, other, directory = identity
    (folder / "spiders" / "own.py").write_text(
        "import requests\nfrom requests.adapters import HTTPAdapter\n"
        "class Adapter(HTTPAdapter):\n    pass\n"
        "class Own(requests.Session):\n    def __init__(self):\n        super().__init__()\n"
        "        self.mount('http://', Adapter())\n"
    )
    site = folder / "site.yaml"
    site.write_text(site.read_text() + "session: {class: 'spiders.own:Own'}\n")
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    got = [*first.got, *other.got]
    assert len({check(path, headers["Host"], headers, directory) for path, headers in got}) == len(got) == 8


def test_scraper_fetch_signs(identity: tuple[Path, Requests, Requests, dict[str, Any]], page_server: Start):
    folder, first, _, directory = identity
    server = page_server(first)
    sets = (
        "--set",
        "identity.key=bot.pem",
        "--set",
        f"identity.agent={AGENT}",
        "--set",
        "identity.from=bot@acme.example",
    )
    done = command("fetch", f"{server.url}/", *sets, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert all(check(path, headers["Host"], headers, directory) for path, headers in first.got)


def test_sessions_of_a_script_sign(identity: tuple[Path, Requests, Requests, dict[str, Any]], page_server: Start):
    folder, _, _, directory = identity
    seen = Requests()
    server = page_server(seen)
    known = {"key": str(folder / "bot.pem"), "agent": AGENT, "from": "bot@acme.example"}
    with scraper.Sessions(identity=known, robots=True) as web:
        web.get(f"{server.url}/")
        web.post(f"{server.url}/x", data={"a": "1"})
    assert len({check(path, headers["Host"], headers, directory) for path, headers in seen.got}) == 3
    with pytest.raises(scraper.ConfigError, match="expected agent beside it"):
        scraper.Sessions(identity={"key": known["key"]})


def test_the_key_is_its_owners_and_never_overwritten(project: Project):
    folder = project("http://127.0.0.1:9", more="identity: {key: bot.pem, agent: acme.example}")
    missing = command("crawl", "site.yaml", cwd=folder)
    assert missing.returncode == 2 and "scraper identity init --key" in missing.stderr
    assert command("identity", "init", cwd=folder, PATH=os.environ["PATH"]).returncode == 0
    key = folder / "bot.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = command("identity", "init", cwd=folder)
    assert again.returncode == 2 and "never overwritten" in again.stderr
    before = key.read_bytes()
    assert command("identity", "init", "--key", "next.pem", cwd=folder).returncode == 0
    keys = json.loads((folder / "http-message-signatures-directory").read_text())["keys"]
    assert len({each["kid"] for each in keys}) == 2 and key.read_bytes() == before
    key.chmod(0o644)
    done = command("check", "site.yaml", cwd=folder)
    assert "others may read the key bot.pem" in done.stderr
    key.write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n")
    wrong = command("check", "site.yaml", cwd=folder)
    assert wrong.returncode == 2 and "is not an Ed25519 key in PEM" in wrong.stderr and "nonsense" not in wrong.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--agent", "http://acme.example"), "expected an https URL"),
        (("--agent", "https://a:b@acme.example"), "expected an https URL"),
        (("--agent", "no agent"), "expected an https URL"),
        (("--directory", "text"), "its keys are no list of objects"),
        (("--directory", "."), "is not a directory of keys"),
        (("--directory", "no/such/place"), "cannot be written"),
        (("--key", "."), "name another by --key"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(tmp_path: Path, options: tuple[str, ...], said: str):
    (tmp_path / "text").write_text('{"keys": "abc"}')
    done = command("identity", "init", *options, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "a:b" not in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["text"]


def test_a_jwk_set_lies_where_it_is_named(tmp_path: Path):
    done = command("identity", "init", "--agent", "acme.example/bots/keys.json", cwd=tmp_path)
    assert "serve it at\n  https://acme.example/bots/keys.json\nwith Content-Type: application/jwk-set" in done.stdout


@pytest.mark.parametrize(
    ("more", "warns"),
    [
        ("", True),
        ("user_agent: books/1.0", True),
        ("user_agent: acme/1.0 (+https://acme.example/bot)", False),
        ("user_agent: acme/1.0 (bot@acme.example)", False),
        ("identity: {from: bot@acme.example}", False),
        ("session: {headers: {From: bot@acme.example}}", False),
    ],
)
def test_check_warns_where_nobody_can_be_reached(project: Project, more: str, warns: bool):
    folder = project("http://127.0.0.1:9", more=more)
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 0 and ("nobody can be reached" in done.stderr) is warns


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ("{key: bot.pem}", "expected agent beside it"),
        ("{agent: 'https://acme.example'}", "expected key beside it"),
        ("{agent: 'http://acme.example', key: bot.pem}", "expected an https URL"),
        ("{from: nobody}", "expected a mail address"),
    ],
)
def test_a_wrong_one_is_refused(project: Project, identity: str, said: str):
    folder = project("http://127.0.0.1:9", more=f"identity: {identity}")
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 2 and said in done.stderr and "site.yaml:5:" in done.stderr
