"""The addresses that a site's YAML holds: URLs, hosts, domains, origins, proxies."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from scraper import urls
from scraper.config.types.kinds import matching, optional, text, wrong
from scraper.config.types.texts import SCHEME

#: The sitemaps that the robots.txt of each start URL's origin names; and no sitemaps.
AUTO = "auto"
NONE = "none"
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_PROXY_KEY = r"(?:http|https|all)(?:://[^/\s@]+)?"


#: A second URL behind white space: a line that YAML took for the continuation of the one before.
_SEVERAL = re.compile(r"\s(?:-\s+\S|\S*https?://)")


def start_url(value: Any) -> str:
    """Return an absolute http(s) URL, in its normal form and without a fragment."""
    found = _web_url(value)
    if urls.without_user(found) != found:
        raise wrong(
            "a URL without user and password",
            remedy="they belong to origins: {https://HOST: {auth: {basic: [USER, PASSWORD]}}}",
        )
    return found


def _web_url(value: Any) -> str:
    found = text(value).strip()
    if _SEVERAL.search(found):
        raise wrong(
            "one URL", remedy="lines were folded into one: begin each with a dash, and indent all of them alike"
        )
    normal = urls.normalize(found)
    if normal is not None and urls.scheme_of(normal) in ("http", "https") and urls.host_of(normal):
        return urls.without_fragment(normal)
    expected = "an absolute http or https URL"
    if found.startswith("//"):
        raise wrong(expected, remedy="write https:{got}")
    # `example.com/x` parses as no URL, `localhost:8000` as one of the scheme localhost.
    scheme = urls.scheme_of(normal) if normal else "."
    is_bare = (
        "://" not in found and not found.startswith(("/", "?", "#")) and ("." in scheme or scheme == "localhost")
    )
    if is_bare and urls.normalize(f"https://{found}"):
        raise wrong(expected, remedy="write https://{got}")
    raise wrong(expected, remedy="write it whole, such as https://example.com/")


def sitemap(value: Any) -> str:
    """Return the URL of a sitemap, or `auto` for those of the start URLs' sites."""
    found = text(value).strip()
    if found in (AUTO, NONE):
        if found == AUTO:
            return AUTO
        raise wrong("auto or a URL", remedy="write none instead of the list")
    return start_url(value)


def sitemaps(value: Any) -> Any:
    """Return a list of sitemaps; one of them, and none, may stand without brackets."""
    if not isinstance(value, str):
        return value
    return [] if value.strip() == NONE else [value]


def post_url(value: Any) -> str:
    """Return an absolute http(s) URL, as it is written, without user and password."""
    found = text(value)
    normal = _web_url(value)
    if urls.without_user(normal) != normal:
        raise wrong(
            "a URL without user and password",
            remedy="write a command, which gets the JSON, and the password in ~/.netrc: "
            f'on_failure: "curl --netrc --json @- {urls.origin_of(normal)}/…"',
        )
    return found


def notify_url(value: Any) -> str:
    """Return the URL of a webhook, or an address that apprise may know: it is asked when the crawl begins."""
    found = text(value).strip()
    scheme = SCHEME.match(found)
    if scheme is None or len(found) == scheme.end() or re.search(r"\s", found):
        raise wrong("a webhook such as https://hooks.example.com/…, or an address such as mailto://…")
    if scheme.group().lower() in ("http://", "https://"):
        normal = _web_url(found)
        if urls.without_user(normal) != normal:
            raise wrong("a URL without user and password", remedy="name apprise's json:// or jsons:// with them")
    return found


def _canonical_host(found: str) -> str:
    """Return the host that `found` means, whether it is a URL, has a port or a wildcard; or nothing."""
    bare = found.strip().removeprefix("*").removeprefix(".")
    with_scheme = bare if SCHEME.match(bare) else f"http://[{bare}]" if bare.count(":") > 1 else f"http://{bare}"
    normal = urls.normalize(with_scheme)
    return urls.host_of(normal) if normal else ""


