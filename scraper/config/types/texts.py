"""The forms of text that a site's YAML holds: references to Python objects, headers, paths, globs."""

from __future__ import annotations

import contextlib
import os
import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from scraper.config.store_location import is_url, why_wrong
from scraper.config.types import kinds
from scraper.config.types.kinds import Reader, flag, matching, nearest, optional, text, whole, wrong
from scraper.config.types.selectors import BadSelector, read_regex
from scraper.config.types.units import LARGEST, parse_share
from scraper.config.yaml.scalars import FromEnvironment, typed
from scraper.lazy_pattern import lazy_pattern

_IDENTIFIER = r"[^\W\d]\w*"
_DOTTED = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
_FILE_REFERENCE = lazy_pattern(rf"(?:.+\.py|{_DOTTED}):{_DOTTED}")
_MODULE_REFERENCE = lazy_pattern(rf"{_DOTTED}:{_DOTTED}")
_CLASS = lazy_pattern(rf"{_DOTTED}(?:\.|:){_DOTTED}")
#: RFC 9110 section 5.6.2, token.
_HEADER_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
#: RFC 9110 section 5.5: visible characters, spaces and tabs between them, and obs-text (Latin-1).
_HEADER_VALUE = r"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?"
#: How an address begins that names its scheme.
SCHEME = lazy_pattern(r"[A-Za-z][A-Za-z0-9+.\-]+://")


def _reference(pattern: re.Pattern[str], expected: str) -> Any:
    def read(value: Any) -> str:
        found = text(value)
        if not pattern.fullmatch(found):
            suggestion = found.replace(".py.", ".py:") if ".py." in found else ""
            if pattern.fullmatch(found.strip()):
                suggestion = found.strip()
            elif found.endswith(".py"):
                suggestion = f"{found}:CLASS, with the name of the class in it"
            head, dot, last = found.rpartition(".")
            if (
                not suggestion
                and dot
                and ":" not in found
                and last[:1].isupper()
                and pattern.fullmatch(f"{head}:{last}")
            ):
                suggestion = f"{head}:{last}"
            raise wrong(expected, suggestion=suggestion)
        return found

    return read


def user_agent(value: Any) -> str:
    """Return what the User-Agent header says: never empty, one line."""
    found = text(value)
    if not found.strip() or not re.fullmatch(_HEADER_VALUE, found):
        raise wrong(
            "a name for the crawler in one line of plain text, such as acme-research/1.0 (+https://acme.example/bot)"
        )
    return found


def crawl_name(value: Any) -> str:
    """Return a name that is also a file's: letters, digits, dots, dashes, underscores."""
    found = text(value)
    if not re.fullmatch(r"\w[\w.\-]{0,99}", found) or found.endswith("."):
        raise wrong("a name of letters, digits, '-', '_' and '.', which begins with a letter or digit")
    return found


#: What was meant as a URL, or as libpq's own words: in a path a password would be the name of a file.
_CONNECTION = lazy_pattern(r"(?i)^postgres\w*:|^(?![a-z]:[/\\]).*:.*@|(?:^|\s)(?:host|user|dbname|password)\s*=")
_STORES = "write one such as .scraper/books.db or postgresql://user:${PG_PASSWORD}@host/database"


def store_path(value: Any) -> str:
    """Return the path of the SQLite file that keeps the crawl, or the URL of the PostgreSQL database that does."""
    found = text(value)
    if is_url(found):
        expected = why_wrong(found)
        if expected is not None:
            raise wrong(expected)
        return found
    is_path = found.strip() and not found.endswith(("/", "\\")) and "\0" not in found
    if not is_path or SCHEME.match(found) or _CONNECTION.search(found):
        raise wrong("the path of a file, or a URL of PostgreSQL", remedy=_STORES)
    return expanded(found)


def expanded(path: str) -> str:
    """Return a path with the home folder that a leading `~` or `~name` stands for."""
    return os.path.expanduser(path)  # noqa: PTH111 (it must not raise where there is no such user)


