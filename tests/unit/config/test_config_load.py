"""What a configuration means: types, defaults, interpolation, `--set`, inheritance, and where values came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from scraper.config import Loaded, Origin, load
from scraper.config.store_location import StoreLocation
from scraper.errors import ConfigError

Load = Callable[..., Loaded]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    def write_and_load(text: str, environ: Mapping[str, str] | None = None, **more: Any) -> Loaded:
        path = tmp_path / "books.yaml"
        path.write_text("spider: spiders/a.py:A\n" + text, encoding="utf-8")
        return load(path, environ=environ or {}, **more)

    return write_and_load


def test_defaults_are_those_of_the_contract(load_text: Load) -> None:
    config = load_text("").config
    assert (config.name, config.store, config.start_urls, config.allowed_domains) == (
        "books",
        ".scraper/books.db",
        (),
        None,
    )
    assert [(export.path, export.format) for export in config.exports] == [("out/books.jsonl", "jsonl")]
    assert config.user_agent.startswith("persistent-scraper/")
    assert config.limits.model_dump() == {
        "depth": 10_000, "pages": 10_000_000, "items": None, "bytes": None, "files": None,
        "per_domain": {"bytes": None, "files": None},
        "duration": None, "body": 10_000_000, "redirects": 10, "parse": 60.0,
    }  # fmt: skip
    assert (config.session.pool, config.session.idle_expiry, config.session.max_age) == (8, 15.0, 600.0)
    assert config.session.timeout.model_dump() == {"connect": 5.0, "read": 20.0, "total": 60.0}
    assert (config.session.verify, config.session.class_) == (True, "requests.Session")
    assert config.politeness.model_dump() == {
        "robots": "obey", "nofollow": {"page": "obey", "link": "obey"},
        "delay": 1.0, "jitter": 0.3, "concurrency": 1, "min_delay": 0.25, "max_delay": 30.0,
    }  # fmt: skip
    assert (config.retry.attempts, config.retry.backoff, config.retry.max_backoff) == (4, 1.0, 60.0)
    assert config.retry.statuses == {408, 425, 429, 500, 502, 503, 504}
    assert (config.network.allow_private, config.engine.processes) == (False, 1)
    assert (config.gate.min_items, config.gate.max_failed, config.schedule) == (1, None, None)


def test_the_name_comes_from_the_file_and_the_store_and_export_from_the_name(tmp_path: Path) -> None:
    path = tmp_path / "My site (2).yaml"
    path.write_text("spider: a:B", encoding="utf-8")
    assert load(path).config.name == "My-site-2"
    assert load(path, sets=["name=shop"]).config.store == ".scraper/shop.db"
    assert load(path, sets=["name=shop"]).config.exports[0].path == "out/shop.jsonl"


def test_no_exports_is_something_else_than_the_default_ones(load_text: Load) -> None:
    assert load_text("exports: []").config.exports == ()
    assert not load_text("exports: []").is_default("exports")
    assert load_text("").is_default("exports")


def test_nothing_turns_silently_into_something_else(load_text: Load) -> None:
    args = load_text("args: {a: on, b: NO, c: 1:30, d: 012, e: 0x10, f: 1_000, g: 2024-01-01, h: 1e999}").config.args
    assert args == {
        "a": "on", "b": "NO", "c": "1:30", "d": "012", "e": "0x10", "f": "1_000", "g": "2024-01-01", "h": "1e999",
    }  # fmt: skip


def test_plain_values_have_their_types_and_quoted_ones_are_text(load_text: Load) -> None:
    args = load_text("args: {a: true, b: False, c: ~, d: , e: 12, f: -1.5, g: 1e3, h: '12', i: 'true', j: [1, x]}")
    assert args.config.args == {
        "a": True, "b": False, "c": None, "d": None, "e": 12, "f": -1.5, "g": 1000.0, "h": "12", "i": "true",
        "j": [1, "x"],
    }  # fmt: skip


def test_an_alias_stands_for_its_value(load_text: Load) -> None:
    config = load_text("args: {a: &list [1, 2], b: *list}\nlimits: &l {pages: 3}\n").config
    assert config.args == {"a": [1, 2], "b": [1, 2]}


def test_units_become_seconds_bytes_and_shares(load_text: Load) -> None:
    config = load_text(
        "limits: {duration: 1h30m, body: 512KiB}\npoliteness: {delay: 200ms}\ngate: {max_failed: 5%}\n"
        "session: {timeout: {read: 2.5, total: '90'}}"
    ).config
    assert (config.limits.duration, config.limits.body) == (5400.0, 524_288)
    assert (config.politeness.delay, config.gate.max_failed) == (0.2, 0.05)
    assert (config.session.timeout.read, config.session.timeout.total) == (2.5, 90.0)


@pytest.mark.parametrize(
    ("text", "least"), [("", 1), ("min_items: 0", 0), ("min_items: 80%", "80%"), ("min_items: null", None)]
)
def test_least_items_are_a_number_or_a_share_of_an_earlier_run(load_text: Load, text: str, least: object) -> None:
    assert load_text(f"gate: {{{text}}}").config.gate.min_items == least


def test_least_items_from_the_environment(load_text: Load) -> None:
    text = "gate: {min_items: '${LEAST}', max_dropped: 10%}"
    assert load_text(text, environ={"LEAST": "12"}).config.gate.min_items == 12
    gate = load_text(text, environ={"LEAST": "12.5%"}).config.gate
    assert (gate.min_items, gate.max_dropped) == ("12.5%", 0.1)


def test_zero_is_none_for_delay_jitter_and_redirects(load_text: Load) -> None:
    config = load_text("politeness: {delay: 0, jitter: 0}\nlimits: {redirects: 0}").config
    assert (config.politeness.delay, config.politeness.jitter, config.limits.redirects) == (0.0, 0.0, 0)


def test_a_variable_takes_the_type_that_its_key_asks_for(load_text: Load) -> None:
    loaded = load_text(
        "limits: {pages: '${PAGES}', duration: \"${LONG:-2m}\", depth: '${NOTHING:-}'}\n"
        "args: {n: '${PAGES}', flag: \"${FLAG}\", text: 'page ${PAGES}'}\n"
        "origins: {https://a.com: {headers: {X-Key: '${KEY}'}, auth: {basic: ['${USER}', '${KEY}']}}}\n"
        "network: {allow_private: '${FLAG}'}\nengine: {processes: '${ONE}'}\n",
        environ={"PAGES": "10", "FLAG": "true", "KEY": "012345", "USER": "12345", "ONE": "1"},
    )
    config = loaded.config
    assert (config.limits.pages, config.limits.duration, config.limits.depth) == (10, 120.0, None)
    assert config.args == {"n": 10, "flag": True, "text": "page 10"}
    assert config.origins["https://a.com"].headers == {"X-Key": "012345"}
    assert config.origins["https://a.com"].auth == {"basic": ["12345", "012345"]}
    assert config.network.allow_private is True
    assert config.engine.processes == 1
    assert loaded.sources["limits.pages"].variables == ("PAGES",)
    assert {type(value) for value in config.origins["https://a.com"].auth["basic"]} == {str}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"),
        ("${A}-${B:-two}", "one-two"),
        ("${EMPTY:-two}", "two"),
        ("$${A}", "${A}"),
        ("$${A} ${A}", "${A} one"),
        ("$A", "$A"),
        ("${B:-a:b-c}", "a:b-c"),
    ],
)
def test_interpolation(load_text: Load, text: str, value: str) -> None:
    assert load_text(f"args: {{x: '{text}'}}", environ={"A": "one", "EMPTY": ""}).config.args == {"x": value}


def test_a_variable_in_a_key(load_text: Load) -> None:
    loaded = load_text("origins: {'${API}': {headers: {A: b}}}", environ={"API": "http://127.0.0.1:8000"})
    assert list(loaded.config.origins) == ["http://127.0.0.1:8000"]


def test_what_set_says_wins_over_python_which_wins_over_the_file(load_text: Load) -> None:
    loaded = load_text(
        "limits: {pages: 1, items: 1, depth: 1}",
        overrides={"limits": {"pages": 2, "items": 2}},
        sets=["limits.pages=3", "politeness={delay: 5s}", "user_agent=me/1.0"],
    )
    limits = loaded.config.limits
    assert (limits.pages, limits.items, limits.depth) == (3, 2, 1)
    assert (loaded.config.politeness.delay, loaded.config.user_agent) == (5.0, "me/1.0")
    assert [str(loaded.sources[f"limits.{key}"]) for key in ("pages", "items", "depth", "body")] == [
        "--set",
        "argument",
        "books.yaml:2",
        "default",
    ]


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("domains.example.net.politeness.delay=5", "domains.example.net.politeness.delay", 5.0),
        ("session.headers.X.Y=a", "session.headers.X.Y", "a"),
        ("args.a.b=1", "args.a.b", 1),
        ("start_urls[1]=https://b.com/", "start_urls[1]", "https://b.com/"),
        ("origins.https://api.example.com:8443.headers.A=b", "origins.https://api.example.com:8443.headers.A", "b"),
        ("exports=['-']", "exports[0].path", "-"),
    ],
)
def test_set_reaches_every_key(load_text: Load, text: str, path: str, value: Any) -> None:
    loaded = load_text("start_urls: [https://a.com/]", sets=[text])
    assert loaded.sources[path].origin is Origin.SET
    dumped: Any = loaded.config.model_dump()
    for part in _parts(path):
        dumped = dumped[part]
    assert dumped == value


def _parts(path: str) -> list[Any]:
    known = {
        "domains.example.net.politeness.delay": ["domains", "example.net", "politeness", "delay"],
        "session.headers.X.Y": ["session", "headers", "X.Y"],
        "args.a.b": ["args", "a", "b"],
        "start_urls[1]": ["start_urls", 1],
        "origins.https://api.example.com:8443.headers.A": ["origins", "https://api.example.com:8443", "headers", "A"],
        "exports[0].path": ["exports", 0, "path"],
    }
    return known[path]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("politeness.delay", "--set politeness.delay: expected KEY=VALUE"),
        ("=1", "--set: expected KEY=VALUE"),
        ("a..b=1", "--set a..b: expected KEY=VALUE"),
        ("politeness.dealy=1", "--set politeness.dealy: unknown key: did you mean politeness.delay?"),
        ("politeness.delay=soon", "--set politeness.delay: expected a duration"),
        ("limits={pages: 0}", "--set limits: limits.pages: expected a whole number"),
        ("start_urls[5]=https://a.com/", "--set start_urls[5]: the list ends"),
        ("name=[", "--set name: not YAML"),
        ("name=${NOT_SET}", "--set name: the environment variable NOT_SET"),
    ],
)
def test_what_is_wrong_with_a_set_names_it(load_text: Load, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text("", sets=[text])
    assert [str(problem)[: len(said)] for problem in caught.value.problems] == [said]
    assert caught.value.problems[0].line is None


def test_set_mends_a_value_that_is_wrong_in_the_file(load_text: Load) -> None:
    assert load_text("limits: {pages: many}", sets=["limits.pages=4"]).config.limits.pages == 4


def test_a_domain_inherits_what_it_does_not_say(load_text: Load) -> None:
    loaded = load_text(
        "session: {pool: 9, headers: {A: site}, timeout: {read: 7s}}\nretry: {attempts: 2}\n"
        "domains:\n  example.net:\n    session: {headers: {B: own}}\n    politeness: {delay: 0, concurrency: 9}\n"
    )
    own = loaded.config.for_domain("example.net")
    assert (own.session.pool, own.session.timeout.read, own.retry.attempts) == (9, 7.0, 2)
    assert own.session.headers == {"A": "site", "B": "own"}
    assert (own.politeness.delay, own.politeness.jitter) == (0.0, 0.3)
    other = loaded.config.for_domain("example.org")
    assert (other.session.headers, other.politeness.delay) == ({"A": "site"}, 1.0)
    assert str(loaded.sources["domains.example.net.session.pool"]) == "books.yaml:2"
    assert str(loaded.sources["domains.example.net.politeness.delay"]) == "books.yaml:7"


def test_exports_globs_and_urls_in_their_short_forms(load_text: Load) -> None:
    config = load_text(
        "start_urls: [HTTPS://A.com:443/x/../#top]\nallowed_domains: [A.com]\n"
        "exports: ['-', {path: '-2', format: csv}, {path: a.CSV, fields: [b]}]\n"
        "scope: {exclude: ['/logout*', {regex: 'x=\\d'}]}\n"
    ).config
    assert config.start_urls == ("https://a.com/",)
    assert config.allowed_domains == ("a.com",)
    assert [export.format for export in config.exports] == ["jsonl", "csv", "csv"]
    assert [(rule.glob, rule.regex) for rule in config.scope.exclude] == [("/logout*", None), (None, "x=\\d")]


def test_a_mapping_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load({"spider": "a:B", "limits": {"pages": 3}, "store": Path("x.db"), "args": {"t": "${X}"}})
    assert (loaded.root, loaded.path, loaded.config.name) == (Path.cwd(), None, "crawl")
    assert (loaded.config.limits.pages, loaded.config.store) == (3, "x.db")
    assert loaded.config.args == {"t": "${X}"}
    with pytest.raises(ConfigError, match=r"argument limits\.pages: expected a whole number"):
        load({"spider": "a:B", "limits": {"pages": "3"}})


def test_a_mapping_that_holds_itself_is_refused() -> None:
    endless: dict[str, Any] = {"spider": "a:B"}
    endless["args"] = endless
    with pytest.raises(ConfigError, match="nested more than 50 deep"):
        load(endless)


def test_relative_paths_start_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "spiders").mkdir()
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / "books.yaml"
    path.write_text("spider: a:B", encoding="utf-8")
    loaded = load(path)
    assert (loaded.root, loaded.path) == (tmp_path, path)
    assert loaded.store == StoreLocation(tmp_path / ".scraper" / "books.db")
    assert loaded.resolve(tmp_path / "elsewhere.csv") == tmp_path / "elsewhere.csv"


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfspider: a:B\r\nlimits:\r\n  pages: 3\r\n")
    assert load(path).config.limits.pages == 3
    path.write_bytes(b"\xef\xbb\xbfspider: a:B\r\nlimits:\r\n  pages: x\r\n")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert [(problem.line, problem.column) for problem in caught.value.problems] == [(3, 10)]
