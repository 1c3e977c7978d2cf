"""The effective configuration: readable, loadable again, each value with its source, and no secret in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scraper.config import Loaded, effective, effective_text, load, masked

SECRETS = """\
spider: spiders/a.py:A
args: {category: travel, api_key: hush-1, nested: {dbPassword: hush-2}, author: Tolkien, from_env: "${PLAIN}"}
start_urls: ["https://a.com/@path", "https://a.com/?t=${API_TOKEN}", "https://a.com/${PLAIN}"]
session:
  headers: {Accept-Language: en, X-Env: "${PLAIN}"}
  secret_headers: [X-Api-Key]
  proxies: {all: "http://user:hush-5@proxy.example:3128"}
origins:
  https://a.com:
    headers: {Authorization: Bearer hush-6, X-Auth-Token: hush-4}
    auth: {basic: [bob, hush-7]}
  https://b.com: {auth: "spiders.login:factory"}
domains: {b.com: {session: {proxies: {all: "http://user:hush-8@proxy.example:3128"}}}}
"""
ENVIRON = {"PLAIN": "from-outside", "API_TOKEN": "hush-9"}


@pytest.fixture
def secretive(tmp_path: Path) -> Loaded:
    path = tmp_path / "site.yaml"
    path.write_text(SECRETS, encoding="utf-8")
    return load(path, environ=ENVIRON)


def test_every_value_says_where_it_came_from(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("spider: a:B\nlimits:\n  pages: ${PAGES:-3}\n  depth: 2\nexports: [a.csv]\n", encoding="utf-8")
    loaded = load(path, sets=["politeness.delay=0"], overrides={"limits": {"items": 5}}, environ={"PAGES": "7"})
    lines = {line.text.strip(): line.comment for line in effective(loaded)}
    assert lines["spider: a:B"] == "site.yaml:1"
    assert lines["pages: 7"] == "${PAGES} (site.yaml:3)"
    assert lines["depth: 2"] == "site.yaml:4"
    assert lines["items: 5"] == "argument"
    assert lines["delay: 0s"] == "--set"
    assert lines["body: 10MB"] == lines["name: site"] == "default"
    assert lines["exports: [a.csv]"] == "site.yaml:5"
    assert lines["session:"] == ""


def test_what_is_shown_loads_again(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "spider: a:B\nname: x\nuser_agent: 'me: it # x'\nargs: {n: '012', t: 12, empty: '', deep: [{a: [1, 'on']}]}\n"
        "limits: {duration: 1h30m, body: 512KiB}\ndomains: {b.com: {politeness: {delay: 5}}}\n"
        "exports: ['-', {path: b.csv, fields: [t]}]\nscope: {exclude: ['/a*', {regex: '\\d: #'}]}\n"
        "items: {Book: {key: [url]}}\nschedule: {cron: '0 1 * * *'}\nverify_is: x\n".replace("verify_is: x\n", ""),
        encoding="utf-8",
    )
    loaded = load(path)
    again = tmp_path / "again.yaml"
    again.write_text(effective_text(loaded), encoding="utf-8")
    assert load(again).config == loaded.config


def test_only_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("spider: a:B\nlimits: {pages: 3}\n", encoding="utf-8")
    assert [line.text for line in effective(load(path), defaults=False)] == ["spider: a:B", "limits:", "  pages: 3"]


def test_a_domain_shows_what_it_does_not_inherit(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "spider: a:B\nretry: {attempts: 2}\ndomains: {b.com: {politeness: {delay: 5}}}\n", encoding="utf-8"
    )
    lines = [line.text for line in effective(load(path))]
    start = lines.index("domains:")
    assert lines[start : start + 4] == ["domains:", "  b.com:", "    politeness:", "      delay: 5s"]
    assert lines[start + 4] == "network:"


def test_no_secret_is_shown_or_kept(secretive: Loaded) -> None:
    for text in (effective_text(secretive), json.dumps(masked(secretive))):
        assert "hush" not in text
        assert "spiders.login" not in text
        assert "Tolkien" in text
        assert "X-Api-Key" in text
        assert "https://a.com/@path" in text
        assert "https://a.com/from-outside" in text
        assert text.count("from-outside") == 1


def test_masked_values_are_final_and_plain(secretive: Loaded) -> None:
    kept = masked(secretive)
    assert kept == json.loads(json.dumps(kept))
    assert (kept["limits"]["body"], kept["politeness"]["delay"]) == (10_000_000, 1.0)
    assert kept["retry"]["statuses"] == [408, 425, 429, 500, 502, 503, 504]
    assert kept["args"] == {
        "category": "travel",
        "api_key": "***",
        "nested": {"dbPassword": "***"},
        "author": "Tolkien",
        "from_env": "***",
    }
    assert kept["session"]["proxies"] == {"all": "http://***@proxy.example:3128"}
    assert "hush" not in json.dumps(masked(secretive.config)).replace("hush-9", "")


def test_nothing_that_a_terminal_obeys_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text('spider: a:B\nargs: {a: "\\e[2J\\x9b\\u202e\\x7f"}\n', encoding="utf-8")
    text = effective_text(load(path))
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    (tmp_path / "again.yaml").write_text(text, encoding="utf-8")
    assert load(tmp_path / "again.yaml").config.args == {"a": "\x1b[2J\x9b\u202e\x7f"}
