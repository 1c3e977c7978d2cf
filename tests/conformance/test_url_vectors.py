"""URLs join as in browsers (web-platform-tests) and as RFC 3986 section 5.4 says."""

from __future__ import annotations

from scraper import urls
from tests.conformance.vectors import rows


def test_every_url_of_the_web_platform_tests_joins_or_fails_as_in_a_browser() -> None:
    wrong = []
    for row in rows("url/wpt_join_http.jsonl"):
        expected = None if row["failure"] else row["href"]
        found = urls.normalize(row["input"], row["base"])
        if found != expected:
            wrong.append(f"{row['id']}: {row['input']!r} on {row['base']!r}: {found!r}, not {expected!r}")
    assert not wrong, "\n".join(wrong)


def test_host_and_origin_agree_with_the_web_platform_tests() -> None:
    wrong = []
    for row in rows("url/wpt_join_http.jsonl"):
        if row["failure"] or not row["href"].startswith(("http:", "https:")):
            continue
        port = f":{row['port']}" if row["port"] else ""
        expected = f"{row['href'].partition(':')[0]}://{row['hostname']}{port}"
        if urls.origin_of(row["href"]) != expected or urls.host_of(row["href"]) != row["hostname"].strip("[]"):
            wrong.append(f"{row['id']}: {row['href']}: {urls.origin_of(row['href'])}, not {expected}")
    assert not wrong, "\n".join(wrong)


def test_every_reference_of_rfc_3986_resolves() -> None:
    wrong = []
    for row in rows("url/rfc3986_5_4.jsonl"):
        found = urls.normalize(row["ref"], row["base"])
        # An empty path of http is `/` (section 6.2.3), which the suite writes as nothing.
        if found != urls.normalize(row["expected"]):
            wrong.append(f"{row['section']}: {row['ref']!r}: {found!r}, not {row['expected']!r}")
    assert not wrong, "\n".join(wrong)
