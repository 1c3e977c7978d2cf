"""Everything that can be wrong with a site's YAML: where the error points, and the remedy it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import load
from scraper.errors import ConfigError, Problem

SPIDER = "spider: spiders/a.py:A\n"
ENVIRON = {"PAGES": "s3cr3tvalue", "HOST": "hidden.example", "LINES": "one\ntwo"}
PG = "store: postgresql://h/db\n"
FILES = "pipelines: [{use: scraper.pipes:Files, field: pdf}]\n"
BOMB = "".join(
    f"{name}: &{name} [{', '.join([below] * 10)}]\n"
    for name, below in [("a", "1"), ("b", "*a"), ("c", "*b"), ("d", "*c")]
)

# A name, the YAML after the spider's line, line, column, and words of the error.
AFTER_SPIDER: list[tuple[str, str, int, int, str]] = [
    ("unknown key", "colour: red\n", 2, 1, "unknown key"),
    ("key of another section", "delay: 1s\n", 2, 1, "did you mean politeness.delay?"),
    ("misspelt key", "politeness:\n  dealy: 1s\n", 3, 3, "did you mean politeness.delay?"),
    ("misspelt section", "politenes: {delay: 1}\n", 2, 1, "did you mean politeness?"),
    ("deep key one level too high", "session: {read: 5s}\n", 2, 11, "did you mean session.timeout.read?"),
    ("key of a domain", "domains:\n  a.com: {delay: 1}\n", 3, 11, "did you mean domains.a.com.politeness.delay?"),
    ("misspelt key that has to be", "start_urls: {fiel: a.csv, column: u}\n", 2, 14, "did you mean start_urls.file?"),
    ("other word for such a key", "exports: [{to: a.csv}]\n", 2, 12, "did you mean exports[0].path?"),
    ("misspelt beside the right", "start_urls: {file: a.csv, fil: b}\n", 2, 27, "did you mean start_urls.file?"),
    ("attribute instead of key", "session: {class_: a.B}\n", 2, 11, "did you mean session.class?"),
    ("doubled key", "name: a\nlimits: {}\nname: b\n", 4, 1, "line 2 and again in line 4"),
    ("doubled key in braces", "limits: {pages: 1, pages: 2}\n", 2, 20, "limits.pages: the key stands"),
    ("duration of words", "politeness:\n  delay: fast\n", 3, 10, "500ms"),
    ("duration with a blank", "politeness: {delay: 1 m 30 s}\n", 2, 21, "write 1m30s"),
    ("size with a blank", "limits: {body: 10 MB}\n", 2, 16, "write 10MB"),
    ("size in small letters", "limits: {body: 10mb}\n", 2, 16, "write 10MB"),
    ("duration like a clock", "limits: {duration: 1:30}\n", 2, 20, "1m30s"),
    ("negative duration", "politeness: {delay: -1}\n", 2, 21, "0 or more"),
    ("infinite duration", "politeness: {delay: .inf}\n", 2, 21, "got .inf"),
    ("endless duration", "limits: {duration: 9999d}\n", 2, 20, "3650d"),
    ("no timeout", "session: {timeout: {read: 0}}\n", 2, 27, "more than 0"),
    ("old flag", "network: {allow_private: on}\n", 2, 26, "expected true or false, got on: write true"),
    ("old flag for verify", "session: {verify: no}\n", 2, 19, "write false"),
    ("quoted flag", "network: {allow_private: 'true'}\n", 2, 26, "without quotes"),
    ("leading zero", "limits:\n  pages: 012\n", 3, 10, "got 012: write 12"),
    ("quoted number", "limits: {pages: '5'}\n", 2, 17, "write 5, without quotes"),
    ("zero count", "limits: {pages: 0}\n", 2, 17, "leave the key out for no limit"),
    ("fractional count", "retry: {attempts: 1.5}\n", 2, 19, "a whole number"),
    ("size without unit", "limits: {body: 10M}\n", 2, 16, "10MB"),
    ("share as a count", "gate: {max_failed: 5}\n", 2, 20, "write 5%"),
    ("share of items as a fraction", "gate: {min_items: 0.8}\n", 2, 19, "write 80%"),
    ("more items than all", "gate: {min_items: 120%}\n", 2, 19, "up to 100%"),
    ("items of words", "gate: {min_items: most}\n", 2, 19, "a whole number of 0 or more"),
    ("dropped as a count", "gate: {max_dropped: 10}\n", 2, 21, "write 10%"),
    ("negative jitter", "politeness: {jitter: -0.5}\n", 2, 22, "0 or more"),
    ("number for text", "name: 12\n", 2, 7, 'write "12"'),
    ("unusable name", "name: a/b\n", 2, 7, "letters, digits"),
    ("text for a list", "start_urls: https://a.com/\n", 2, 13, "write [https://a.com/]"),
    ("number for a list", "retry: {statuses: 500}\n", 2, 19, "write [500]"),
    ("text for a section", "limits: 5\n", 2, 9, "got 5: write limits: {pages: 5000, duration: 2h}"),
    ("word for a section", "schedule: daily\n", 2, 11, "write schedule: {cron: "),
    ("number for a domain's section", "domains: {a.com: {politeness: 2}}\n", 2, 31, "write politeness: {delay: "),
    ("number for what has a chosen name", "items: {book: 5}\n", 2, 15, "write items: {book: {key: [url]}}"),
    ("no space in braces", "limits: {pages:5}\n", 2, 10, "write a space behind the colon: pages: 5"),
    ("empty section", "limits:\nname: a\n", 2, 8, "remove the key"),
    ("word for robots", "politeness: {robots: obay}\n", 2, 22, "write obey"),
    ("URL without scheme", "start_urls: [a.com/x]\n", 2, 14, "write https://a.com/x"),
    ("URL of another scheme", "start_urls: [ftp://a.com/]\n", 2, 14, "http or https"),
    ("relative URL", "start_urls:\n- https://a.com/\n- /about\n", 4, 3, "write it whole"),
    ("URL for a host", "allowed_domains: [https://a.com/x]\n", 2, 19, "write a.com"),
    ("wildcard host", "allowed_domains: ['*.a.com']\n", 2, 19, "its subdomains are allowed"),
    ("no host", "allowed_domains: []\n", 2, 18, "leave the key out"),
    ("host for a domain", "domains: {static.toscrape.com: {}}\n", 2, 11, "write toscrape.com"),
    ("port at a domain", "domains: {'127.0.0.1:80': {}}\n", 2, 11, "write 127.0.0.1"),
    ("more than the pool", "session: {pool: 2}\npoliteness: {concurrency: 4}\n", 3, 27, "raise session.pool"),
    ("more than its pool", "domains:\n a.b: {session: {pool: 1}, politeness: {concurrency: 2}}\n", 3, 54, "(1)"),
    ("more than the inherited pool", "domains: {a.com: {politeness: {concurrency: 9}}}\n", 2, 45, "(8), got 9"),
    ("secret header", "session: {headers: {authorization: x}}\n", 2, 21, "origins"),
    ("named secret header", "session: {secret_headers: [x-key], headers: {X-Key: y}}\n", 2, 46, "origins"),
    ("header injection", 'session: {headers: {A: "b\\r\\nc"}}\n', 2, 24, "got b\\r\\nc"),
    ("header name", "session: {headers: {a b: c}}\n", 2, 21, "name of a header"),
    ("user agent of two lines", 'user_agent: "a\\nb"\n', 2, 13, "one line"),
    ("empty user agent", 'user_agent: ""\n', 2, 13, "acme-research"),
    ("path at an origin", "origins: {https://a.com/: {}}\n", 2, 11, "write https://a.com"),
    ("half a login", "origins: {https://a.com: {auth: {basic: [u]}}}\n", 2, 33, "{basic: [user, password]}"),
    ("proxy without scheme", "session: {proxies: {all: proxy:3128}}\n", 2, 26, "http://"),
    ("a PAC file", "proxies: [http://p/proxy.pac]\n", 2, 11, "PAC files are not read"),
    ("PAC by its scheme", "proxies: ['pac+http://p/x']\n", 2, 11, "PAC files are not read"),
    ("a hash in a password", "proxies: ['http://u:#x@p:80']\n", 2, 11, "# as %23"),
    ("proxy for another scheme", "session: {proxies: {ftp: http://p}}\n", 2, 21, "http, https, all"),
    ("glob without slash", "scope: {exclude: [logout]}\n", 2, 19, "begin a glob with /"),
    ("regular expression", "scope: {include: [{regex: '('}]}\n", 2, 27, "Python says"),
    ("both kinds of rule", "scope: {include: [{regex: a, glob: /b}]}\n", 2, 19, "or {regex: …}"),
    ("unknown suffix", "exports: [out/a.docx]\n", 2, 11, ".sqlite3 or .db"),
    ("unknown suffix in a mapping", "exports: [{path: out/a.docx}]\n", 2, 18, "format: jsonl"),
    ("unknown format", "exports: [{path: a, format: jsnl}]\n", 2, 29, "write jsonl"),
    ("export without path", "exports: [{fields: [a]}]\n", 2, 11, "add path"),
    ("two exports on a path", "exports: [out/a.csv, ./out/a.csv]\n", 2, 22, "exports[0]"),
    ("pipeline without function", "pipelines: [clean]\n", 2, 13, "module:function"),
    ("session class", "session: {class: Session}\n", 2, 18, "module:Class"),
    ("status", "retry: {statuses: [500, 600]}\n", 2, 25, "at most 599"),
    ("cron", "schedule: {cron: every day}\n", 2, 18, "five fields"),
    ("time zone", "schedule: {cron: 0 1 * * *, timezone: Europe/Londn}\n", 2, 39, "write Europe/London"),
    ("schedule without cron", "schedule: {timezone: UTC}\n", 2, 11, "add cron"),
    ("no process", "engine: {processes: 0}\n", 2, 21, "1 or more"),
    ("processes in words", "engine: {processes: many}\n", 2, 21, "a whole number"),
    ("another engine", "engine: {kind: rey}\n", 2, 16, "write ray"),
    ("Ray with a file", "engine: {kind: ray}\n", 2, 16, "share a store in PostgreSQL"),
    ("Ray without a number", f"{PG}engine: {{kind: ray, processes: auto}}\n", 3, 32, "so many cores for each worker"),
    ("Ray without a worker", f"{PG}engine: {{kind: ray, workers: 0}}\n", 3, 30, "1 or more"),
    ("Ray's key alone", f"{PG}engine: {{workers: 3}}\n", 3, 10, "expected kind: ray beside it"),
    ("Ray and a pipe", f"{PG}engine: {{kind: ray}}\nstart_urls: {{file: -}}\n", 4, 20, "a file of the project"),
    ("Ray and files", f"{PG}engine: {{kind: ray}}\n{FILES}", 4, 13, "an absolute path that all nodes share"),
    ("another database", "store: mysql://h/db\n", 2, 8, "write one such as .scraper/books.db or postgresql://"),
    ("a password in a query", "store: postgresql://h/db?password=x\n", 2, 8, "user:${PG_PASSWORD}@"),
    ("a password with a bracket", "store: postgresql://u:a[b@h/db\n", 2, 8, "%5B"),
    ("a password with a percent sign", "store: postgresql://u:100%@h/db\n", 2, 8, "%25"),
    ("a password with a space", "store: postgresql://u:a b@h/db\n", 2, 8, "%20"),
    ("a schema without a name", "store: postgresql://h/db?schema=\n", 2, 8, "at most 63 bytes"),
    ("unset variable", "name: ${NOT_SET}\n", 2, 7, "${NOT_SET:-default}"),
    ("unset variable in quotes", 'args: {a: "x ${NOT_SET}"}\n', 2, 11, "NOT_SET is not set"),
    ("variable cut short", "name: ${\n", 2, 7, "$${"),
    ("variable misspelt", "name: ${A-b}\n", 2, 7, "${NAME:-default}"),
    ("unquoted variable in braces", "args: {user: ${USER}}\n", 2, 14, '"${USER}"'),
    ("variable of the wrong type", 'limits: {pages: "${PAGES}"}\n', 2, 17, "got ${PAGES}"),
    ("tag", "args: !!python/object:os.system {a: 1}\n", 2, 7, "tags are not read"),
    ("tag of one's own", "name: !secret a\n", 2, 7, "write the plain value"),
    ("merge key", "limits:\n  <<: {pages: 1}\n", 3, 3, "repeat the keys"),
    ("alias of nothing", "args: *nothing\n", 2, 7, "no &nothing"),
    ("alias in itself", "args: &a {b: *a}\n", 2, 14, "inside of what it names"),
    ("aliases upon aliases", f"args:\n  x: 1\n{BOMB}e: [*d, *d]\n", 7, 36, "aliases"),
    ("too deep", f"args: {'[' * 60}{']' * 60}\n", 2, 56, "flatter"),
    ("second document", "---\nname: a\n", 2, 1, "remove the line ---"),
    ("tab", "limits:\n\tpages: 1\n", 3, 1, "spaces"),
    ("open quote", "name: 'a\n", 2, 7, "close it"),
    ("two colons", "name: a: b\n", 2, 8, "quote"),
    ("open bracket", "start_urls: [https://a.com/\nname: a\n", 3, 5, "quote"),
    ("character of YAML's own", "name: @a\n", 2, 7, "quotes"),
    ("a list as key", "? [a]\n: b\n", 2, 3, "a key is text"),
    ("control character", 'name: "\x07"\n', 2, 8, "remove it"),
]  # fmt: skip

WHOLE: list[tuple[str, bytes, int, int, str]] = [
    ("no spider", b"name: a\n", 1, 1, "add spider: file.py:Class"),
    ("a spider without class", b"spider: spiders/a.py\n", 1, 9, "file.py:Class"),
    ("a dotted spider", b"spider: spiders.a.A\n", 1, 9, "write spiders.a:A"),
    ("empty", b"", 1, 1, "begin with spider"),
    ("only a comment", b"# nothing\n", 1, 1, "begin with spider"),
    ("only a document's start", b"---\n", 2, 1, "begin with spider"),
    ("a list", b"- spider\n", 1, 1, "got a list"),
    ("text", b"spider\n", 1, 1, "got one text"),
    ("not UTF-8", b"spider: a:B\nname: caf\xe9\n", 2, 10, "save it as UTF-8"),
    ("UTF-16", "spider: a:B\n".encode("utf-16-le"), 1, 2, "remove it"),
]


def problems_of(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    monkeypatch.chdir(path)
    Path("site.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load("site.yaml", environ=ENVIRON)
    assert caught.value.exit_code == 2
    return caught.value.problems


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        *[pytest.param((SPIDER + text).encode(), *rest, id=name) for name, text, *rest in AFTER_SPIDER],
        *[pytest.param(content, *rest, id=name) for name, content, *rest in WHOLE],
    ],
)
def test_an_error_names_its_place_and_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, line: int, column: int, words: str
) -> None:
    problems = [str(problem) for problem in problems_of(tmp_path, content, monkeypatch)]
    here = [problem for problem in problems if problem.startswith(f"site.yaml:{line}:{column}: ")]
    assert here, problems
    assert any(words in problem for problem in here), here


def test_everything_wrong_is_said_at_once_and_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"""\
nam: books
limits: {pages: none, pages: 4}
session:
  pool: 2
