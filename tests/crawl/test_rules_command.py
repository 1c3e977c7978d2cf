"""`scraper rules test` from outside, and the example that has no Python."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.crawl.commands import command
from tests.servers.keepalive import PageServer

PAGE = "<h1>Lamp</h1><p class=price_color>£5.00</p><a href=/a>a</a><table><tr><th>k</th><td>v</td></tr></table>"
SITE = {
    "start_urls": ["http://127.0.0.1/p/1"],
    "rules": [
        {
            "match": "/p/*",
            "follow": ["a", "li.next a"],
            "item": "lamp",
            "fields": {
                "title": "h1",
                "price": {"css": "p.price_colour", "type": "price", "default": 0},
                "facts": {"css": "tr", "many": True, "fields": {"name": "th"}},
            },
        }
    ],
}


def rules_test(folder: Path, site: object, *arguments: str) -> tuple[int, str, str]:
    (folder / "site.yaml").write_text(yaml.safe_dump(site), encoding="utf-8")
    done = command("rules", "test", "site.yaml", *arguments, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def test_a_page_that_is_fetched_shows_each_field_and_what_would_have_matched(tmp_path: Path) -> None:
    with PageServer({"/p/1": PAGE}) as server:
        code, out, err = rules_test(tmp_path, SITE, f"{server.url}/p/1")
    assert code == 0, err
    rows = [" ".join(line.split()) for line in out.splitlines()]
    for row in (
        "rules[0] /p/*: for this page",
        "follow a: 1 found, 1 link",
        "follow li.next a: 0 found, 0 links",
        'title 1 "Lamp"',
        "price 0 nothing, so 0",
        'facts 1 [{"name": "k"}]',
        'name 1 "k"',
        "p.price_color would find 1",
    ):
        assert row in rows, out


def test_a_saved_page_is_tried_against_all_rules_or_counts_as_a_url(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    code, out, _ = rules_test(tmp_path, SITE, "page.html")
    assert code == 0
    assert '"Lamp"' in out
    code, out, err = rules_test(tmp_path, SITE, "page.html", "--url", "http://127.0.0.1/q")
    assert code == 1
    assert "rules[0] /p/*: not for this page" in out
    assert "no rule is for this page" in err


def test_a_field_of_the_wrong_type_or_a_dropped_item_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(PAGE, encoding="utf-8")
    fields = {"title": {"css": "h1", "type": "int"}, "sku": {"css": ".sku", "required": True}}
    code, out, _ = rules_test(tmp_path, {"rules": [{"match": "*", "fields": fields}]}, "page.html")
    assert code == 1
    assert "failed: 'Lamp' is not a whole number: it holds no number" in out
    assert "dropped: item without sku" in out


def test_wrong_usage_is_told_in_a_sentence(tmp_path: Path) -> None:
    for site, arguments, words in [
        (SITE, ["gone.html"], "cannot read the page gone.html"),
        ({"spider": "a:B"}, ["gone.html"], "has no rules"),
        (SITE, ["http://127.0.0.1/", "--url", "http://127.0.0.1/"], "--url is for a page from a file"),
        (SITE, ["page.html", "--set", "rules[0].follow[0]=a["], "mend the selector there"),
    ]:
        code, _, err = rules_test(tmp_path, site, *arguments)
        assert code == 2, err
        assert words in err
        assert "Traceback" not in err
