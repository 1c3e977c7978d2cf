"""Tell secrets from other values, and hide them."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from scraper.config.walk import leaves, plain_values
from scraper.config.yaml.tree import Path, Provenance, path_text
from scraper.hiding import MASK, USER_INFO, without_misplaced_user, without_user_info

if TYPE_CHECKING:
    from scraper.config.model.site import SiteConfig

_TELLING = (
    *("password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "motdepasse", "contrasena"),
    *("secret", "token", "credential", "apikey", "accesskey", "privatekey", "sessionid", "sessid", "signature"),
)
_TELLING_WORDS = frozenset(
    {"auth", "authorization", "bearer", "cookie", "csrf", "jwt", "otp", "pass", "pat", "pwd", "pw", "sid", "xsrf"}
)
#: Headers whose names end like those of secrets, and that hold none (RFC 6455 section 11.3.1; Idempotency-Key).
_PUBLIC_KEYS = frozenset({"sec-websocket-key", "idempotency-key"})
#: Of `origins.*.headers`, those whose values are on every page, and no secrets.
_PUBLIC_HEADERS = frozenset({"content-type", "user-agent", "referer", "origin", "x-requested-with", "cache-control"})
#: What stands in Authorization: of `Bearer abc` the secret is abc.
_WITH_SCHEME = re.compile(r"[A-Za-z-]+ (\S+)")


_WITH_URLS = frozenset(
    {"start_urls", "start_requests", "sitemaps", "login", "schedule"}
    | {"exports", "store", "allowed_domains", "origins", "domains"}
)
#: What in an export is meant as a database.
_DATABASE = re.compile(r"postgres|password|:.*@", re.IGNORECASE)
#: A shorter path of a webhook is a name rather than a token.
_SHORTEST_TOKEN = 16


def is_secret_name(name: str) -> bool:
    """Tell whether a key's or variable's name says that its value is a secret: api_key, DB_PASSWORD, X-Auth-Token."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    joined = "".join(words).lower()
    return any(part in joined for part in _TELLING) or any(word.lower() in _TELLING_WORDS for word in words)


def is_secret_header(name: str) -> bool:
    """Tell the same of a header, of which the last word may be `key` or `session`: Ocp-Apim-Subscription-Key."""
    lower = name.lower()
    return is_secret_name(name) or (lower.endswith(("-key", "-session")) and lower not in _PUBLIC_KEYS)


#: Where the fields of a login are, of which each value is secret.
_FILLED_IN = (("login", "form"), ("login", "extra"))


def is_secret_path(path: Path) -> bool:
    """Tell whether what lies at `path` is never shown."""
    if path[:1] == ("notify",):
        return path[2:3] == ("to",)
    if path[:1] == ("origins",):
        return len(path) > 2 and path[2] in ("headers", "auth")
    if path[:2] in _FILLED_IN:
        return len(path) > 2
    named = is_secret_header if "headers" in path[:-1] else is_secret_name
    return any(named(str(part)) for part in _chosen_part(path))


def is_free_form(path: Path) -> bool:
    """Tell whether users choose what lies at `path`, so that what the environment says there may be a secret."""
    return bool(_chosen_part(path))


def _chosen_part(path: Path) -> Path:
    """Return the end of `path` that users name themselves: below args, headers, proxies and what is told of
    failures.
    """
    inner = path[2:] if path[:1] == ("domains",) else path
    if inner[:2] == ("schedule", "on_failure"):
        return inner[2:]  # the address of a webhook is a secret, too
    if inner[:1] == ("args",):
        return inner[1:]
    if inner[:1] == ("start_requests",):
        return inner[3:] if inner[2:3] in (("headers",), ("data",), ("json",)) else ()
    if inner[:1] == ("exports",) and inner[2:3] == ("options",):
        return inner[3:]
    return inner[2:] if inner[:2] == ("session", "headers") else ()


