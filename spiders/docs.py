"""A tree of documentation: whatever pages the start URLs lead to, one item each."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from scraper import Spider

_PAGES = frozenset({"", ".html", ".htm", ".xhtml"})


class Docs(Spider):
    """Title, headings and word count of every page of a site."""

    def parse(self, response):
        if "html" not in response.headers.get("Content-Type", "html"):
            return
        soup = response.soup
        yield {
            "url": response.url,
            "title": line_of(soup.title) if soup.title else "",
            "headings": [line_of(heading) for heading in soup.find_all(["h1", "h2", "h3"])],
            "words": len(soup.get_text(" ").split()),
        }
        for link in response.links():
            if looks_like_page(link):
                yield response.follow(link)


def line_of(element):
    """Return an element's text on one line, without the sign that some manuals end headings with."""
    return " ".join(element.get_text().split()).rstrip("¶")


def looks_like_page(url):
    """Tell whether it is worth fetching: not an archive, image or source file, as far as the URL tells.

    A version in place of a suffix (`/whatsnew/3.11`) is a page too.
    """
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return suffix in _PAGES or suffix[1:].isdigit()