politeness: {concurrency: 3, delay: soon}
args: {key: "${NOT_SET}"}
exports: [a.csv, a.csv]
"""
    found = problems_of(tmp_path, content, monkeypatch)
    assert [(problem.line, problem.column, problem.key) for problem in found] == [
        (1, 1, "spider"),
        (1, 1, "nam"),
        (2, 17, "limits.pages"),
        (2, 23, "limits.pages"),
        (5, 27, "politeness.concurrency"),
        (5, 37, "politeness.delay"),
        (6, 13, "args.key"),
        (7, 18, "exports[1]"),
    ]


def test_what_a_domain_inherits_is_wrong_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = (
        f"{SPIDER}retry: {{attempts: 0, tries: 1}}\ndomains: {{a.com: {{}}, b.com: {{retry: {{backoff: 1s}}}}}}\n"
    )
    found = problems_of(tmp_path, content.encode(), monkeypatch)
    assert [problem.key for problem in found] == ["retry.attempts", "retry.tries"]


@pytest.mark.parametrize(
    "text",
    [
        'limits: {pages: "${PAGES}"}',
        'start_urls: ["ftp://${HOST}"]',
        'session: {headers: {A: "${LINES}"}}',
        'scope: {include: [{regex: "(${PAGES}"}]}',
        'exports: ["${PAGES}"]',
        'schedule: {cron: "${PAGES}"}',
        'domains: {"www.${HOST}.co.uk": {}}',
        'allowed_domains: ["https://${HOST}/"]',
        'origins: {"${HOST}": {}}',
        'session: {pool: "${PAGES}"}',
        '"${PAGES}": 1',
        "domains: {'${HOST}': {delay: 1}}",
    ],
)
def test_an_error_never_prints_what_the_environment_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    said = "\n".join(map(str, problems_of(tmp_path, (SPIDER + text).encode(), monkeypatch)))
    assert "${" in said
    assert not [value for value in ENVIRON.values() if value in said or value.split("\n")[0] + "\\n" in said]


@pytest.mark.parametrize(
    "text",
    [
        "origins: {https://a.com: {headers: {Authorization: 5550123}}}",
        "origins: {https://a.com: {auth: {basic: [5550123]}}}",
        "session: {proxies: {http: 'user:5550123@proxy:80'}}",
        "store: mysql://user:5550123@host/db",
        "store: postgresql://user@host/db?password=5550123",
        "store: postgresql://user:5550123@host:port/db",
        "store: postgresql:user:5550123@host/db",
        "store: postgresql:/user:5550123@host/db",
        "store: user:5550123@host/db",
        "store: user:a/5550123@host/db",
        "store: 'host=h user=u password=5550123'",
        "store: postgresql://user:a?b/5550123@host:port/db",
        "store: postgresql://user:a@5550123?b@host:port/db",
        "store: postgresql://host/db?password=a@5550123",
        "store: postgresql://user:a@5550123@host/db",
        "store: 'postgresql://user:a#5550123@host/db'",
        "store: postgresql://user:a/5550123@host/db",
        "args: {password: !x 5550123}",
        "start_urls: ['ftp://user:5550123@a.com/']",
    ],
)
def test_an_error_never_prints_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    problems = problems_of(tmp_path, (SPIDER + text).encode(), monkeypatch)
    assert problems
    assert "5550123" not in "\n".join(map(str, problems))


def test_a_path_that_is_no_file_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SPIDER, encoding="utf-8")
    for path, words in [
        (tmp_path, "this is a folder"),
        (tmp_path / "site.yml", "did you mean"),
        (tmp_path / "other.yaml", "no such file"),
        (tmp_path / "site.yaml" / "x", "site.yaml"),
    ]:
        with pytest.raises(ConfigError, match=words) as caught:
            load(path)
        assert len(caught.value.problems) == 1
