"""Commands of curl mean to us what they mean to curl: one server compares what both send."""

from __future__ import annotations

import re
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
        # These stand in a query as they are, or escaped: requests does that.
        bare = re.sub("%(5B|5D|7B|7D)", lambda found: chr(int(found[1], 16)), path)
        self.seen.append((method, bare, {**kept, **accept}, cookies, body))
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
    "switches and an option with its value in one": f"curl -{'s' * 2_000}XPUT URL/f -sd a=1",
    "a query from data": "curl -G URL/q?z=0 --data-urlencode 'q=tea & cakes' -d n=2",
    "user and password": "curl -u jo:secret URL/",
    "user and password in the URL": "curl USER_URL/",
    "json": """curl --json '{"a": [1]}' URL/j""",
    "long options": "curl --request DELETE --url URL/item/5 -kLsS",
    "an empty header, and one left out": "curl URL/ -H 'X-Empty;' -H 'X-Gone:'",
    "a body that is empty": "curl URL/ --data-raw ''",
    "a dollar before a quote": "curl 'URL/?cost=5$' -H 'X-Price: 3$' --data-raw 'a'",
    "escapes of bash": r"""curl URL/ --data-raw $'\x41\102\t\u00e9\xc3\xa9\U1F600\cA\e\q\'\"\\ \?'""",
    "double quotes": 'curl "URL/a?b=1" -H "X-A: \\"it\\"" --data-raw "5\\$ \\x \\\\ \\\na"',
    "quotes in the midst of a word": "curl 'URL'/'a'\"b\"c\\&d  # and no more",
    "brackets as Chrome escapes them": r"curl 'URL/?a\[\]=1&b\{x\}=2'",
    "brackets with --globoff": "curl -g 'URL/?a[1]=1&b={x}'",
    "empty brackets": "curl 'URL/?a[]=1'",
    "a query behind a fragment": "curl -G 'URL/q#part' -d a=1",
    "data that is encoded": "curl URL/ --data-urlencode '=a&b' --data-urlencode 'x y' --data-urlencode 'e=é@=' -d z",
    "a header before its option": "curl URL/ -u a:b -H 'authorization: Bearer x' -e http://r/ -H 'Referer: http://s/'",
    "a Cookie before the option": "curl URL/ -b a=1 -H 'cookie: b=2; c=x=y'",
    "cookies of two options": "curl URL/ -b a=1 -b 'b=2'",
    "a body without its type": "curl URL/ -H 'Content-Type:' -d x",
    "json in pieces": """curl URL/ --json '{"a":' --json 1} -H 'Accept: text/plain'""",
}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_it_sends_what_curl_sends_and_says_it_back(sent: tuple[str, Sent], command: str) -> None:
    url, heard = sent
    line = command.replace("USER_URL", url.replace("//", "//jo:s%2Fx@")).replace("URL", url)
    quiet = line.replace("curl", "curl --silent --output /dev/null", 1)
    subprocess.run(["bash", "-c", quiet], check=True, timeout=20)
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
        ("curl https://a.example/?a=1&b=2", "would not take &"),
        ("curl https://a.example/ | jq .", "would not take"),
        ("curl https://a.example/ > page", "would not take"),
        ('curl https://a.example/ -H "X: $TOKEN"', r"would not take \$T"),
        ("curl https://a.example/ -d $(cat x)", "would not take"),
        ("curl https://a.example/ -d `cat x`", "would not take `"),
        (r"curl https://a.example/ -d $'\x00'", "is no character"),
        (r"curl https://a.example/ -d $'\ud83d'", "is no character"),
        ("curl 'https://a.example/[1-3]'", "several URLs"),
        ("curl 'https://a.example/{a,b}'", "several URLs"),
        ("curl https://a.example/ -u jo", "the password of -u"),
        ("curl https://a.example/ -H @headers", "file of headers"),
        ("curl https://a.example/ -H 'Host: b.example'", "names b.example"),
        ("curl https://a.example/ -H 'X: 1' -H 'x: 2'", "two headers"),
        ("curl https://a.example/ -b 'a=1; a=2'", "comes twice"),
        ("curl https://a.example/ --data-urlencode a@file", "is a file"),
        (r"curl https://a.example/ -H $'X: \xe9'", "only a body"),
        ("curl https://a.example/ -H 'X: é'", "only a body"),
        ('curl ^"https://a.example/^"', "cmd.exe"),
        ("curl ftp://a.example/", "not an absolute http or https URL"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_what_to_do(command: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said) as error:
        Request.from_curl(command)
    assert error.value.remedy or "no value" in said


def test_bytes_and_the_ends_of_other_lines() -> None:
    request = Request.from_curl("curl https://a.example/ \\\r\n --data-binary $'\\xe9\\xc3\\xa9'")
    assert (request.method, request.body) == ("POST", b"\xe9\xc3\xa9")
    with pytest.raises(BadRequest, match="not text"):
        request.to_curl()
    with pytest.raises(BadRequest, match="not text"):
        Request("https://a.example/", method="POST", data="a\0b").to_curl()


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
