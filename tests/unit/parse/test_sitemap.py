"""What sitemaps and feeds say, in every form that the protocol allows."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from scraper.errors import ScraperError
from scraper.parse.sitemap.reader import NotASitemap, SitemapEntry, SitemapLimits, SitemapReader

URL = "https://example.com/deep/sitemap.xml"
NOW = datetime(2026, 6, 15, 12, 0, 0, tzinfo=UTC)
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def read(body: str | bytes | Iterable[bytes], limits: SitemapLimits | None = None) -> SitemapReader:
    """A reader that has read all of `body`; its entries are in `found`."""
    if isinstance(body, str):
        body = body.encode()
    reader = SitemapReader(URL, NOW, limits)
    reader.found = list(reader.entries([body] if isinstance(body, bytes) else body))  # type: ignore[attr-defined]
    return reader


def entries(body: str | bytes | Iterable[bytes]) -> list[SitemapEntry]:
    return read(body).found  # type: ignore[attr-defined, no-any-return]


def urls(body: str | bytes | Iterable[bytes]) -> list[str]:
    return [entry.url for entry in entries(body)]


def urlset(*locations: str) -> str:
    return f"<urlset {NS}>" + "".join(f"<url><loc>{loc}</loc></url>" for loc in locations) + "</urlset>"


# Formats ----------------------------------------------------------------------------------------------------


def test_a_urlset() -> None:
    reader = read(
        f"""<?xml version="1.0" encoding="UTF-8"?>
        <?xml-stylesheet type="text/xsl" href="/sitemap.xsl"?>
        <urlset {NS}>
          <url>
            <loc>
                https://example.com/a?x=1&amp;y=2
            </loc>
            <lastmod>2026-01-02T03:04:05+01:00</lastmod>
            <changefreq>daily</changefreq><priority>0.5</priority>
          </url>
          <url><priority>1.0</priority><loc>https://example.com/b</loc></url>
        </urlset>"""
    )
    assert reader.found == [  # type: ignore[attr-defined]
        SitemapEntry("https://example.com/a?x=1&y=2", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC), "page"),
        SitemapEntry("https://example.com/b", None, "page"),
    ]
    assert reader.format == "urlset"
    assert not reader.flaws


def test_an_index() -> None:
    reader = read(
        f"<sitemapindex {NS}><sitemap><loc>/one.xml.gz</loc><lastmod>2025-03-01T00:00:00Z</lastmod></sitemap>"
        "<sitemap><loc>two.xml</loc></sitemap></sitemapindex>"
    )
    assert reader.found == [  # type: ignore[attr-defined]
        SitemapEntry("https://example.com/one.xml.gz", datetime(2025, 3, 1, tzinfo=UTC), "sitemap"),
        SitemapEntry("https://example.com/deep/two.xml", None, "sitemap"),
    ]
    assert reader.format == "sitemapindex"


def test_rss() -> None:
    reader = read(
        """<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/">
        <channel><title>News</title><link>https://example.com/</link>
        <atom:link href="https://example.com/feed" rel="self"/>
        <image><url>https://example.com/logo.png</url><link>https://example.com/logo</link></image>
        <item><title>One</title><link>https://example.com/1</link><guid>https://example.com/?p=1</guid>
          <pubDate>Mon, 05 Jan 2026 10:00:00 +0200</pubDate>
          <source url="https://other.example/">Other</source>
          <description><![CDATA[<a href="https://example.com/no"><link>no</link></a>]]></description></item>
        <item><guid isPermaLink="true">https://example.com/2</guid><dc:date>2026-01-06</dc:date></item>
        <item><guid isPermaLink="false">https://example.com/no</guid></item>
        <item><guid>tag:example.com,2026:4</guid><link>/4</link></item>
        </channel></rss>"""
    )
    assert reader.found == [  # type: ignore[attr-defined]
        SitemapEntry("https://example.com/1", datetime(2026, 1, 5, 8, tzinfo=UTC), "page"),
        SitemapEntry("https://example.com/2", datetime(2026, 1, 6, 23, 59, 59, tzinfo=UTC), "page"),
        SitemapEntry("https://example.com/4", None, "page"),
    ]
    assert reader.format == "rss"


def test_rss_1() -> None:
    assert urls(
        """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
        <channel rdf:about="https://example.com/feed"><link>https://example.com/</link>
          <items><rdf:Seq><rdf:li resource="https://example.com/1"/></rdf:Seq></items></channel>
        <item rdf:about="https://example.com/1"><link>https://example.com/1</link></item></rdf:RDF>"""
    ) == ["https://example.com/1"]


