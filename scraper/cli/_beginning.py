"""What `scraper init --url` makes of the one page that it looks at: what it saw, and how a project of it begins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from scraper import urls
from scraper.cli._browser_probe import seems_needed
from scraper.cli._looking import Looker
from scraper.cli._output import Tell
from scraper.config import SiteConfig
from scraper.demo.scaffold import Beginning
from scraper.errors import NotHtml, UsageError
from scraper.fetch.robots import Robots, product_token
from scraper.fetch.transport.guard import may_be_private
from scraper.observe.text import counted, plain
from scraper.response import Response
from scraper.rules.page import Page

if TYPE_CHECKING:
    from scraper.suggest.suggestion import Suggestion

#: Of a site of which nothing is known yet.
_GENERAL_RULES = """\
rules:
  - match: "*" # which pages: a glob on the path
    follow: [a] # the links to follow on them
    item: page
    fields:
      title: title # what else is wanted: scraper rules test shows what each selector finds
      url: {page: url}
items:
  page: {key: [url]} # so that a run says what is new, changed or gone
"""
_SCHEMA_LINE = "yaml-language-server: $schema=../.scraper/schema.json"


def beginning_of(url: str, template: str, name: str, config: SiteConfig, tell: Tell) -> Beginning:
    """Look at a page once, and return what a project of the site begins with.

    Raises:
        RobotsRefused: robots.txt does not allow it.
        FetchError: it cannot be fetched.
        UsageError: it is not what the template needs.
    """
    looker = Looker(config, url, tell)
    try:
        response = looker.fetch(url)
        saw = list(_seen(response, looker.robots_of(response.url), config))
    finally:
        looker.close()
    is_private = may_be_private(urls.host_of(url))
    if template in ("rules", "api"):
        return Beginning(_rules(response, saw, name, template, is_private=is_private))
    start = response.url
    if template == "login":
        start = f"{urls.origin_of(response.url)}/"
    lines = [f"# {line}" for line in saw]
    lines += ["start_urls:", f"  - {json.dumps(start)}"]
    if is_private:
        lines += ["network:", "  allow_private: true # the site is on this machine, or in a network of yours"]
    made = Beginning("\n".join(lines) + "\n", rules=_GENERAL_RULES)
    if template == "login":
        return made._replace(login=_login(response))
    if not response.is_html:
        return made
    if template == "spider":
        from scraper.suggest.spider import spider_text

        body = spider_text(_suggested(response))
        return made._replace(body=body) if body is not None else made
    from scraper.suggest.writing import rules_text

    suggestion = _suggested(response)
    return made._replace(rules=rules_text(suggestion)) if suggestion.rules else made


def _seen(response: Response, robots: Robots | None, config: SiteConfig) -> Iterator[str]:
    """Return what is worth knowing of a site, by one of its pages, in lines."""
    yield f"What {plain(response.url)} was when scraper init looked at it:"
    kind = (response.headers.get("Content-Type") or "no Content-Type").partition(";")[0]
    server = response.headers.get("Server")
    yield f"  {response.status}, {plain(kind)}, {counted(len(response.body), 'byte')}" + (
        f", sent by {plain(server)}" if server else ""
    )
    if robots is not None:
        delay = robots.crawl_delay(product_token(config.user_agent))
        yield "  robots.txt allows it" + (f", with {delay:g} s between requests (Crawl-delay)" if delay else "")
        for sitemap in robots.sitemaps(urls.origin_of(response.url))[:1]:
            yield f"  sitemap: {plain(sitemap)} (`sitemaps: [auto]` goes through it)"
    if response.is_html:
        title = response.css_first("title")
        if title is not None and title.text(strip=True):
            yield f"  title: {plain(' '.join(title.text().split()))[:100]}"
        yield f"  {counted(len(response.links()), 'link')}"


def _rules(response: Response, saw: list[str], name: str, template: str, *, is_private: bool) -> str:
    """Return the whole YAML of a crawl by rules that were suggested of the page."""
    from scraper.suggest.records import suggest_records
    from scraper.suggest.suggestion import suggest
    from scraper.suggest.writing import written

    suggestion = suggest_records(Page(response))
    if suggestion is None:
        if template == "api":
            raise UsageError(
                f"{response.url} is not JSON with records",
                remedy="name an address of the API; for a page leave out --template api",
            )
        try:
            response.css_first("body")
        except NotHtml:
            raise UsageError(
                f"{response.url} is neither HTML nor JSON with records, of which rules could be written",
                remedy="name a page, or leave out --url",
            ) from None
        suggestion = suggest([Page(response)])
    if not any(rule.fields for rule in suggestion.rules):
        suggestion = suggestion._replace(rules=[])
        saw = [*saw, "Nothing was found in its markup that repeats or has a name: write what you want into `rules`."]
        if why := seems_needed(response):
            saw.append(
                f"It seems to need a browser, {plain(why)}: `fetcher: browser`, or begin by --template browser."
            )
    text = written(suggestion, [response.url], is_private=is_private, head=[_SCHEMA_LINE, *saw])
    rest = "" if suggestion.rules else _GENERAL_RULES
    return (
        f"{text}{rest}exports:\n  - out/{name}.jsonl\n  - out/{name}.csv\n"
        "gate:\n  min_items: 1 # a run with fewer has failed\n"
    )


def _suggested(response: Response) -> Suggestion:
    """Return what is suggested of one page."""
    from scraper.suggest.suggestion import suggest

    return suggest([Page(response)])


def _login(response: Response) -> str:
    """Return the keys of `login` for the form of a page.

    Raises:
        UsageError: it has no form with a password.
    """
    form = next((one for one in response.css("form") if one.css_first("input[type=password i]")), None)
    if form is None:
        raise UsageError(
            f"{response.url} has no form with a password", remedy="name the page with the form, such as …/login"
        )
    fields = {}
    for one in form.css("input"):
        kind, field = (one.attributes.get("type") or "text").lower(), one.attributes.get("name")
        if field and kind == "password":
            fields[field] = "${SITE_PASSWORD}"
        elif field and kind in ("text", "email", "tel"):
            fields[field] = "${SITE_USER}"
    inner = ", ".join(f"{json.dumps(field)}: {json.dumps(value)}" for field, value in fields.items())
    return f"  url: {json.dumps(response.url)}\n  form: {{{inner}}}\n"
