"""How the requests to one domain are sent: its Session, politeness and retries."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from scraper.config.model.browser import FetcherName
from scraper.config.model.frozen import Frozen, TextOr
from scraper.config.model.pages import PagesConfig
from scraper.config.types import addresses, kinds, texts
from scraper.config.types.kinds import Count, Seconds, SecondsOrZero


def one_or_several(value: Any) -> Any:
    """Return a list, of which one element may be written without brackets."""
    return [value] if isinstance(value, str) else value


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


class ProxyConfig(Frozen):
    """A proxy, and the domains that go by it."""

    url: addresses.PoolProxy = Field(
        description="http://user:${PASSWORD}@proxy.example:3128, https://, socks5h:// (the proxy resolves names), "
        "socks5://, socks4a://, socks4://; or direct, for no proxy."
    )
    for_: Annotated[tuple[addresses.DomainGlob, ...], BeforeValidator(one_or_several)] = Field(
        (),
        alias="for",
        description="Domains, or globs of them (*.de), that go by those proxies alone which name them; without it "
        "all that no other names.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {"url": value} if isinstance(value, str) else value

    def written(self) -> Any:
        return None if self.for_ else self.url


class IdentityConfig(Frozen):
    """Who the crawler is, so that a site can tell it from others who use its name."""

    key: texts.FilePath = Field(
        None,
        description="The file of an Ed25519 key by which each request is signed (HTTP Message Signatures, as Web Bot "
        "Auth has them): scraper identity init makes one; needs the extra scraper[identity].",
    )
    agent: addresses.AgentUrl = Field(
        None,
        description="Where the public key lies: https://example.com, which serves "
        "/.well-known/http-message-signatures-directory, or the https URL of a JWK set.",
    )
    from_: texts.MailAddress = Field(
        None, alias="from", description="Sent as From: a mail address at which a person can be reached."
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
    delay: kinds.Delay = Field(
        1.0,
        description="The least time between the starts of two requests; 0 for none; auto follows how fast the server "
        "answers and whether it fails, between `min_delay` and `max_delay`.",
    )
    jitter: kinds.Number = Field(0.3, description="Lengthens each delay by up to this share of it; 0 for none.")
    concurrency: Count = Field(1, description="Requests at once; at most `session.pool`.")
    min_delay: Seconds = Field(0.25, description="The shortest delay that `delay: auto` comes to.")
    max_delay: SecondsOrZero = Field(
        30.0,
        description="The longest Crawl-delay of a robots.txt that is followed, and longest delay of `delay: auto`.",
    )

    @property
    def is_adaptive(self) -> bool:
        """Tell whether the delay follows how the server does."""
        return self.delay == kinds.AUTO

    @property
    def first_delay(self) -> float:
        """Return the delay to begin with, in seconds."""
        return self.delay if self.delay != kinds.AUTO else min(max(1.0, self.min_delay), self.max_delay)


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
    fetcher: FetcherName = Field("http", description="How its pages are fetched: http, browser or auto.")
