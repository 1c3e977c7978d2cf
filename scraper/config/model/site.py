"""The values of a site's YAML, frozen.

Durations are seconds, sizes are bytes. What the keys mean to a user is said in each field's description,
which is also what `scraper schema` prints.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field

from scraper.config.model.browser import BrowserConfig, FetcherName
from scraper.config.model.domain import (
    DomainSettings,
    IdentityConfig,
    Politeness,
    ProxyConfig,
    RetryConfig,
    SessionConfig,
    one_or_several,
)
from scraper.config.model.exports import ExportConfig
from scraper.config.model.frozen import Frozen, TextOr, later
from scraper.config.model.pages import PagesConfig
from scraper.config.model.run import EngineConfig, Gate, Limits, RevisitConfig
from scraper.config.model.scope import Scope, UrlConfig
from scraper.config.model.start import StartFile, StartRequest, StartUrls
from scraper.config.types import addresses, kinds, texts
from scraper.config.types.kinds import Count, Flag, Text
from scraper.urls import domain_of, host_of, origin_of

if TYPE_CHECKING:
    from scraper.config.model.items import ItemConfig
    from scraper.config.model.login import LoginConfig
    from scraper.config.model.metrics import MetricsConfig
    from scraper.config.model.notify import NotifyConfig
    from scraper.config.model.pipelines import PipelineConfig
    from scraper.config.model.rules import RuleConfig
    from scraper.config.model.schedule import Schedule
else:
    ItemConfig = later("items", "ItemConfig")
    LoginConfig = later("login", "LoginConfig")
    MetricsConfig = later("metrics", "MetricsConfig")
    NotifyConfig = later("notify", "NotifyConfig")
    PipelineConfig = later("pipelines", "PipelineConfig")
    RuleConfig = later("rules", "RuleConfig")
    Schedule = later("schedule", "Schedule")


class NetworkConfig(Frozen):
    """Limits on where connections may go."""

    allow_private: Flag = Field(False, description="Whether private and loopback addresses may be fetched from.")
    allow_unobserved: Flag = Field(
        False,
        description="Whether a Session may have adapters that open connections past the guard, deadline and ledger.",
    )


class OriginConfig(Frozen):
    """The secrets of one origin, sent to exactly that origin."""

    headers: dict[texts.HeaderName, texts.HeaderValue] = Field(
        default_factory=dict, description="Headers such as Authorization."
    )
    auth: texts.Authentication = Field(None, description="{basic: [user, password]}, or module:factory.")
    cert: texts.Certificate = Field(None, description="A client certificate: a path, or [certificate, key].")


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
    start_requests: tuple[StartRequest, ...] = Field(
        (), description="First requests that are not plain GETs, beside start_urls: a POST of JSON or of a form."
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
    identity: IdentityConfig = Field(
        IdentityConfig.model_construct(), description="Who the crawler is, and how it proves that."
    )
    usage: Annotated[tuple[kinds.Use, ...], BeforeValidator(one_or_several), TextOr("One of them.")] = Field(
        (),
        description="What the pages are for: search, ai-input, ai-train, tdm. What a site reserves of that (by "
        "Content-Signal or Content-Usage in robots.txt or as header, or by tdm-reservation) is refused.",
    )
    limits: Limits = Field(Limits.model_construct(), description="Where the crawl ends.")
    session: SessionConfig = Field(SessionConfig.model_construct(), description="Every domain's requests.Session.")
    politeness: Politeness = Field(Politeness.model_construct(), description="How gently domains are treated.")
    retry: RetryConfig = Field(RetryConfig.model_construct(), description="How often what failed is tried again.")
    domains: dict[addresses.DomainKey, DomainSettings] = Field(
        default_factory=dict,
        description="session, politeness, retry, pages and fetcher for one domain; the rest is inherited.",
    )
    network: NetworkConfig = Field(NetworkConfig.model_construct(), description="What may be connected to.")
    proxies: Annotated[
        tuple[Annotated[ProxyConfig, TextOr("The URL of the proxy.")], ...], BeforeValidator(one_or_several)
    ] = Field(
        (),
        description="Proxies; a domain keeps the one that it goes by, until that fails itself. session.proxies of "
        "a domain comes first.",
    )
    scope: Scope = Field(Scope.model_construct(), description="Which paths belong to the crawl.")
    urls: UrlConfig = Field(UrlConfig.model_construct(), description="Which URLs are the same page.")
    pages: PagesConfig = Field(PagesConfig.model_construct(), description="How pages are read.")
    fetcher: FetcherName = Field(
        "http",
        description="How pages are fetched: http; browser, for those that scripts draw; auto, by a browser where "
        "http brings too little.",
    )
    browser: BrowserConfig = Field(
        BrowserConfig.model_construct(), description="How pages are fetched by a browser, where one is used."
    )
    origins: dict[addresses.OriginKey, OriginConfig] = Field(
        default_factory=dict, description="Secrets by origin: https://api.example.com."
    )
    login: LoginConfig | None = Field(None, description="How to log in to one domain.")
    store: texts.StorePath = Field(
        "",
        description="The SQLite file of the crawl, by default .scraper/NAME.db; or "
        "postgresql://user:${PG_PASSWORD}@host/database, with ?schema=… where that is not the crawl's name.",
    )
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
    report: texts.ReportPath = Field(
        None,
        description="An HTML page about each run, written when it ends or stops: out/{name}-{run}.html, of which "
        "{name} and {run} are filled in; by default none.",
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
    notify: tuple[NotifyConfig, ...] = Field((), description="Who is told when something happened in a run.")
    metrics: MetricsConfig | None = Field(
        None, description="Where Prometheus reads the crawl's figures; needs the extra scraper[metrics]."
    )

    @property
    def start_list(self) -> tuple[str, ...]:
        """Return the URLs at which the crawl begins, as far as the configuration itself names them."""
        urls = () if isinstance(self.start_urls, StartFile) else self.start_urls
        return (*urls, *(request.url for request in self.start_requests)) if self.start_requests else urls

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

    def uses_browser(self) -> bool:
        """Tell whether any of its pages may be fetched by a browser, as far as the configuration says."""
        named = {self.fetcher, *(each.fetcher for each in self.domains.values())}
        return not (named | {rule.fetcher for rule in self.rules}) <= {"http", None}

    def proxy_urls(self) -> set[str]:
        """Return all proxies that it names."""
        sessions = (self.session, *(each.session for each in self.domains.values()))
        return {each.url for each in self.proxies}.union(*(each.proxies.values() for each in sessions))

    def own_hosts(self) -> list[str]:
        """Return the hosts of the scope where `allowed_domains` is absent: of start_urls, or without any of
        `sitemaps`. Those of a file of start URLs are added as it is read.
        """
        if self.start_file is not None:
            return []
        return [host_of(url) for url in self.start_list or self.sitemaps if url != addresses.AUTO]

    def nofollow_of(self, url: str) -> frozenset[str]:
        """Return whose nofollow is obeyed on the page at `url`: that of its `page`, of each `link`."""
        own = self.domains.get(domain_of(url))
        return (self if own is None else own).politeness.nofollow.obeyed

    def for_domain(self, domain: str) -> DomainSettings:
        """Return the settings that hold for `domain`."""
        # Its parts were checked as the site's.
        return self.domains.get(domain) or DomainSettings.model_construct(
            session=self.session, politeness=self.politeness, retry=self.retry, pages=self.pages, fetcher=self.fetcher
        )