def test_atom() -> None:
    reader = read(
        """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://example.com/blog/">
        <link rel="alternate" href="./"/><updated>2026-02-01T00:00:00Z</updated>
        <entry><link rel="self" href="https://example.com/api/1"/><link href='one?a=1&amp;b=2'/>
          <source><link href="https://other.example/"/><updated>2020-01-01T00:00:00Z</updated></source>
          <published>2026-01-01T00:00:00Z</published><updated>2026-01-03T00:00:00Z</updated></entry>
        <entry xml:base="/news/"><updated>2026-01-04T00:00:00Z</updated>
          <published>2026-01-02T00:00:00Z</published><link rel="alternate" href="two"/></entry>
        </feed>"""
    )
    assert reader.found == [  # type: ignore[attr-defined]
        SitemapEntry("https://example.com/blog/one?a=1&b=2", datetime(2026, 1, 3, tzinfo=UTC), "page"),
        SitemapEntry("https://example.com/news/two", datetime(2026, 1, 4, tzinfo=UTC), "page"),
    ]
    assert reader.format == "atom"


def test_a_list_of_urls() -> None:
    reader = read(b"\xef\xbb\xbfhttps://example.com/1\r\n\r\n  https://example.com/2?a=1&b=2  \r\nnot one\r\n/3")
    assert [entry.url for entry in reader.found] == [  # type: ignore[attr-defined]
        "https://example.com/1",
        "https://example.com/2?a=1&b=2",
    ]
    assert reader.format == "text"
    assert reader.flaws == {"bad-location": 2}


# Extensions and namespaces ----------------------------------------------------------------------------------


def test_images_videos_and_news_are_no_pages() -> None:
    body = """<urlset><url>
        <image:image><image:loc>https://example.com/1.png</image:loc></image:image>
        <i:image xmlns:i="http://www.google.com/schemas/sitemap-image/1.1"><i:loc>https://cdn.example/2.png</i:loc></i:image>
        <video:video><video:content_loc>https://example.com/v.mp4</video:content_loc>
          <video:publication_date>2001-01-01</video:publication_date></video:video>
        <news:news><news:publication_date>2002-01-01</news:publication_date></news:news>
        <loc>https://example.com/page</loc><image:loc>https://example.com/3.png</image:loc>
        <lastmod>2026-01-01T00:00:00Z</lastmod></url></urlset>"""
    assert entries(body) == [
        SitemapEntry("https://example.com/page", datetime(2026, 1, 1, tzinfo=UTC), "page"),
    ]


def test_alternates_are_pages_without_a_date() -> None:
    body = """<urlset xmlns:xhtml="http://www.w3.org/1999/xhtml">
        <url><loc>https://example.com/en</loc><lastmod>2026-01-01T00:00:00Z</lastmod>
          <xhtml:link rel="alternate" hreflang="en" href="https://example.com/en"/>
          <xhtml:link rel="alternate" hreflang="de" href="/de?a=1&amp;b=2"></xhtml:link>
          <xhtml:link rel="amphtml" href="https://example.com/amp"/></url>
        <url><loc>https://example.com/de?a=1&amp;b=2</loc><lastmod>2026-01-02T00:00:00Z</lastmod>
          <xhtml:link rel="alternate" hreflang="de" href="/de?a=1&amp;b=2"/>
          <xhtml:link rel="alternate" hreflang="en" href="https://example.com/en"/></url></urlset>"""
    assert entries(body) == [
        SitemapEntry("https://example.com/en", datetime(2026, 1, 1, tzinfo=UTC), "page"),
        SitemapEntry("https://example.com/de?a=1&b=2", None, "page"),
        SitemapEntry("https://example.com/de?a=1&b=2", datetime(2026, 1, 2, tzinfo=UTC), "page"),
        SitemapEntry("https://example.com/en", None, "page"),
    ]


