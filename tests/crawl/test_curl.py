"""Commands of curl mean to us what they mean to curl: one server compares what both send."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
import requests

from scraper import BadRequest, Request
from scraper.demo.server import Answer
from tests.crawl.commands import environment
from tests.servers.keepalive import PageServer

#: What both say for themselves.
OWN = {"host", "accept", "accept-encoding", "connection", "content-length", "user-agent"}


class Sent:
    """What a server got last."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        named = {name.lower(): value for name, value in headers.items()}
        cookies = sorted(part.strip() for part in named.pop("cookie", "").split(";"))
        accept = {name: value for name, value in named.items() if name == "accept" and value != "*/*"}
        kept = {name: value for name, value in named.items() if name not in OWN}
        self.seen.append((method, path, {**kept, **accept}, cookies, body))
        return 200, {}, b"ok"


@pytest.fixture
def sent() -> Iterator[tuple[str, Sent]]:
    heard = Sent()
    with PageServer(heard) as server:
        yield server.url, heard


COMMANDS = {
    "nothing else": "curl URL/a?b=1",
    "as Chrome copies it": """curl 'URL/api/search' \\
  -H 'accept: application/json' \\
  -H 'content-type: application/json; charset=utf-8' \\
  -b 'session=abc; theme=dark' \\
  -H 'x-requested-with: XMLHttpRequest' \\
  --data-raw $'{"q":"it\\'s caf\\u00e9","n":1}' --compressed""",
    "as Firefox copies it": "curl --compressed 'URL/list' -X POST -H 'Cookie: a=1; b=2' -H 'Referer: URL/' \\\n"
    "  --data-raw 'x=1&y=2'",
    "a form": "curl URL/f -d a=1 -d b=2",
    "one option with its value": "curl -sS -da=1 URL/f -XPUT",
    "a query from data": "curl -G URL/q?z=0 --data-urlencode 'q=tea & cakes' -d n=2",
    "user and password": "curl -u jo:secret URL/",
    "json": """curl --json '{"a": [1]}' URL/j""",
    "long options": "curl --request DELETE --url URL/item/5 -kLsS",
    "an empty header, and one left out": "curl URL/ -H 'X-Empty;' -H 'X-Gone:'",
    "a body that is empty": "curl URL/ --data-raw ''",
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_it_sends_what_curl_sends_and_says_it_back(sent: tuple[str, Sent], command: str) -> None:
    url, heard = sent
    line = command.replace("URL", url)
    subprocess.run(["bash", "-c", f"{line} --silent --output /dev/null"], check=True, timeout=20)
    again = Request.from_curl(Request.from_curl(line).to_curl())
    for request in (Request.from_curl(line), again):
        headers = {**request.headers}
        requests.request(request.method, request.url, headers=headers, data=request.body, cookies=request.cookies)
    assert len(heard.seen) == 3
    assert heard.seen[1] == heard.seen[0]
    assert heard.seen[2] == heard.seen[0]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("wget https://a.example/", "begins with curl"),
        ("curl", "names one URL"),
        ("curl https://a.example/ https://b.example/", "has 2"),
        ("curl https://a.example/ -F file=@x.png", "-F has no counterpart"),
        ("curl https://a.example/ -d @body.json", "is a file"),
        ("curl https://a.example/ -b jar.txt", "names a file of cookies"),
        ("curl 'https://a.example/", "cannot be read"),
        ("curl https://a.example/ -H", "-H has no value"),
        ("curl ftp://a.example/", "not an absolute http or https URL"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_what_to_do(command: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as error:
        Request.from_curl(command)
    assert error.value.remedy or "no value" in said


def test_the_command_fetches_it(sent: tuple[str, Sent], tmp_path: Path) -> None:
    url, heard = sent
    line = [sys.executable, "-m", "scraper", "fetch"]
    given = [*line, "--from-curl", f"curl {url}/api -X PUT -d a=1"]
    done = subprocess.run(given, cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8", timeout=30)
    assert done.returncode == 0, done.stderr
    assert f"PUT {url}/api" in done.stdout
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert heard.seen[0] == ("PUT", "/api", form, [""], b"a=1")
    for wrong in ([*given, url], [*line, "--from-curl", "wget x"], line):
        done = subprocess.run(
            wrong, cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8", timeout=30
        )
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