def allowed_host(value: Any) -> str:
    """Return a host, which covers its subdomains: not a URL, without port or wildcard."""
    found = text(value)
    host = _canonical_host(found)
    is_bare = host == found.lower() or not re.search(r"[/:*]", found)
    if host and is_bare and not found.startswith("."):
        return host
    remedy = "its subdomains are allowed with it" if found.startswith(("*", ".")) else ""
    raise wrong("a host such as example.com", remedy=remedy, suggestion=host)


def domain_key(value: Any) -> str:
    """Return a registrable domain, or a host that has none: what one Session and one delay belong to."""
    found = text(value)
    host = _canonical_host(found)
    domain = urls.domain_of_host(host) if host else ""
    if domain and domain == found:
        return domain
    raise wrong("a domain, which is one for all its hosts, ports and schemes", suggestion=domain)


def origin_key(value: Any) -> str:
    """Return an origin: scheme, host, and the port where it is not the scheme's own."""
    found = text(value)
    normal = urls.normalize(found if SCHEME.match(found) else f"https://{found}")
    usable = normal is not None and urls.scheme_of(normal) in ("http", "https")
    origin = urls.origin_of(normal) if normal and usable else ""
    if origin and origin == found:
        return origin
    raise wrong("an origin such as https://api.example.com", suggestion=origin)


def proxy_url(value: Any) -> str:
    """Return the URL of a proxy, user and password included."""
    found = text(value).strip()
    try:
        parts = urlsplit(found)
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", found) or parts.path.strip("/") or parts.query or parts.fragment:
        raise wrong("the URL of a proxy such as http://proxy.example:3128", remedy=_instead_of_proxy(found))
    return found


def _instead_of_proxy(found: str) -> str:
    if re.search(r"^pac\+|\.(?:pac|dat)\b", found, re.IGNORECASE):
        return "PAC files are not read, name the proxy that it gives"
    if "://" not in found:
        return "begin it with http://"
    return "write / as %2F, ? as %3F and # as %23 in user and password" if "@" in found else ""


def agent_url(value: Any) -> str:
    """Return where a public key lies: an https URL without query, fragment and user."""
    found = text(value).strip()
    normal = urls.normalize(found if SCHEME.match(found) else f"https://{found}")
    if normal is None or not normal.startswith("https://") or urls.without_user(normal) != normal or "?" in normal:
        raise wrong("an https URL such as https://example.com", remedy="it names where the public key is published")
    return urls.without_fragment(normal)


#: Among proxies, for what goes by none.
DIRECT = "direct"


def pool_proxy(value: Any) -> str:
    """Return the URL of a proxy, or `direct`."""
    return DIRECT if isinstance(value, str) and value.strip() == DIRECT else proxy_url(value)


def domain_glob(value: Any) -> str:
    """Return a domain, or a glob of domains such as `*.de`."""
    found = text(value).strip().lower()
    if "*" in found or "?" in found:
        if re.fullmatch(r"[\w.*?-]+", found):
            return found
        raise wrong("a domain, or a glob of domains such as *.de")
    return domain_key(found)


Sitemap = Annotated[str, BeforeValidator(sitemap)]
StartUrl = Annotated[str, BeforeValidator(start_url)]
NotifyUrl = Annotated[str, BeforeValidator(notify_url)]
PostUrl = Annotated[str | None, BeforeValidator(optional(post_url))]
AllowedHost = Annotated[str, BeforeValidator(allowed_host)]
DomainKey = Annotated[str, BeforeValidator(domain_key)]
OriginKey = Annotated[str, BeforeValidator(origin_key)]
ProxyKey = Annotated[
    str, BeforeValidator(matching(_PROXY_KEY, "http, https, all, or one of them with a host (https://example.com)"))
]
ProxyUrl = Annotated[str, BeforeValidator(proxy_url)]
PoolProxy = Annotated[str, BeforeValidator(pool_proxy)]
DomainGlob = Annotated[str, BeforeValidator(domain_glob)]
AgentUrl = Annotated[str | None, BeforeValidator(optional(agent_url))]