@pytest.mark.parametrize(
    "body",
    [
        "<urlset><url><loc>/a</loc></url></urlset>",
        '<urlset xmlns="http://www.google.com/schemas/sitemap/0.84"><url><loc>/a</loc></url></urlset>',
        "<ns0:urlset xmlns:ns0='x'><ns0:url><ns0:loc>/a</ns0:loc></ns0:url></ns0:urlset>",
        "<sm:urlset><sm:url><sm:loc>/a</sm:loc></sm:url></sm:urlset>",
        "<URLSET><Url><LOC>/a</LOC></Url></URLSET>",
        "<urlset><url><loc><![CDATA[/a]]></loc></url></urlset>",
        "<urlset><url><loc>\n<!-- not /b -->/a</loc></url><!-- <url><loc>/no</loc></url> --></urlset>",
        '<!DOCTYPE urlset SYSTEM "https://example.com/sitemap.dtd"><urlset><url><loc>/a</loc></url></urlset>',
        "<!DOCTYPE urlset [ <!ELEMENT urlset (url*)> ]><urlset><url><loc>/a</loc></url></urlset>",
        "\ufeff\n\n<?xml version='1.0'?><urlset><url><loc>/a</loc></url></urlset>",
        "Notice: undefined x in <b>/y.php</b><br /><?xml version='1.0'?><urlset><url><loc>/a</loc></url></urlset>",
    ],
)
def test_forms_of_the_same(body: str) -> None:
    assert urls(body) == ["https://example.com/a"]


def test_a_long_sitemap_of_pages_begins_with_blanks() -> None:
    assert urls(" " * 200_000 + urlset("/a")) == ["https://example.com/a"]


# Broken -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/?x=1&y=2&copy=3", "https://example.com/?x=1&y=2&copy=3"),
        ("/a&nbsp;b", "https://example.com/a%C2%A0b"),
        ("/caf&eacute;", "https://example.com/caf%C3%A9"),
        ("/&#233;&#xE9;", "https://example.com/%C3%A9%C3%A9"),
        ("/&nosuch;x", "https://example.com/&nosuch;x"),
        ("/&#0;&#xD800;&#x110000;&#99999999;", "https://example.com/%EF%BF%BD%EF%BF%BD%EF%BF%BD&#99999999;"),
        ("<![CDATA[/?a=1&b=2]]>", "https://example.com/?a=1&b=2"),
        ("<![CDATA[/?a=1&amp;b=2]]>", "https://example.com/?a=1&amp;b=2"),
        ("https://EXAMPLE.com:443/x/../y#part", "https://example.com/y"),
        ("//cdn.example.com/x", "https://cdn.example.com/x"),
        ("/a<b", "https://example.com/a%3Cb"),
    ],
)
def test_locations(location: str, expected: str) -> None:
    wanted = [expected.partition("#")[0] if "&#9" in expected else expected, "https://example.com/last"]
    assert urls(urlset(location, "/last")) == wanted


@pytest.mark.parametrize("location", ["", " ", "mailto:a@example.com", "javascript:x", "https://", "/" + "a" * 9_000])
def test_a_location_that_is_none_is_left_out(location: str) -> None:
    assert urls(urlset("/first", location, "/last")) == ["https://example.com/first", "https://example.com/last"]


@pytest.mark.parametrize(
    "body",
    [
        "<urlset><url><loc>/a</loc><url><loc>/b</loc></urlset>",
        "<urlset><url><loc>/a<lastmod>2026-01-01</lastmod></url><url><loc>/b</url></urlset>",
        "<urlset><url><loc>/a</loc><loc>/b</loc></url></urlset>",
        "<urlset><loc>/a</loc><loc>/b</loc></urlset>",
        "<urlset><url><image><loc>/no</loc></url><url><loc>/a</loc></url><url><loc>/b</loc></url></urlset>",
        "<urlset><url><loc>/a</loc></url></urlset><urlset><url><loc>/b</loc></url></urlset>",
        '<urlset><url></wrong></loc><loc>/a</loc></url><url id="><loc>/b</loc></url></urlset>',
        "<urlset><url><loc>/a</loc></url><< <> </> <! > <url><loc>/b</loc></url></urlset>",
    ],
)
def test_broken_markup_is_read_as_far_as_it_goes(body: str) -> None:
    assert urls(body) == ["https://example.com/a", "https://example.com/b"]