def _path_with(suffix: str, example: str, *names: str) -> Reader:
    """The path of a file with a certain ending, in which some names in braces are filled in."""
    filled = " and ".join(f"{{{name}}}" for name in names)

    def read(value: Any) -> str:
        found = text(value)
        named = set(re.findall(r"\{([^{}]*)\}", found))
        if SCHEME.match(found) or "\0" in found or not PurePath(found).name.endswith(suffix):
            raise wrong(f"a path that ends in {suffix}", remedy=f"write one such as {example}")
        if named - set(names) or PurePath(found).name == suffix:
            raise wrong(f"a path in which {filled} alone {'is' if len(names) == 1 else 'are'} filled in")
        return expanded(found)

    return optional(read)


def verify(value: Any) -> bool | str:
    """Tell whether TLS certificates are checked, or the path of the bundle to check them with."""
    found = typed(value)
    if (
        isinstance(found, str)
        and found
        and found.lower() not in ("on", "off", "yes", "no", "y", "n", "true", "false")
    ):
        return expanded(found)
    try:
        return flag(PurePath(found).name if isinstance(found, PurePath) else found)
    except ValueError as error:
        raise wrong("true, false, or the path of a CA bundle", suggestion=_suggestion(error)) from None


def _suggestion(error: Any) -> str:
    return str((getattr(error, "context", None) or {}).get("suggestion", ""))


def certificate(value: Any) -> str | tuple[str, str] | None:
    """Return a client certificate: a file, or a certificate and its key."""
    if isinstance(value, list | tuple):
        if len(value) == 2 and all(isinstance(part, str) and part for part in value):
            return expanded(str(value[0])), expanded(str(value[1]))
    elif typed(value) is None:
        return None
    elif isinstance(value, str | PurePath):
        return expanded(str(value))
    raise wrong("the path of a certificate, or [certificate, key]")


def authentication(value: Any) -> Any:
    """`{basic: [user, password]}`, a `module:factory`, or an AuthBase object from Python."""
    expected = "{basic: [user, password]} or module:factory"
    if isinstance(value, Mapping):
        pair = value.get("basic")
        if set(value) != {"basic"} or not isinstance(pair, list | tuple) or len(pair) != 2:
            raise wrong(expected)
        if not all(isinstance(part, str) for part in pair):
            raise wrong(expected, remedy="put user and password in quotes")
        return {"basic": [str(part) for part in pair]}
    if isinstance(value, str):
        if _FILE_REFERENCE.fullmatch(value):
            return str(value)
    elif typed(value) is None or callable(value):
        return value
    raise wrong(expected)


def path_rule(value: Any) -> Any:
    """Return a glob on the path as text, or `{regex: …}` on the whole URL, as the fields of a PathRule."""
    expected = "a glob on the path such as /logout*, or {regex: …}"
    if isinstance(value, str):
        found = str(value)
        if not found.startswith(("/", "*")):
            raise wrong(expected, remedy="begin a glob with / or *")
        return {"glob": found}
    if isinstance(value, Mapping):
        if len(value) != 1 and set(value) <= {"glob", "regex"}:
            raise wrong(expected)
    elif not isinstance(value, BaseModel):
        raise wrong(expected)
    return value


def nofollow(value: Any) -> Any:
    """Return one word for both, or `{page: …, link: …}`, as the fields of a NofollowConfig."""
    if isinstance(value, str):
        return {"page": value, "link": value}
    if not isinstance(value, Mapping | BaseModel):
        raise wrong("obey, ignore, or {page: ignore, link: obey}")
    return value


def regular_expression(value: Any) -> str:
    """Return a regular expression of Python's `re`, of which the package `regex` makes one that can be stopped."""
    found = text(value)
    try:
        re.compile(found)
        read_regex(found)
    except (re.error, OverflowError, RecursionError, BadSelector) as error:
        raise wrong("a regular expression", remedy=_because("Python", value, error)) from None
    return found


def _because(who: str, value: Any, error: Exception) -> str:
    """Return what a library says of `value`, unless that would quote the environment."""
    return "" if isinstance(value, FromEnvironment) else f"{who} says: {error}"


