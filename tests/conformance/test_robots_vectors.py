"""Who may fetch what, as Google's, crawler-commons' and protego's own tests say, where they agree with RFC 9309."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from scraper.fetch.robots import Robots, product_token
from tests.conformance.vectors import rows

_WRONG_FILE = (
    "the row carries the file of RFC 9309 section 5.1 and the answers for another one: "
    "cc326 and cc341 ask the same of the same file and expect opposite answers"
)
_INDEX_HTML = "index.html is a page like any other in RFC 9309; that it stands for its folder is Google's own rule"

#: The vectors of crawler-commons that are not followed, each with its reason.
_CRAWLER_COMMONS = {
    "cc238": "the file is HTML, in which `*<BR>` is not a product token",
    "cc275": "a long Crawl-delay is a delay (politeness.max_delay), not a refusal",
    "cc303": _INDEX_HTML,
    **dict.fromkeys(
        ("cc338", "cc339", "cc341", "cc342", "cc343", "cc344", "cc346", "cc347", "cc352"),
        _WRONG_FILE,
    ),
}
_WHOLE_TOKEN = "a product token matches as a whole (section 2.2.1): hedwig-images is not spoken to as hedwig"
_ONE_MEANING = "a closing `$` is the end of the path; a literal one is written %24 (section 2.2.3)"

#: The vectors of protego that are not followed, each with its reason.
_PROTEGO = {
    "protego268": "without a colon only `field value` is read: three words may be a sentence",
    "protego272": "a product token holds no `*` (section 2.2.1)",
    "protego287": _INDEX_HTML,
    "protego315": _ONE_MEANING,
    "protego316": _ONE_MEANING,
    **dict.fromkeys(("protego336", "protego342", "protego343", "protego345", "protego346"), _WHOLE_TOKEN),
}


def _answer(row: dict[str, Any]) -> bool:
    """What our robots.txt says; a crawler that goes by several names may fetch what all of them may."""
    body = b64decode(row["robots_b64"]) if "robots_b64" in row else row["robots"].encode()
    robots = Robots.of_answer(200, body, 0.0)
    return all(robots.allows(row["url"], product_token(agent)) for agent in row["agent"].split(","))


def _wrong(vectors: list[dict[str, Any]]) -> dict[str, str]:
    """The rows that are answered otherwise than expected, in words, by their id."""
    return {
        row[
            "id"
        ]: f"{row['id']} ({row['test']}): {row['agent']} at {row['url'][:200]}: allowed should be {row['allowed']}"
        for row in vectors
        if _answer(row) != row["allowed"]
    }


def test_all_of_google_s_vectors_but_its_own_extensions() -> None:
    vectors = [row for row in rows("robots/google_robotstxt.jsonl") if not row["google_only"]]
    wrong = _wrong(vectors)
    assert vectors and not wrong, "\n".join(wrong.values())


def test_crawler_commons_vectors_but_the_listed_ones() -> None:
    vectors = rows("robots/crawler_commons.jsonl")
    wrong = _wrong(vectors)
    assert wrong.keys() == _CRAWLER_COMMONS.keys(), "\n".join(wrong.values())
    assert len(wrong) <= 0.05 * len(vectors)


def test_crawler_commons_rows_with_another_file_contradict_each_other() -> None:
    """The reason given for them: one question, one file, two answers."""
    found = {row["id"]: row for row in rows("robots/crawler_commons.jsonl") if row["id"] in ("cc326", "cc341")}
    asked = {(row["robots_b64"], row["agent"], row["url"]) for row in found.values()}
    assert len(asked) == 1
    assert {row["allowed"] for row in found.values()} == {True, False}


def test_protego_s_vectors_but_the_listed_ones() -> None:
    wrong = _wrong(rows("robots/protego.jsonl"))
    assert wrong.keys() == _PROTEGO.keys(), "\n".join(wrong.values())
