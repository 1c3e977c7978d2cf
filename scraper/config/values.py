"""The values of a site's YAML, frozen.

Durations are seconds, sizes are bytes. What the keys mean to a user is said in each field's description,
which is also what `scraper schema` prints.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from scraper.config import addresses, forms, kinds
from scraper.config.kinds import Bytes, Count, CountOrZero, Flag, Limit, OptionalText, Seconds, SecondsOrZero, Text


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class _TextOr:
    """Tells the JSON Schema that a mapping may also be written as one text."""

    def __init__(self, description: str) -> None:
        self.description = description

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "description": self.description}, handler(schema)]}


class Limits(Frozen):
    """Where a crawl ends. A limit that is absent does not hold."""

    depth: Limit = Field(None, description="How many links away from a start URL a page may lie.")
    pages: Limit = Field(None, description="How many pages are done in a run, exactly.")
    items: Limit = Field(None, description="After how many items a run ends; the last page's items are all kept.")
    duration: kinds.OptionalSeconds = Field(
        None, description="How long a run works, over all its resumptions: 2h, 30m, or seconds."
    )
    body: Bytes = Field(
        10_000_000, description="The largest body that is read, decompressed: 10MB, 512KiB, or bytes."
    )
    redirects: CountOrZero = Field(10, description="How many redirects in a row are followed; 0 follows none.")
    parse: Seconds = Field(60.0, description="A callback that runs longer is named in progress and log: 60s.")


class TimeoutConfig(Frozen):
    """How long a request may take."""

    connect: Seconds = Field(5.0, description="For opening a connection.")
    read: Seconds = Field(20.0, description="For each wait for the next bytes.")
    total: Seconds = Field(60.0, description="For the whole request, body included.")


class SessionConfig(Frozen):
    """Every domain's requests.Session."""

    pool: Count = Field(8, description="Connections kept, and the most that are open to a domain at once.")
    headers: dict[forms.HeaderName, forms.HeaderValue] = Field(
        default_factory=dict, description="Sent with every request. Secrets belong to `origins`."
    )
    secret_headers: tuple[forms.HeaderName, ...] = Field(
        (),
        description="Headers that hold secrets, beside Authorization and Cookie: only `origins` may set them.",
    )
    timeout: TimeoutConfig = Field(TimeoutConfig(), description="How long a request may take.")
    idle_expiry: Seconds = Field(
        15.0, description="Close a connection that idled longer; a server's shorter Keep-Alive timeout wins."
    )
    max_age: Seconds = Field(600.0, description="Close a connection that is older, since DNS moves.")
    verify: forms.Verify = Field(True, description="Check TLS certificates: true, false, or the path of a CA bundle.")
    proxies: dict[addresses.ProxyKey, addresses.ProxyUrl] = Field(
        default_factory=dict, description="By scheme (http, https, all) or scheme://host, the URL of the proxy."
    )
    class_: forms.SessionClass = Field(
        "requests.Session", alias="class", description="The class of the sessions, any subclass of requests.Session."
    )


class Politeness(Frozen):
    """How gently a domain is treated."""

    robots: kinds.Robots = Field("obey", description="Whether robots.txt is obeyed: obey or ignore.")
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


class DomainSettings(Frozen):
    """What holds for one domain: the site's values with the domain's own over them."""

    session: SessionConfig = Field(SessionConfig(), description="The domain's Session.")
    politeness: Politeness = Field(Politeness(), description="How gently the domain is treated.")
    retry: RetryConfig = Field(RetryConfig(), description="How often what failed is tried again.")


class NetworkConfig(Frozen):
    """What may be connected to."""

    allow_private: Flag = Field(False, description="Whether private and loopback addresses may be fetched from.")


class EngineConfig(Frozen):
    """What the crawl runs on."""

    processes: forms.Processes = Field(1, description="How many processes crawl: 1 or auto.")


class ItemConfig(Frozen):
    """One type of item."""

    key: tuple[Text, ...] = Field((), description="The fields that tell one item from another.")


