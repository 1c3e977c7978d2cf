"""Every reason for which something was refused, failed, dropped or opened: one row a reason.

A reason is the word that the log, the stats, the store and `scraper runs --failures` show. `scraper explain` and
`scraper fetch` take key and remedy from here, and `python -m scraper.reasons > docs/reasons.md` writes the page of
the reference. A test looks for the reasons in the source, and says which of them is missing here.
"""

from __future__ import annotations

import sys
from enum import StrEnum

from scraper.lazy_dataclass import dataclass


class ReasonKind(StrEnum):
    """The kind of event that has a reason. The values are the headings of docs/reasons.md."""

    REFUSED = "Refused: a request that is not sent"
    FAILED = "Failed: a request that got no usable response, or whose page could not be used"
    ATTEMPT = "Attempts: why a request was sent again"
    DROPPED = "Dropped: an item that is left out"
    OPENED = "Opened: why a connection was needed"


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """The facts of one reason.

    Attributes:
        name: the word; `*` at its end stands for a number.
        meaning: what happened, in one line.
        remedy: what to do about it; `{set}` stands for the key with `example`, as YAML or as `--set` has it.
        key: the key of the YAML that changes it; empty where no key does.
        example: a value of that key.
        fits_fetch: whether the remedy also helps with a single `scraper fetch`.
    """

    name: str
    kind: ReasonKind
    meaning: str
    remedy: str = ""
    key: str = ""
    example: str = ""
    fits_fetch: bool = False

    def in_yaml(self) -> str:
        """Return the remedy with the key as a YAML has it."""
        return self.remedy.replace("{set}", f"{self.key}: {self.example}")

    def on_command_line(self) -> str:
        """Return the remedy with the key as the option --set has it."""
        return self.remedy.replace("{set}", f"--set {self.key}={self.example}")


_REFUSED, _FAILED, _ATTEMPT, _DROPPED, _OPENED = ReasonKind
_SERVER = "try again later: scraper retry SITE.yaml puts failures back"
_REPORT = "report it with the log"

