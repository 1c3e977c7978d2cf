"""Tell secrets from other values, and hide them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from scraper.config.yaml.tree import Path

MASK = "***"

_TELLING = ("password", "passwd", "passphrase", "secret", "token", "credential", "apikey", "accesskey", "privatekey")
_TELLING_WORDS = frozenset({"auth", "authorization", "pass", "pwd", "cookie", "pat"})
_USER_INFO = re.compile(r"(?<=//)[^/?#\s]*@")


def is_secret_name(name: str) -> bool:
    """Tell whether a key's or variable's name says that its value is a secret: api_key, DB_PASSWORD, X-Auth-Token."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)
    joined = "".join(words).lower()
    return any(part in joined for part in _TELLING) or any(word.lower() in _TELLING_WORDS for word in words)


def is_secret_path(path: Path) -> bool:
    """Tell whether what lies at `path` is never shown."""
    if path[:1] == ("origins",):
        return len(path) > 2 and path[2] in ("headers", "auth")
    if path[:2] == ("login", "form"):
        return len(path) > 2
    return any(is_secret_name(str(part)) for part in _chosen_part(path))


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
    if inner[:1] == ("exports",) and inner[2:3] == ("options",):
        return inner[3:]
    return inner[2:] if inner[:2] == ("session", "headers") else ()


def without_user_info(text: str) -> str:
    """`text` with the user and password of every URL in it hidden."""
    return _USER_INFO.sub(f"{MASK}@", text) if "@" in text else text


def hidden_in_error(path: Path, value: str) -> str:
    """Return what an error may show of `value`, which may be malformed, at `path`."""
    if is_secret_path(path):
        return MASK
    if "@" in value and ("proxies" in path or path[:1] == ("store",)):
        scheme, separator, _ = value.rpartition("@")[0].partition("://")
        return f"{scheme + separator if separator else ''}{MASK}@{value.rpartition('@')[2]}"
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
