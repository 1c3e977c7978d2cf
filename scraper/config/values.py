"""The values of a site's YAML, frozen.

Durations are seconds, sizes are bytes. What the keys mean to a user is said in each field's description,
which is also what `scraper schema` prints.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class Limits(Frozen):
    depth: int | None = None
    pages: int | None = None
    items: int | None = None
    duration: float | None = None
    body: int = 10_000_000
    redirects: int = 10
    parse: float = 60.0


class TimeoutConfig(Frozen):
    connect: float = 5.0
    read: float = 20.0
    total: float = 60.0


class SessionConfig(Frozen):
    pool: int = 8
    headers: dict[str, str] = Field(default_factory=dict)
    secret_headers: tuple[str, ...] = ()
    timeout: TimeoutConfig = TimeoutConfig()
    idle_expiry: float = 15.0
    max_age: float = 600.0
    verify: bool | str = True
    proxies: dict[str, str] = Field(default_factory=dict)
    class_: str = Field("requests.Session", alias="class")


class Politeness(Frozen):
    robots: Literal["obey", "ignore"] = "obey"
    delay: float = 1.0
    jitter: float = 0.3
    concurrency: int = 1
    max_delay: float = 30.0


class RetryConfig(Frozen):
    attempts: int = 4
    statuses: frozenset[int] = frozenset({408, 425, 429, 500, 502, 503, 504})
    backoff: float = 1.0
    max_backoff: float = 60.0
    max_wait: float = 600.0


class DomainSettings(Frozen):
    """What holds for one domain: the site's values with the domain's own over them."""

    session: SessionConfig = SessionConfig()
    politeness: Politeness = Politeness()
    retry: RetryConfig = RetryConfig()


class NetworkConfig(Frozen):
    allow_private: bool = False


class EngineConfig(Frozen):
    processes: int | Literal["auto"] = 1


class ItemConfig(Frozen):
    key: tuple[str, ...] = ()


class ExportConfig(Frozen):
    path: str
    format: str | None = None
    fields: tuple[str, ...] | None = None
    item: str | None = None


class Gate(Frozen):
    min_items: int | None = 1
    max_failed: float | None = None


class PathRule(Frozen):
    """A glob on the path, or a regular expression on the whole URL."""

    glob: str | None = None
    regex: str | None = None


class Scope(Frozen):
    include: tuple[PathRule, ...] = ()
    exclude: tuple[PathRule, ...] = ()


class UrlConfig(Frozen):
    sort_query: bool = False
    drop_params: tuple[str, ...] = ()


class OriginConfig(Frozen):
    headers: dict[str, str] = Field(default_factory=dict)
    auth: Any = None
    cert: str | tuple[str, str] | None = None


class Schedule(Frozen):
    cron: str
    timezone: str = "UTC"


class SiteConfig(Frozen):
    """One crawl."""

    name: str
    spider: str
    args: dict[str, Any] = Field(default_factory=dict)
    start_urls: tuple[str, ...] = ()
    allowed_domains: tuple[str, ...] | None = None
    user_agent: str = ""
    limits: Limits = Limits()
    session: SessionConfig = SessionConfig()
    politeness: Politeness = Politeness()
    retry: RetryConfig = RetryConfig()
    domains: dict[str, DomainSettings] = Field(default_factory=dict)
    network: NetworkConfig = NetworkConfig()
    scope: Scope = Scope()
    urls: UrlConfig = UrlConfig()
    origins: dict[str, OriginConfig] = Field(default_factory=dict)
    store: str = ""
    engine: EngineConfig = EngineConfig()
    items: dict[str, ItemConfig] = Field(default_factory=dict)
    pipelines: tuple[str, ...] = ()
    exports: tuple[ExportConfig, ...] = ()
    gate: Gate = Gate()
    schedule: Schedule | None = None

    def for_domain(self, domain: str) -> DomainSettings:
        """The settings that hold for `domain`."""
        return self.domains.get(domain) or DomainSettings(
            session=self.session, politeness=self.politeness, retry=self.retry
        )