class ExportConfig(Frozen):
    """One file of items."""

    path: Text = Field(description="A path, or - for standard output.")
    format: forms.ExportFormat = Field(None, description="jsonl or csv; by default what the suffix of the path says.")
    fields: tuple[Text, ...] | None = Field(None, description="The fields to write, in this order.")
    item: OptionalText = Field(None, description="The type of item to write, where there are several.")
    formulas: forms.Formulas = Field(
        "neutralise",
        description="Whether text of a CSV that a spreadsheet would run gets an apostrophe before it: "
        "neutralise or keep.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return forms.export_entry(value)


class Gate(Frozen):
    """Outside of these a run counts as failed (exit code 1)."""

    min_items: forms.LeastItems = Field(
        1, description="The fewest items: 900, or 80% of those of the newest run before it that was inside its gate."
    )
    max_failed: kinds.Share = Field(None, description="The largest share of failed URLs: 0.05 or 5%.")
    max_dropped: kinds.Share = Field(
        None, description="The largest share of items that pipelines drop, of all that came to them: 0.1 or 10%."
    )


class PathRule(Frozen):
    """A glob on the path, or a regular expression on the whole URL."""

    glob: OptionalText = Field(None, description="A glob on the path, such as /logout*.")
    regex: forms.RegularExpression = Field(None, description="A regular expression on the whole URL.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return forms.path_rule(value)


class Scope(Frozen):
    """Which paths belong to the crawl."""

    include: tuple[Annotated[PathRule, _TextOr("A glob on the path.")], ...] = Field(
        (), description="Only what matches one of these; all, where it is empty."
    )
    exclude: tuple[Annotated[PathRule, _TextOr("A glob on the path.")], ...] = Field(
        (), description="Nothing that matches one of these."
    )


class UrlConfig(Frozen):
    """Which URLs are the same page."""

    sort_query: Flag = Field(False, description="Whether the order of query parameters makes no difference.")
    drop_params: tuple[Text, ...] = Field((), description="Query parameters that make no difference; globs: utm_*.")


class OriginConfig(Frozen):
    """The secrets of one origin, sent to exactly that origin."""

    headers: dict[forms.HeaderName, forms.HeaderValue] = Field(
        default_factory=dict, description="Headers such as Authorization."
    )
    auth: forms.Authentication = Field(None, description="{basic: [user, password]}, or module:factory.")
    cert: forms.Certificate = Field(None, description="A client certificate: a path, or [certificate, key].")


class Schedule(Frozen):
    """When the crawl runs again."""

    cron: forms.Cron = Field(description="Minute, hour, day, month, weekday.")
    timezone: forms.Timezone = Field("UTC", description="The time zone that cron means.")


def _not_empty(value: Any) -> Any:
    if isinstance(value, list | tuple) and not value:
        raise kinds.wrong("at least one host", remedy="leave the key out to allow the hosts of start_urls")
    return value


class SiteConfig(Frozen):
    """One crawl."""

    name: forms.Name = Field(description="The crawl's name; by default that of the file.")
    spider: forms.SpiderReference = Field(description="file.py:Class or package.module:Class.")
    args: dict[Text, kinds.Anything] = Field(default_factory=dict, description="Keyword arguments of the spider.")
    start_urls: tuple[addresses.StartUrl, ...] = Field((), description="Where the crawl begins.")
    allowed_domains: Annotated[tuple[addresses.AllowedHost, ...] | None, BeforeValidator(_not_empty)] = Field(
        None, description="Hosts that may be fetched from, with their subdomains; by default those of start_urls."
    )
    user_agent: forms.UserAgent = Field("", description="How the crawler calls itself, with a way to reach you.")
    limits: Limits = Field(Limits(), description="Where the crawl ends.")
    session: SessionConfig = Field(SessionConfig(), description="Every domain's requests.Session.")
    politeness: Politeness = Field(Politeness(), description="How gently domains are treated.")
    retry: RetryConfig = Field(RetryConfig(), description="How often what failed is tried again.")
    domains: dict[addresses.DomainKey, DomainSettings] = Field(
        default_factory=dict, description="session, politeness and retry for one domain; the rest is inherited."
    )
    network: NetworkConfig = Field(NetworkConfig(), description="What may be connected to.")
    scope: Scope = Field(Scope(), description="Which paths belong to the crawl.")
    urls: UrlConfig = Field(UrlConfig(), description="Which URLs are the same page.")
    origins: dict[addresses.OriginKey, OriginConfig] = Field(
        default_factory=dict, description="Secrets by origin: https://api.example.com."
    )
    store: forms.StorePath = Field("", description="The SQLite file of the crawl; by default .scraper/NAME.db.")
    engine: EngineConfig = Field(EngineConfig(), description="What the crawl runs on.")
    items: dict[Text, ItemConfig] = Field(
        default_factory=dict, description="By type of item: `item` for dicts, else the name of the class."
    )
    pipelines: tuple[forms.PipelineReference, ...] = Field(
        (), description="Functions that take and give back each item, in order: module:function."
    )
    exports: tuple[Annotated[ExportConfig, _TextOr("The path of the file.")], ...] = Field(
        (), description="Files of items; by default out/NAME.jsonl, and none for []."
    )
    gate: Gate = Field(Gate(), description="Outside of these a run counts as failed.")
    schedule: Schedule | None = Field(None, description="When the crawl runs again.")

    def for_domain(self, domain: str) -> DomainSettings:
        """The settings that hold for `domain`."""
        return self.domains.get(domain) or DomainSettings(
            session=self.session, politeness=self.politeness, retry=self.retry
        )