_ROWS = (
    # In the order in which admission and preflight ask.
    ReasonRow(
        "url-too-long", _REFUSED, "The URL has more than 8,000 characters.", "drop parameters", "urls.drop_params"
    ),
    ReasonRow("offsite", _REFUSED, "The host is outside of the crawl.", "add the host", "allowed_domains"),
    ReasonRow("excluded", _REFUSED, "An entry of scope.exclude matches.", "remove that entry", "scope.exclude"),
    ReasonRow(
        "regex-timeout",
        _REFUSED,
        "A regular expression of scope took too long on the URL.",
        "write it so that no two parts of it can match the same text",
        "scope.exclude",
    ),
    ReasonRow("not-included", _REFUSED, "No entry of scope.include matches.", "add an entry", "scope.include"),
    ReasonRow(
        "depth",
        _REFUSED,
        "It lies more links deep than allowed; or indexes of sitemaps lie more than three deep.",
        "allow more by {set}",
        "limits.depth",
        "10",
    ),
    ReasonRow(
        "trap",
        _REFUSED,
        "It belongs to a place of the site that goes on for ever and brings nothing new: a path that repeats itself, "
        "a calendar, session ids, combinations of filters.",
        "let it by {set}, or drop the parameter by urls.drop_params",
        "scope.no_traps",
        '["/calendar*"]',
    ),
    ReasonRow(
        "bad-row",
        _REFUSED,
        "A row of the file of start URLs, or of start(), holds no absolute http or https URL, or is no row of CSV.",
        "fix the row: the message names its line",
        "start_urls",
    ),
    ReasonRow(
        "not-cached",
        _REFUSED,
        "`scraper crawl --cached` came to a page of which nothing is kept.",
        "crawl without --cached, with {set}",
        "revisit.keep_bodies",
        "true",
    ),
    ReasonRow(
        "nofollow",
        _REFUSED,
        "A page (by `<meta name=robots>` or X-Robots-Tag) or a link (by rel=nofollow) asks not to follow it.",
        "follow it all the same by {set}; {page: ignore, link: obey} tells pages and links apart",
        "politeness.nofollow",
        "ignore",
    ),
    ReasonRow(
        "usage",
        _REFUSED,
        "Its site reserves the use that the YAML names: in robots.txt, so that it is not sent, or in the answer.",
        "ask the site's owner for a licence",
        "usage",
    ),
    ReasonRow("robots", _REFUSED, "robots.txt does not allow it.", "ask the site's owner", "politeness.robots"),
    ReasonRow(
        "unknown-outcome",
        _FAILED,
        "A POST was sent before a kill, and may have been answered.",
        "Request(retry_unsafe=True) allows to send it again",
    ),
    ReasonRow(
        "crashed", _FAILED, "The process died twice while this page was parsed.", "fix the spider for this page"
    ),
    ReasonRow(
        "not-drawn",
        _FAILED,
        "A browser did not finish the page in time: what is waited for did not come, or its scripts do not end.",
        "look at browser.wait_for and at the page by `scraper shell --browser`, or allow more by {set}",
        "browser.timeout",
        "60s",
        fits_fetch=True,
    ),
    ReasonRow(
        "browser-crashed",
        _FAILED,
        "The browser, or its process for the page, died three times over the page, or took too much memory.",
        "leave the page out by scope.exclude, or allow more by {set}",
        "browser.memory",
        "2GB",
    ),
    ReasonRow(
        "browser-limit",
        _FAILED,
        "A page in a browser asked for more than it may: requests, bytes, dialogs.",
        "leave the page out by scope.exclude, or allow more by {set}",
        "browser.requests",
        "1000",
        fits_fetch=True,
    ),
    ReasonRow(
        "browser-script",
        _FAILED,
        "What is waited for, or the script that is run in each page, raised an error there.",
        "mend it: the message says what is wrong",
        "browser.script",
    ),
    ReasonRow(
        "cross-origin",
        _REFUSED,
        "What a page in a browser asked for redirects to another origin, whose answer its scripts may not read.",
        "it is so in any browser: yield the URL as a request of its own, if its data are wanted",
    ),
    ReasonRow(
        "download",
        _REFUSED,
        "A page in a browser began a download.",
        "yield its URL as a request of its own, or have scraper.pipes:Files store it",
    ),
    ReasonRow(
        "challenge",
        _FAILED,
        "In its place came a challenge, which finds out whether a person is there. It is not solved: the domain was "
        "held, and given up.",
        "ask the site's owner, or for an API of theirs; prove who you are by identity; crawl more slowly",
        "identity",
    ),
    ReasonRow("circuit", _FAILED, "The domain did nothing but fail, and was given up.", _SERVER),
    ReasonRow(
        "byte-limit",
        _REFUSED,
        "So much of its domain came in the run as may.",
        "allow more by {set}",
        "limits.per_domain.bytes",
        "10GB",
    ),
    ReasonRow(
        "robots-unreachable",
        _FAILED,
        "robots.txt could not be fetched, so nothing of its origin is (RFC 9309).",
        _SERVER,
        "politeness.robots",
    ),
    ReasonRow("login-failed", _FAILED, "Logging in failed.", "look at the form and the secrets", "login.form"),
    ReasonRow(
        "dns",
        _FAILED,
        "The host has no address.",
        "look at the spelling of the host, and whether this machine is online",
        fits_fetch=True,
    ),
    ReasonRow(
        "proxy",
        _FAILED,
        "The proxy cannot be reached, or breaks off.",
        "look whether the proxy runs, and at its address",
        "proxies",
        fits_fetch=True,
    ),
    ReasonRow(
        "proxy-login",
        _FAILED,
        "The proxy wants other credentials (407).",
        "correct user and password in the URL of the proxy",
        "proxies",
        fits_fetch=True,
    ),
    ReasonRow(
        "proxy-refused",
        _FAILED,
        "The proxy answered itself, with a page of its own or a refusal to connect: no word of the site.",
        "ask who runs the proxy, or let the domain go by another by `for`",
        "proxies",
        fits_fetch=True,
    ),
    ReasonRow(
        "proxy-gateway",
        _FAILED,
        "The proxy could not connect to the site, or got no answer from it.",
        "look whether the site can be reached without the proxy",
        "proxies",
        fits_fetch=True,
    ),
    ReasonRow(
        "connect",
        _FAILED,
        "No connection came about to the server.",
        "look whether the server runs, and at the port",
        "session.timeout.connect",
        fits_fetch=True,
    ),
    ReasonRow(
        "no-room",
        _FAILED,
        "This machine had no file, memory or port for a connection; a crawl waits, and counts nothing.",
        "raise `ulimit -n`",
        fits_fetch=True,
    ),
    ReasonRow("tls", _FAILED, "The TLS handshake failed.", _SERVER),
    ReasonRow(
        "certificate",
        _FAILED,
        "The server's certificate is not trusted.",
        "name the server's authority by {set}, if you trust it",
        "session.verify",
        "FILE",
        fits_fetch=True,
    ),
    ReasonRow(
        "timeout",
        _FAILED,
        "It took longer than allowed.",
        "allow more by {set} (also .connect and .read)",
        "session.timeout.total",
        "120s",
        fits_fetch=True,
    ),
    ReasonRow("reset", _FAILED, "The server closed the connection without an answer.", _SERVER),
    ReasonRow("truncated", _FAILED, "The body ended too early, or was not the part that was requested.", _SERVER),
    ReasonRow("network", _FAILED, "Another error of the network.", _SERVER),
    ReasonRow("bad-encoding", _FAILED, "The body is not compressed as its header says.", _SERVER),
    ReasonRow("bad-http", _FAILED, "The answer is not HTTP.", _SERVER),
    ReasonRow("bad-url", _FAILED, "The URL cannot be sent.", "fix the link, or exclude it", "scope.exclude"),
    ReasonRow("bad-header", _FAILED, "A header cannot be sent.", "fix the header", "session.headers"),
    ReasonRow(
        "bad-redirect",
        _FAILED,
        "It redirects to what is no http or https URL, or a POST to another origin.",
        "request the URL that is meant itself: scraper fetch shows where it leads",
    ),
    ReasonRow(
        "redirect-loop",
        _FAILED,
        "It redirects to a URL where it has been.",
        "look with scraper fetch whether it wants a cookie, a header or a login first",
    ),
    ReasonRow(
        "too-many-redirects",
        _FAILED,
        "It redirects more often in a row than allowed.",
        "allow more by {set}",
        "limits.redirects",
        "20",
        fits_fetch=True,
    ),
    ReasonRow(
        "body-too-large",
        _FAILED,
        "The body is larger than allowed.",
        "allow more by {set}",
        "limits.body",
        "100MB",
        fits_fetch=True,
    ),
    ReasonRow(
        "private-address",
        _FAILED,
        "The host is, or resolves to, an address that is not public.",
        "allow it by {set}, if the network is yours",
        "network.allow_private",
        "true",
    ),
    ReasonRow(
        "session",
        _FAILED,
        "The Session class raised while one was made, or its connections cannot be observed.",
        "fix the class",
        "session.class",
    ),
    ReasonRow(
        "http-*",
        _FAILED,
        "The server answered with this status.",
        "accept it in the request, or retry it",
        "retry.statuses",
    ),
    ReasonRow(
        "wait-too-long",
        _FAILED,
        "The server asks to wait longer than allowed.",
        "allow more by {set}",
        "retry.max_wait",
        "1h",
    ),
    ReasonRow("spider", _FAILED, "The spider raised.", "scraper runs SITE.yaml --failures --verbose shows where"),
    ReasonRow(
        "too-nested",
        _FAILED,
        "Its elements are nested so deep, and end so wrongly, that reading it would take minutes.",
        "exclude it, or read response.text",
        "scope.exclude",
    ),
    ReasonRow(
        "parse-timeout",
        _FAILED,
        "Its callback ran longer than allowed, in a parser, which was ended.",
        "allow more by {set}",
        "limits.parse",
        "5m",
    ),
    ReasonRow(
        "held",
        _ATTEMPT,
        "The server refused connections: its domain was held until it is back, and no attempt was used.",
        _SERVER,
        "retry.backoff",
    ),
    ReasonRow("logged-out", _ATTEMPT, "The page does not look logged in: the crawl logs in again.", key="login.when"),
    ReasonRow("distrusted", _ATTEMPT, "The server said 304, and contradicted itself.", key="revisit.conditional"),
    ReasonRow("not-a-sitemap", _FAILED, "What it sent is not a sitemap.", "correct its address", "sitemaps"),
    ReasonRow("internal", _FAILED, "An error of scraper itself.", _REPORT),
    ReasonRow(
        "no-pipeline", _FAILED, "No pipeline of the configuration fetches this file.", "add it again", "pipelines"
    ),
    ReasonRow(
        "file-too-large", _FAILED, "A file is larger than its pipeline allows.", "allow more there", "pipelines"
    ),
    ReasonRow("too-many-files", _FAILED, "The items of its page name more than 1,000 files.", "name fewer of them"),
    ReasonRow(
        "file-limit",
        _FAILED,
        "The run has stored as many files as it may.",
        "allow more by {set}",
        "limits.files",
        "10000",
    ),
    ReasonRow(
        "wrong-type", _FAILED, "A file is not of a type that its pipeline takes.", "allow it there", "pipelines"
    ),
    ReasonRow(
        "image-too-small", _FAILED, "An image is smaller than its pipeline takes.", "allow it there", "pipelines"
    ),
    ReasonRow(
        "bound",
        _FAILED,
        "scraper probe made as many requests, or took as long, as it may.",
        "a larger --idle gives it more time",
    ),
    ReasonRow("redirect", _ATTEMPT, "The answer led to another URL, which is a request of its own."),
    ReasonRow("retry", _ATTEMPT, "A callback raised Retry.", "raise it less often, or allow more", "retry.attempts"),
    ReasonRow(
        "duplicate key",
        _DROPPED,
        "The run has an item of this key already.",
        "leave out the pipeline Unique, or choose another key",
        "pipelines",
    ),
    ReasonRow(
        "DropItem", _DROPPED, "A pipeline raised DropItem without saying why; otherwise its words are the reason."
    ),
    ReasonRow(
        "not-html",
        _DROPPED,
        "The page is not HTML, and rules with fields or a callback that takes it for HTML skip it.",
        "match fewer pages by rules, or exclude those by {set}",
        "scope.exclude",
        '["*.pdf"]',
    ),
    *(
        ReasonRow(
            f"not-{kind.lower()}",
            _DROPPED,
            f"The page is not {kind}, and rules whose fields read {kind} skip it.",
            "match fewer pages by rules, or exclude those by {set}",
            "scope.exclude",
            '["*.pdf"]',
        )
        for kind in ("JSON", "XML", "CSV")
    ),
    ReasonRow(
        "other-type",
        _DROPPED,
        "The page is of none of the types that are to be parsed.",
        "add its type by {set}",
        "scope.types",
        "[html, application/pdf]",
    ),
    ReasonRow("first", _OPENED, "The first connection to the origin."),
    ReasonRow("concurrency", _OPENED, "All others were busy.", key="politeness.concurrency"),
    ReasonRow("closed-by-server", _OPENED, "The server ended the one before with its answer."),
    ReasonRow("idle", _OPENED, "The one before was idle for too long.", key="session.idle_expiry"),
    ReasonRow("max-requests", _OPENED, "The one before had carried as many requests as the server allows."),
    ReasonRow("max-age", _OPENED, "The one before was too old.", key="session.max_age"),
    ReasonRow("dropped", _OPENED, "The server closed the one before while it was idle."),
    ReasonRow("stale", _OPENED, "The server had closed the one before when a request was sent into it."),
    ReasonRow("after-error", _OPENED, "The one before ended by an error."),
    ReasonRow("unread-body", _OPENED, "The one before held a body that was not read to its end."),
    ReasonRow(
        "room",
        _OPENED,
        "The one before made room for another origin, or for another domain where files are few.",
        key="session.pool",
    ),
    ReasonRow("new-tls-or-proxy", _OPENED, "The certificate settings or the proxy changed.", key="session.proxies"),
)
#: All reasons by name.
REASONS = {row.name: row for row in _ROWS}


