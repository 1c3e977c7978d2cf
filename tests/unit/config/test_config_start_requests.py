"""First requests of a YAML: what is sent, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.components import Components
from scraper.config import load
from scraper.errors import ConfigError

RULES = "rules: [{match: '*', fields: {t: {json: a}}}]\n"


def test_a_body_makes_a_post_of_it() -> None:
    config = {
        "start_urls": ["http://a.example/"],
        "start_requests": [
            {"url": "http://b.example/q", "json": {"page": 1}, "headers": {"X-Lang": "en"}},
            {"url": "http://c.example/q", "data": {"q": ["a", 2]}, "retry_unsafe": True},
            {"url": "http://d.example/q", "method": "HEAD"},
        ],
        "rules": [{"match": "*", "fields": {"t": {"json": "a"}}}],
    }
    loaded = load(config)
    first, *rest = Components(loaded).spider.start()
    assert (first.method, first.url) == ("GET", "http://a.example/")
    assert [(one.method, one.url, one.body, one.retry_unsafe) for one in rest] == [
        ("POST", "http://b.example/q", b'{"page":1}', False),
        ("POST", "http://c.example/q", b"q=a&q=2", True),
        ("HEAD", "http://d.example/q", None, False),
    ]
    assert rest[0].headers == {"X-Lang": "en", "Content-Type": "application/json"}
    assert set(loaded.config.hosts_of_scope(())) == {"a.example", "b.example", "c.example", "d.example"}


@pytest.mark.parametrize(
    ("entry", "column", "words"),
    [
        ("{url: /q}", 24, "absolute"),
        ("{json: {a: 1}}", 18, "add url"),
        ("{url: http://a.example/, methd: POST}", 43, "did you mean start_requests[0].method?"),
        ("{url: http://a.example/, method: SEND}", 51, "expected GET or HEAD or POST"),
        ("{url: http://a.example/, method: put}", 51, "got put: write PUT"),
        ("{url: http://a.example/, json: {a: 1}, data: {a: b}}", 63, "keep one of them"),
        ("{url: http://a.example/, method: GET, json: {a: 1}}", 51, "a method with a body"),
        ("{url: http://a.example/, data: {a: true}}", 53, "put it in quotes"),
        ("{url: http://a.example/, headers: {Authorization: x}}", 53, "write origins: {http://a.example: {headers"),
        ("{url: http://a.example/, headers: {Content-Length: '1'}}", 53, "do not frame the request"),
        ("http://a.example/", 18, "a mapping such as {url:"),
    ],
)
def test_an_error_names_its_place_and_its_remedy(tmp_path: Path, entry: str, column: int, words: str) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(f"start_requests: [{entry}]\n{RULES}", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(site)
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (1, column), problem
    assert words in str(problem)


def test_a_file_of_start_urls_and_requests_are_crawls_of_their_own(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    (tmp_path / "urls.txt").write_text("http://a.example/\n", encoding="utf-8")
    site.write_text(
        f"start_urls: {{file: urls.txt}}\nstart_requests: [{{url: http://b.example/}}]\n{RULES}", encoding="utf-8"
    )
    with pytest.raises(ConfigError, match="a YAML of their own"):
        load(site)


def test_what_came_from_the_environment_is_shown_nowhere(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        f'start_requests: [{{url: http://b.example/, json: {{token: "${{API_TOKEN}}"}}}}]\n{RULES}', encoding="utf-8"
    )
    loaded = load(site, environ={"API_TOKEN": "a-long-secret"})
    from scraper.config import effective_text

    assert "a-long-secret" not in effective_text(loaded)


@pytest.mark.parametrize("body", ['{"url": "http://a.example/"}\n', '\ufeff[{"url": "http://a.example/"}]'])
def test_a_file_of_json_is_not_taken_for_csv(tmp_path: Path, body: str) -> None:
    (tmp_path / "urls.jsonl").write_text(body, encoding="utf-8")
    site = tmp_path / "site.yaml"
    site.write_text(f"start_urls: {{file: urls.jsonl, column: url}}\n{RULES}")
    with pytest.raises(ConfigError, match=r"site\.yaml:1:20: start_urls\.file: urls\.jsonl is JSON: save it as CSV"):
        Components(load(site))