def least_items(value: Any) -> int | str:
    """Return a number of items, or a share of those of an earlier run in per cent, which stays as it is written."""
    found = typed(value)
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= LARGEST:
        return found
    is_share = isinstance(found, float) and 0 < found < 1
    if isinstance(found, str) and found.endswith("%"):
        with contextlib.suppress(ValueError):
            parse_share(found)
            return str(found)
    raise wrong(
        "a whole number of 0 or more, or up to 100% of the previous run's",
        suggestion=f"{found * 100:g}%" if is_share else "",
    )


def processes(value: Any) -> Any:
    """Return how many processes crawl."""
    if typed(value) == "auto":
        return "auto"
    return whole(0, remedy="or write auto")(value)


def parsers(value: Any) -> Any:
    """Return how many processes parse under each that crawls."""
    if typed(value) == "auto":
        return "auto"
    return whole(0, remedy="or write auto")(value)


def workers(value: Any) -> Any:
    """Return how many workers crawl elsewhere."""
    if typed(value) == "auto":
        return "auto"
    return whole(1, remedy="or write auto")(value)


def cron(value: Any) -> str:
    """Return a cron expression of five fields."""
    from cronsim import CronSim, CronSimError  # few sites have a schedule

    found = text(value)
    expected = 'a cron expression of five fields such as "0 */6 * * *"'
    try:
        CronSim(found, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise wrong(expected, remedy=_because("cronsim", value, error)) from None
    if len(found.split()) != 5:
        raise wrong(expected, remedy="seconds have no field")
    return found


def schedule(value: Any) -> Any:
    """Check that a schedule has `cron` or `every`, not both."""
    if isinstance(value, Mapping):
        given = [key for key in ("cron", "every") if typed(value.get(key)) is not None]
        if len(given) != 1:
            remedy = "leave one of them out" if given else 'add cron: "0 */6 * * *" or every: 6h'
            raise wrong("cron or every", remedy=remedy)
    return value


def on_failure(value: Any) -> Any:
    """Return a command as text, or `{command: …}` or `{post: URL}`, as the fields of an OnFailure."""
    expected = "a command, {command: [word, …]} or {post: URL}"
    if isinstance(value, str):
        return {"command": value}
    if isinstance(value, Mapping):
        if set(value) <= {"command", "post"} and sum(typed(inner) is not None for inner in value.values()) != 1:
            raise wrong(expected)
    elif not isinstance(value, BaseModel):
        raise wrong(expected)
    return value


def command(value: Any) -> str | tuple[str, ...]:
    """Return a line for the shell, or the words of a command that needs none."""
    words = [value] if isinstance(value, str) else value
    are_words = isinstance(words, list | tuple) and all(isinstance(word, str) and "\0" not in word for word in words)
    if are_words and words and words[0].strip():
        return str(value) if isinstance(value, str) else tuple(map(str, words))
    raise wrong("a command as text, or a list of its words", remedy="put numbers in quotes")


def timezone(value: Any) -> str:
    """Return the name of a time zone in the IANA database."""
    found = text(value)
    try:
        zoneinfo.ZoneInfo(found)
    except (KeyError, ValueError, OSError):
        suggestion = nearest(found, zoneinfo.available_timezones())
        raise wrong("a time zone such as Europe/London", suggestion=suggestion) from None
    return found


Name = Annotated[str, BeforeValidator(crawl_name)]
SpiderReference = Annotated[
    str, BeforeValidator(_reference(_FILE_REFERENCE, "file.py:Class or package.module:Class"))
]
PipelineReference = Annotated[
    str, BeforeValidator(_reference(_FILE_REFERENCE, "module:function or file.py:function"))
]
ModelReference = Annotated[
    str | None, BeforeValidator(optional(_reference(_FILE_REFERENCE, "module:Class or file.py:Class")))
]
SessionClass = Annotated[
    str, BeforeValidator(_reference(_CLASS, "a subclass of requests.Session, as package.Class or module:Class"))
]
UserAgent = Annotated[str, BeforeValidator(user_agent)]
HeaderName = Annotated[
    str, BeforeValidator(matching(_HEADER_NAME, "the name of a header: letters, digits and dashes"))
]
HeaderValue = Annotated[
    str,
    BeforeValidator(matching(_HEADER_VALUE, "one line of Latin-1 text without spaces around it")),
]


def file_path(value: Any) -> str:
    """Return the path of a file."""
    found = text(value)
    if not found.strip() or found.endswith(("/", "\\")) or "\0" in found or SCHEME.match(found):
        raise wrong("the path of a file")
    return expanded(found)


def mail_address(value: Any) -> str:
    """Return a mail address, as the header From has it (RFC 9110 section 10.1.2)."""
    found = text(value).strip()
    if not re.fullmatch(r"[^\s@<>,;:\"()]{1,64}@[A-Za-z0-9.\-]{1,255}", found) or not found.isascii():
        raise wrong("a mail address such as bot@acme.example")
    return found


FilePath = Annotated[str | None, BeforeValidator(optional(file_path))]
MailAddress = Annotated[str | None, BeforeValidator(optional(mail_address))]
StorePath = Annotated[str, BeforeValidator(store_path)]
ArchivePath = Annotated[
    str | None,
    BeforeValidator(_path_with(".warc.gz", "out/{name}-{run}.warc.gz", "name", "run")),
    WithJsonSchema({"type": ["string", "null"], "pattern": r"\.warc\.gz$"}),
]
MetricsPath = Annotated[
    str | None,
    BeforeValidator(_path_with(".prom", "metrics/{name}.prom", "name")),
    WithJsonSchema({"type": ["string", "null"], "pattern": r"\.prom$"}),
]
ReportPath = Annotated[
    str | None,
    BeforeValidator(_path_with(".html", "out/{name}-{run}.html", "name", "run")),
    WithJsonSchema({"type": ["string", "null"], "pattern": r"\.html$"}),
]
Verify = Annotated[bool | str, BeforeValidator(verify), WithJsonSchema({"type": ["boolean", "string"]})]
Certificate = Annotated[
    str | tuple[str, str] | None,
    BeforeValidator(certificate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "null"]},
                {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
]
Authentication = Annotated[
    Any,
    BeforeValidator(authentication),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "null"]},
                {
                    "type": "object",
                    "properties": {
                        "basic": {
                            "type": "array",
                            "items": {"type": "string"},
                            "minItems": 2,
                            "maxItems": 2,
                        }
                    },
                    "required": ["basic"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
RegularExpression = Annotated[str | None, BeforeValidator(optional(regular_expression))]
Formulas = Annotated[Literal["neutralise", "keep"], BeforeValidator(kinds.choice("neutralise", "keep"))]
Processes = Annotated[
    int | Literal["auto"],
    BeforeValidator(processes),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}, kinds.VARIABLE_SCHEMA]}),
]
Parsers = Annotated[
    int | Literal["auto"],
    BeforeValidator(parsers),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 0}, kinds.VARIABLE_SCHEMA]}),
]
Workers = Annotated[
    int | Literal["auto"],
    BeforeValidator(workers),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1}, kinds.VARIABLE_SCHEMA]}),
]
EngineKind = Annotated[Literal["local", "ray"], BeforeValidator(kinds.choice("local", "ray"))]
LeastItems = Annotated[
    int | str | None,
    BeforeValidator(optional(least_items)),
    WithJsonSchema({"type": ["integer", "string", "null"], "minimum": 0, "pattern": r"^[0-9]+(\.[0-9]+)? *%$|\$\{"}),
]
Command = Annotated[
    str | tuple[str, ...] | None,
    BeforeValidator(optional(command)),
    WithJsonSchema(
        {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
Overlap = Annotated[Literal["skip", "queue"], BeforeValidator(kinds.choice("skip", "queue"))]
CatchUp = Annotated[Literal["none", "once"], BeforeValidator(kinds.choice("none", "once"))]
Cron = Annotated[str | None, BeforeValidator(optional(cron))]
Timezone = Annotated[str, BeforeValidator(timezone)]
