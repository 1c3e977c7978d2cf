"""The values of a site's YAML, frozen.

Durations are seconds, sizes are bytes. What the keys mean to a user is said in each field's description,
which is also what `scraper schema` prints.
"""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from scraper.config.model.exports import ExportConfig
from scraper.config.model.frozen import Frozen, TextOr
from scraper.config.model.items import ItemConfig
from scraper.config.model.login import LoginConfig
from scraper.config.model.pages import PagesConfig
from scraper.config.model.pipelines import PipelineConfig
from scraper.config.model.rules import RuleConfig
from scraper.config.model.start import StartFile, StartUrls
from scraper.config.types import addresses, kinds, texts
from scraper.config.types.kinds import (
    Bytes,
    Count,
    CountOrZero,
    Flag,
    Limit,
    OptionalText,
    Seconds,
    SecondsOrZero,
    Text,
)
from scraper.urls import domain_of, host_of, origin_of

#: What ends a crawl that nothing else does; null lifts either.
DEEPEST, MOST_PAGES = 10_000, 10_000_000


class DomainLimits(Frozen):
    """How much one domain may have of a run. A limit that is null does not hold."""

    bytes: kinds.OptionalBytes = Field(
        None,
        description="After how many bytes of bodies, as they came over the wire, nothing more of a domain is fetched "
        "in a run: 1GB, or bytes; what is left of it is refused as byte-limit.",
    )
    files: Limit = Field(None, description="How many files of a domain a run stores.")


class Limits(Frozen):
    """Where a crawl ends. A limit that is null does not hold."""

    depth: Limit = Field(DEEPEST, description="How many links away from a start URL a page may lie; null: any.")
    pages: Limit = Field(MOST_PAGES, description="How many pages are done in a run, exactly; null: any.")
    items: Limit = Field(None, description="After how many items a run ends; the last page's items are all kept.")
    bytes: kinds.OptionalBytes = Field(
        None, description="After how many bytes of bodies, as they came over the wire, a run ends: 10GB, or bytes."
    )
    files: Limit = Field(
        None, description="How many files of items a run stores; the items of others are kept without them."
    )
    per_domain: DomainLimits = Field(
        DomainLimits.model_construct(), description="How much each domain may have, so that none takes all of it."
    )
    duration: kinds.OptionalSeconds = Field(
        None, description="How long a run works, over all its resumptions: 2h, 30m, or seconds."
    )
    body: Bytes = Field(
        10_000_000, description="The largest body that is read, decompressed: 10MB, 512KiB, or bytes."
    )
    redirects: CountOrZero = Field(10, description="How many redirects in a row are followed; 0 follows none.")
    parse: Seconds = Field(
        60.0,
        description="A callback that runs longer is named in progress and log, and ended in a parser: 60s.",
    )


class TimeoutConfig(Frozen):
    """How long a request may take."""

    connect: Seconds = Field(5.0, description="For opening a connection.")
    read: Seconds = Field(20.0, description="For each wait for the next bytes.")
    total: Seconds = Field(60.0, description="For the whole request, body included.")


class SessionConfig(Frozen):
    """Every domain's requests.Session."""

    pool: Count = Field(8, description="Connections kept, and the most that are open to a domain at once.")
    headers: dict[texts.HeaderName, texts.HeaderValue] = Field(
        default_factory=dict,
        description="Sent with every request, to every domain: no secrets, and no framing.",
    )
    secret_headers: tuple[texts.HeaderName, ...] = Field(
        (),
        description="Headers that hold secrets, beside those whose names tell: only `origins` may set them.",
    )
    timeout: TimeoutConfig = Field(TimeoutConfig.model_construct(), description="How long a request may take.")
    idle_expiry: Seconds = Field(
        15.0, description="Close a connection that idled longer; a server's shorter Keep-Alive timeout wins."
    )
    max_age: Seconds = Field(600.0, description="Close a connection that is older, since DNS moves.")
    verify: texts.Verify = Field(True, description="Check TLS certificates: true, false, or the path of a CA bundle.")
    proxies: dict[addresses.ProxyKey, addresses.ProxyUrl] = Field(
        default_factory=dict, description="By scheme (http, https, all) or scheme://host, the URL of the proxy."
    )
    class_: texts.SessionClass = Field(
        "requests.Session", alias="class", description="The class of the sessions, any subclass of requests.Session."
    )


