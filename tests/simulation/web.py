"""A web that is made of a seed: pages, their links, and which of them answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random

from scraper.request import Request
from scraper.store.values import Found


@dataclass
class Page:
    """A page, and what it is to whoever asks for it."""

    links: tuple[str, ...]
    #: It is answered with 500, each time.
    is_broken: bool


@dataclass
class Web:
    """All pages by URL, and those that a crawl starts with."""

    pages: dict[str, Page]
    starts: list[str]

    @classmethod
    def of(cls, random: Random, domains: int, pages: int, share: float) -> Web:
        """Make one of so many domains, with up to so many pages each, every one of which links lead to.

        Args:
            share: of the pages that there could be, but for the first of each domain.
        """
        names = [f"https://d{number}.example/{page}" for number in range(domains) for page in range(pages)]
        names = [name for name in names if name.endswith("/0") or random.random() < share]
        links: dict[str, list[str]] = {name: [] for name in names}
        starts = random.sample(names, max(1, len(names) // 10))
        reached, known = list(starts), set(starts)
        for name in random.sample(names, len(names)):
            if name not in known:
                links[random.choice(reached)].append(name)
                reached.append(name)
        for _ in range(len(names)):
            links[random.choice(names)].append(random.choice(names))
        broken = {name for name in names if random.random() < 0.05}
        return cls({name: Page(tuple(links[name]), name in broken) for name in names}, starts)

    def reachable(self) -> tuple[set[str], set[str]]:
        """Return the pages that a crawl comes to, and those that it asks for and that never answer."""
        good: set[str] = set()
        bad: set[str] = set()
        left = list(self.starts)
        while left:
            name = left.pop()
            if name in good or name in bad:
                continue
            page = self.pages[name]
            (bad if page.is_broken else good).add(name)
            left += () if page.is_broken else page.links
        return good, bad


@cache
def found(name: str) -> Found:
    """Return a page as it is found in another."""
    request = Request(name)
    return Found(request, request.fingerprint(), name.split("/")[2])