def reason_row(reason: str) -> ReasonRow | None:
    """Return the row of a reason; None where it is in words of the user, as those of dropped items are."""
    if reason.startswith("http-"):
        return REASONS["http-*"]
    return REASONS.get(reason)


def remedy_of(reason: str) -> str:
    """Return what to do about a reason, in words for who writes the YAML; nothing where there is nothing to do."""
    row = reason_row(reason)
    if row is None or not row.remedy:
        return ""
    remedy = row.in_yaml()
    return f"{remedy} ({row.key})" if row.key and row.key not in remedy else remedy


def key_of(reason: str) -> str:
    """Return the key of the YAML that changes a reason; nothing where no key does."""
    row = reason_row(reason)
    return row.key if row is not None else ""


def reference() -> str:
    """Return docs/reasons.md."""
    lines = [
        "# Reasons",
        "",
        "<!-- Made by `python -m scraper.reasons > docs/reasons.md`; a test says when it is out of date. -->",
        "",
        "Each word that the log, the stats and `scraper runs --failures` show as a reason, in one place.",
    ]
    for kind in ReasonKind:
        lines += ["", f"## {kind}", "", "| reason | what it means | what to do | key |", "|---|---|---|---|"]
        for row in _ROWS:
            if row.kind is kind:
                key = f"`{row.key}`" if row.key else ""
                lines.append(f"| `{row.name}` | {row.meaning} | {row.in_yaml()} | {key} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