class NofollowConfig(Frozen):
    """Whether links are left out that a page asks robots not to follow."""

    page: kinds.Robots = Field(
        "obey", description="What a page says of all links, by <meta name=robots> or X-Robots-Tag: obey or ignore."
    )
    link: kinds.Robots = Field("obey", description="What rel=nofollow says of one link: obey or ignore.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return texts.nofollow(value)

    @property
    def obeyed(self) -> frozenset[str]:
        """Return what is obeyed, of `page` and `link`."""
        return frozenset(name for name in ("page", "link") if getattr(self, name) == "obey")


class Politeness(Frozen):
    """How gently a domain is treated."""

    robots: kinds.Robots = Field("obey", description="Whether robots.txt is obeyed: obey or ignore.")
    nofollow: Annotated[NofollowConfig, TextOr("obey or ignore, for both.")] = Field(
        NofollowConfig.model_construct(),
        description="Whether nofollow is obeyed, by links(), follow_all() and rules: obey, ignore, or "
        "{page: ignore, link: obey} apart.",
    )
    delay: SecondsOrZero = Field(1.0, description="The least time between the starts of two requests; 0 for none.")
    jitter: kinds.Number = Field(0.3, description="Lengthens each delay by up to this share of it; 0 for none.")
    concurrency: Count = Field(1, description="Requests at once; at most `session.pool`.")
    max_delay: SecondsOrZero = Field(30.0, description="The longest Crawl-delay of a robots.txt that is followed.")


class RetryConfig(Frozen):
    """How often what failed for a while is tried again."""

    attempts: Count = Field(4, description="How often a request is sent at most, the first time counted.")
    statuses: frozenset[kinds.Status] = Field(
        frozenset({408, 425, 429, 500, 502, 503, 504}), description="The answers after which it is sent again."
    )
    backoff: SecondsOrZero = Field(1.0, description="The first wait, which doubles each time.")
    max_backoff: SecondsOrZero = Field(60.0, description="The longest wait of our own choosing.")
    max_wait: SecondsOrZero = Field(600.0, description="The longest wait that a server may ask for by Retry-After.")

    @property
    def longest_wait(self) -> float:
        """Return the longest wait that there is, in seconds."""
        return max(self.max_wait, self.max_backoff)


class DomainSettings(Frozen):
    """The settings of one domain: the site's values with the domain's own over them."""

    session: SessionConfig = Field(SessionConfig.model_construct(), description="The domain's Session.")
    politeness: Politeness = Field(Politeness.model_construct(), description="How gently the domain is treated.")
    retry: RetryConfig = Field(RetryConfig.model_construct(), description="How often what failed is tried again.")
    pages: PagesConfig = Field(PagesConfig.model_construct(), description="How its pages are read.")


class NetworkConfig(Frozen):
    """Limits on where connections may go."""

    allow_private: Flag = Field(False, description="Whether private and loopback addresses may be fetched from.")
    allow_unobserved: Flag = Field(
        False,
        description="Whether a Session may have adapters that open connections past the guard, deadline and ledger.",
    )


class EngineConfig(Frozen):
    """The processes that the crawl runs on."""

    processes: texts.Processes = Field(
        1,
        description="How many processes crawl; auto: as many as there are cores, where there are several domains, "
        "and with a single one as many parsers.",
    )
    parsers: texts.Parsers = Field(
        0,
        description="How many processes parse for each that crawls; 0: it parses itself, as debuggers need it; "
        "auto: as many as there are cores for.",
    )
    in_flight: Count = Field(
        256, description="How many requests wait for their answers at once, over all domains; each takes some 20 kB."
    )
    threads: Count = Field(
        32,
        description="How many requests at once threads send: those of Sessions, adapters and auth of your own.",
    )


class RevisitConfig(Frozen):
    """How pages are visited again that an earlier run saw."""

    conditional: Flag = Field(
        True,
        description="Whether a page is fetched only if it changed; one that did not is not parsed: its items and "
        "requests are taken over from the earlier run.",
    )
    fresh_for: SecondsOrZero = Field(
        0.0, description="A page that was seen so recently is taken over without asking; 0 asks each time."
    )
    keep_bodies: Flag = Field(
        False,
        description="Whether the store keeps what servers answer, packed, so that scraper crawl --cached parses it "
        "again without them.",
    )
    sitemap_lastmod: Flag = Field(
        True, description="Whether a page of which its sitemap says that it did not change since is not fetched."
    )


class Gate(Frozen):
    """Outside of these a run counts as failed (exit code 1)."""

    min_items: texts.LeastItems = Field(
        1, description="The fewest items: 900, or 80% of those of the newest run before it that was inside its gate."
    )
    max_failed: kinds.Share = Field(None, description="The largest share of failed URLs: 0.05 or 5%.")
    max_dropped: kinds.Share = Field(
        None, description="The largest share of items that pipelines drop, of all that came to them: 0.1 or 10%."
    )
    max_gone: kinds.Share = Field(
        None, description="The largest share of the known items with a key that may be gone: 0.2 or 20%."
    )
    fields: dict[Text, kinds.LeastShare] = Field(
        default_factory=dict,
        description="By field (price, or book.price for one type), the least share of items that have it filled, "
        "of all that pages gave, those dropped and put aside included: 95%.",
    )


class PathRule(Frozen):
    """A glob on the path, or a regular expression on the whole URL."""

    glob: OptionalText = Field(None, description="A glob on the path, such as /logout*.")
    regex: texts.RegularExpression = Field(None, description="A regular expression on the whole URL.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return texts.path_rule(value)


class Scope(Frozen):
    """Which paths belong to the crawl."""

    include: tuple[Annotated[PathRule, TextOr("A glob on the path.")], ...] = Field(
        (), description="Only what matches one of these; all, where it is empty."
    )
    exclude: tuple[Annotated[PathRule, TextOr("A glob on the path.")], ...] = Field(
        (), description="Nothing that matches one of these."
    )
    media_alternates: Flag = Field(
        False, description="Whether what sitemaps name as a page's form for other media, such as phones, is a page."
    )
    types: tuple[Text, ...] = Field(
        (),
        description="Of which types pages are parsed: html, or what Content-Type says, such as application/json or "
        "image/*; others are counted as skipped. Any, where it is empty.",
    )
    no_traps: tuple[Text, ...] = Field(
        (),
        description="Globs on the path of what is no trap, however long it goes on: /archive/*; * for all.",
    )


class UrlConfig(Frozen):
    """Which URLs are the same page."""

    sort_query: Flag = Field(False, description="Whether the order of query parameters makes no difference.")
    drop_params: tuple[Text, ...] = Field((), description="Query parameters that make no difference; globs: utm_*.")


class OriginConfig(Frozen):
    """The secrets of one origin, sent to exactly that origin."""

    headers: dict[texts.HeaderName, texts.HeaderValue] = Field(
        default_factory=dict, description="Headers such as Authorization."
    )
    auth: texts.Authentication = Field(None, description="{basic: [user, password]}, or module:factory.")
    cert: texts.Certificate = Field(None, description="A client certificate: a path, or [certificate, key].")


class OnFailure(Frozen):
    """The command or URL that is told of a scheduled run that ended badly."""

    command: texts.Command = Field(
        None, description="A command: text for the shell, or a list of its words. The reason comes as JSON on stdin."
    )
    post: addresses.PostUrl = Field(None, description="A URL that the reason is posted to, as JSON.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return texts.on_failure(value)


class Schedule(Frozen):
    """When the crawl runs again."""

    cron: texts.Cron = Field(None, description="Minute, hour, day, month, weekday.")
    every: kinds.OptionalSeconds = Field(
        None, description="Instead of cron: 6h, counted from when the schedule was first seen."
    )
    timezone: texts.Timezone = Field("UTC", description="The time zone that cron means.")
    jitter: SecondsOrZero = Field(
        0.0, description="Starts each run up to this much later, by a share that name and time decide; 0 for none."
    )
    overlap: texts.Overlap = Field(
        "skip", description="When a crawl is still at work: skip the run, or queue it (one run waits at most)."
    )
    catch_up: texts.CatchUp = Field(
        "none", description="After times that were missed: none, or once, one run for all of them."
    )
    on_failure: Annotated[OnFailure | None, TextOr("A command for the shell.")] = Field(
        None, description="A command or {post: URL} that is told when a run ended badly."
    )

    @model_validator(mode="before")
    @classmethod
    def _cron_or_every(cls, value: Any) -> Any:
        return texts.schedule(value)


def _not_empty(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise kinds.wrong("at least one host", remedy="leave the key out to allow the hosts of start_urls")
    return value


class SiteConfig(Frozen):
    """One crawl."""

    name: texts.Name = Field(description="The crawl's name; by default that of the file.")
    spider: texts.SpiderReference | None = Field(
        None, description="file.py:Class or package.module:Class; not needed where there are rules."
    )
    rules: tuple[RuleConfig, ...] = Field((), description="What pages mean, without Python; all that match apply.")
    args: dict[Text, kinds.Anything] = Field(default_factory=dict, description="Keyword arguments of the spider.")
    start_urls: StartUrls = Field(
        (), description="Where the crawl begins: a list of URLs, or {file: urls.csv, column: url}, read row by row."
    )
    allowed_domains: Annotated[tuple[addresses.AllowedHost, ...] | None, BeforeValidator(_not_empty)] = Field(
        None, description="Hosts that may be fetched from, with their subdomains; by default those of start_urls."
    )
    sitemaps: Annotated[
        tuple[addresses.Sitemap, ...], BeforeValidator(addresses.sitemaps), TextOr("auto, none, or a URL.")
    ] = Field(
        (),
        description="Whose pages are crawled beside start_urls: auto for what the robots.txt of their origins names, "
        "else /sitemap.xml; or URLs of sitemaps, indexes, feeds or lists, gzip or not; none for none.",
    )
    user_agent: texts.UserAgent = Field("", description="How the crawler calls itself, with a way to reach you.")
    limits: Limits = Field(Limits.model_construct(), description="Where the crawl ends.")
    session: SessionConfig = Field(SessionConfig.model_construct(), description="Every domain's requests.Session.")
    politeness: Politeness = Field(Politeness.model_construct(), description="How gently domains are treated.")
    retry: RetryConfig = Field(RetryConfig.model_construct(), description="How often what failed is tried again.")
    domains: dict[addresses.DomainKey, DomainSettings] = Field(
        default_factory=dict,
        description="session, politeness, retry and pages for one domain; the rest is inherited.",
    )
    network: NetworkConfig = Field(NetworkConfig.model_construct(), description="What may be connected to.")
    scope: Scope = Field(Scope.model_construct(), description="Which paths belong to the crawl.")
    urls: UrlConfig = Field(UrlConfig.model_construct(), description="Which URLs are the same page.")
    pages: PagesConfig = Field(PagesConfig.model_construct(), description="How pages are read.")
    origins: dict[addresses.OriginKey, OriginConfig] = Field(
        default_factory=dict, description="Secrets by origin: https://api.example.com."
    )
    login: LoginConfig | None = Field(None, description="How to log in to one domain.")
    store: texts.StorePath = Field("", description="The SQLite file of the crawl; by default .scraper/NAME.db.")
    revisit: RevisitConfig = Field(
        RevisitConfig.model_construct(), description="How pages are visited again that an earlier run saw."
    )
    engine: EngineConfig = Field(EngineConfig.model_construct(), description="What the crawl runs on.")
    items: dict[Text, ItemConfig] = Field(
        default_factory=dict, description="By type of item: `item` for dicts, else the name of the class."
    )
    pipelines: tuple[Annotated[PipelineConfig, TextOr("module:function or file.py:function.")], ...] = Field(
        (), description="Functions, and classes with a method process, that take and give back each item, in order."
    )
    exports: tuple[Annotated[ExportConfig, TextOr("The path of the file.")], ...] = Field(
        (), description="Files of items; by default out/NAME.jsonl, and none for []."
    )
    archive: texts.ArchivePath = Field(
        None,
        description="A WARC file of all that is sent and received, .warc.gz; {name} and {run} in it are filled in; "
        "by default none.",
    )
    strict: Flag = Field(
        False, description="Whether a link that leads to no page, such as mailto:, fails the page that follows it."
    )
    gate: Gate = Field(Gate.model_construct(), description="Outside of these a run counts as failed.")
    keep_runs: Count = Field(
        10,
        description="How many ended runs the store keeps, the newest; the last one inside its gate is always kept.",
    )
    schedule: Schedule | None = Field(None, description="When the crawl runs again.")

    @property
    def start_list(self) -> tuple[str, ...]:
        """Return the start URLs that the configuration itself names."""
        return () if isinstance(self.start_urls, StartFile) else self.start_urls

    @property
    def start_file(self) -> StartFile | None:
        """Return the file that names them, where one does."""
        return self.start_urls if isinstance(self.start_urls, StartFile) else None

    def hosts_of_scope(self, start_urls: Iterable[str]) -> list[str]:
        """Return the hosts that the configuration, or a spider's own `start_urls`, name for the crawl."""
        if self.allowed_domains is not None:
            return list(self.allowed_domains)
        own = self.own_hosts()
        if own and self.login is not None:
            own.append(host_of(self.login.url))
        return [*own, *map(host_of, start_urls)] if own else []

    def named_origins(self) -> frozenset[str]:
        """Return the origins that the configuration names: of URLs, of secrets, and for each host of
        `allowed_domains` those with the scheme and port of the login, and of https.
        """
        found = {origin_of(url) for url in [*self.start_list, *self.sitemaps] if url != addresses.AUTO}
        found.update(self.origins)
        for host in self.allowed_domains or ():
            found.add(f"https://{host}")
            if self.login is not None:
                own = origin_of(self.login.url)
                found.add(own.replace(host_of(own), host, 1))
        return frozenset(found)

    def own_hosts(self) -> list[str]:
        """Return the hosts of the scope where `allowed_domains` is absent: of start_urls, or without any of
        `sitemaps`. Those of a file of start URLs are added as it is read.
        """
        if self.start_file is not None:
            return []
        return [host_of(url) for url in self.start_list or self.sitemaps if url != addresses.AUTO]

    def nofollow_of(self, url: str) -> frozenset[str]:
        """Return whose nofollow is obeyed on the page at `url`: that of its `page`, of each `link`."""
        return self.for_domain(domain_of(url)).politeness.nofollow.obeyed

    def for_domain(self, domain: str) -> DomainSettings:
        """Return the settings that hold for `domain`."""
        # Its parts were checked as the site's.
        return self.domains.get(domain) or DomainSettings.model_construct(
            session=self.session, politeness=self.politeness, retry=self.retry, pages=self.pages
        )