def test_a_file_without_its_root_element() -> None:
    reader = read("<sitemap><loc>/a.xml</loc></sitemap>")
    assert reader.found == [SitemapEntry("https://example.com/a.xml", None, "sitemap")]  # type: ignore[attr-defined]
    assert (reader.format, dict(reader.flaws)) == ("sitemapindex", {"cut-short": 1})


def test_a_file_cut_short() -> None:
    reader = read("<urlset><url><loc>/a</loc></url><url><loc>/b</loc><lastmod>2026</lastmod><url><loc>/broken-of")
    assert [entry.url for entry in reader.found] == [  # type: ignore[attr-defined]
        "https://example.com/a",
        "https://example.com/b",
    ]
    assert reader.flaws == {"cut-short": 1}


# Encodings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "actual"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("ISO-8859-1", "utf-8"),
        ("UTF-8", "latin-1"),
        ("ISO-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
        ("no-such", "cp1252"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("UTF-16", "utf-8"),
        ("GBK", "utf-8"),
    ],
)
def test_encodings(declared: str, actual: str) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>{urlset("/é")}'
    assert urls(text.encode(actual)) == ["https://example.com/%C3%A9"]


def test_declared_encodings_beyond_western_europe() -> None:
    assert urls(f'<?xml version="1.0" encoding="windows-1251"?>{urlset("/ж")}'.encode("cp1251")) == [
        "https://example.com/%D0%B6"
    ]
    assert urls(f'<?xml version="1.0" encoding="gbk"?>{urlset("/中")}'.encode("gbk")) == [
        "https://example.com/%E4%B8%AD"
    ]


# What is none -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        " \r\n\t",
        "<!DOCTYPE html><title>Not found</title>",
        "<!doctype HTML PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN'><p>Not found",
        '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><link rel="alternate" href="/feed"/>',
        "<!-- <urlset> --><html><body>Not found</body></html>",
        "<body>Not found",
        "<catalog><book><title>A</title></book></catalog>",
        '{"error": "not found"}',
        "Not found",
        "\x00\x01\x02binary",
    ],
)
def test_what_is_no_sitemap_says_so(body: str) -> None:
    with pytest.raises(NotASitemap, match="is not a sitemap") as caught:
        entries(body)
    assert URL in str(caught.value)
    assert isinstance(caught.value, ScraperError) and caught.value.remedy


def test_an_empty_sitemap_is_one() -> None:
    assert entries(f"<urlset {NS}/>") == []
    assert entries(gzip.compress(f"<urlset {NS}></urlset>".encode())) == []
    assert not read(f"<urlset {NS}/>").flaws


@pytest.mark.parametrize(
    "entry", ["<{0}/>", "<{0}></{0}>", "<{0}><lastmod>2024-01-01</lastmod></{0}>", "<{0}><loc/></{0}>"]
)
@pytest.mark.parametrize(("root", "name"), [("sitemapindex", "sitemap"), ("urlset", "url")])
def test_an_entry_without_a_location_is_told(root: str, name: str, entry: str) -> None:
    good = f"<{name}><loc>https://example.com/a</loc></{name}>"
    reader = SitemapReader("https://example.com/s.xml", datetime(2025, 1, 1, tzinfo=UTC))
    body = f"<{root} {NS}>{entry.format(name)}{good}</{root}>".encode()
    assert [found.url for found in reader.entries([body])] == ["https://example.com/a"]
    assert reader.flaws["no-location"] == 1


@pytest.mark.parametrize("with_media", [False, True])
def test_a_page_s_form_for_other_media_is_no_page_unless_wanted(with_media: bool) -> None:
    def link(address: str, attributes: str) -> str:
        return f'<xhtml:link rel="alternate" {attributes} href="https://example.com/{address}"/>'

    links = (
        link("de", 'hreflang="de"')
        + link("all", 'media="all"')
        + link("m", 'media="only screen and (max-width: 9em)"')
    )
    body = f'<urlset {NS} xmlns:xhtml="http://www.w3.org/1999/xhtml"><url><loc>/a</loc>{links}</url></urlset>'
    reader = SitemapReader("https://example.com/s.xml", datetime(2025, 1, 1, tzinfo=UTC), with_media=with_media)
    found = [entry.url.rpartition("/")[2] for entry in reader.entries([body.encode()])]
    assert found == ["a", "de", "all", *["m"] * with_media]