def hidden_in_error(path: Path, value: str) -> str:
    """Return what an error may show of `value`, which may be malformed, at `path`."""
    # Where a mapping belongs stands what was meant to be in it; a key is quoted where it is wrong itself.
    is_misplaced = path in _FILLED_IN or (path[:1] == ("origins",) and len(path) == 2 and path[1] != value)
    if is_secret_path(path) or is_misplaced:
        return MASK
    is_database = path[:1] == ("store",) or (path[:1] == ("exports",) and _DATABASE.search(value))
    if is_database and set(value) & set("@?="):
        # Where the password begins and ends is not known of what is malformed.
        scheme, separator, _ = value.partition("://")
        return f"{scheme}{separator}{MASK}" if separator and scheme.isalpha() else MASK
    if "@" in value and "proxies" in path:
        scheme, separator, _ = value.rpartition("@")[0].partition("://")
        return f"{scheme + separator if separator else ''}{MASK}@{value.rpartition('@')[2]}"
    if path[:2] == ("schedule", "on_failure") and len(behind := _behind_host(value)) >= _SHORTEST_TOKEN:
        value = f"{value.removesuffix(behind)}{MASK}"
    if path[:1] and path[0] in _WITH_URLS:
        return without_misplaced_user(value)
    return without_user_info(value)


def masked_text(path: Path, value: Any, variables: tuple[str, ...]) -> Any:
    """`value` as it may be shown: whole, without its user info, or not at all."""
    if value is None or value == {} or value == [] or isinstance(value, bool):
        return value
    if is_secret_path(path) or any(is_secret_name(name) for name in variables):
        return MASK
    if variables and is_free_form(path):
        return MASK
    if isinstance(value, str):
        if "proxies" in path and "@" in urlsplit(value).netloc:
            return hidden_in_error(path, value)
        return without_user_info(value)
    return value


def secret_values(config: SiteConfig, sources: Mapping[str, Provenance], environ: Mapping[str, str]) -> set[str]:
    """Return what may be shown nowhere: the values that `masked_text` masks, and what they are made of.

    Those are what `origins`, `login.form` and `login.extra` hold, in `args` and other places of a user's own
    what is named like a secret or came from the environment, whatever came of a variable that is named so, and
    passwords in URLs.
    """
    found: set[str] = set()
    shown: list[str] = []
    perhaps: set[str] = set()
    for path, value in leaves(plain_values(config)):
        source = sources.get(path_text(path))
        variables = source.variables if source is not None else ()
        if isinstance(value, bool) or not isinstance(value, str | int | float) or _is_public(path):
            continue
        text = str(value)
        found.update(_passwords_in(text))
        is_hook = path[:2] == ("schedule", "on_failure") or (path[0] == "notify" and path[-1] == "to")
        if is_hook and len(behind := _behind_host(text)) >= _SHORTEST_TOKEN:
            found.add(behind)
        said = [environ[name] for name in variables if environ.get(name)]
        # What a value is made into, such as the format of an export, is no secret for that.
        if masked_text(path, value, variables) != MASK or (said and not any(each in text for each in said)):
            shown.append(text)
        elif not is_secret_path(path) and not any(map(is_secret_name, variables)):
            perhaps |= {text, *said}
        else:
            found.add(text)
            if (scheme := _WITH_SCHEME.fullmatch(text)) is not None:
                found.add(scheme[1])
        if any(map(is_secret_name, variables)):
            found.update(said)
    # What stands in a URL that is shown, say, is not a secret.
    found |= {text for text in perhaps if not any(text in other for other in shown)}
    for origin in config.origins.values():
        if isinstance(origin.auth, Mapping) and "basic" in origin.auth:
            pair = ":".join(map(str, origin.auth["basic"]))
            found |= {pair, base64.b64encode(pair.encode()).decode()}
    return found


def _behind_host(text: str) -> str:
    """Return what stands behind the host of a webhook's address, which is what keeps others from calling it."""
    return text.partition("://")[2].partition("/")[2]


def _is_public(path: Path) -> bool:
    """Tell whether what lies there is not shown, and no secret all the same."""
    if path[:1] != ("origins",):
        return False
    if path[2:] == ("auth",):
        return True  # module:factory
    name = str(path[3]).lower() if path[2:3] == ("headers",) and len(path) > 3 else ""
    return name in _PUBLIC_HEADERS or name.startswith("accept")


def _passwords_in(text: str) -> Iterator[str]:
    for match in USER_INFO.finditer(text):
        password = match[0].rpartition("@")[0].partition(":")[2]
        yield password
        yield unquote(password)
    if "://" in text:
        # What a URL's query names like a secret.
        for name, value in parse_qsl(text.partition("?")[2].partition("#")[0]):
            if is_secret_name(name):
                yield value
