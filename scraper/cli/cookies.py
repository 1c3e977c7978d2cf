"""`scraper cookies`: the cookies that a crawl keeps from run to run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from http.cookiejar import Cookie
from pathlib import Path
from typing import Annotated, Any

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._options import Sets, SiteFile
from scraper.config import Loaded, load
from scraper.errors import ScraperError, UsageError
from scraper.fetch.cookies import LockedJar
from scraper.fetch.cookies_txt import read_cookies, write_cookies
from scraper.observe.text import counted
from scraper.store import Store


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(cookies)


def cookies(
    site: SiteFile,
    domain: Annotated[
        str | None, typer.Option("--domain", metavar="D", help="Only those of this domain, such as example.com.")
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="Show the values, which may be secrets.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="Forget them; the next run logs in again.")] = False,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write them as a Netscape cookie file, for curl and the like."),
    ] = None,
    import_: Annotated[
        Path | None,
        typer.Option("--import", metavar="FILE", help="Add those of a Netscape cookie file, such as a browser's."),
    ] = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """List, clear, export or import the cookies of a crawl.

    They are kept from run to run. Clearing and importing need a crawl that is not at work. A cookie file is as
    secret as the cookies: it is written with mode 0600, for its owner's eyes.

    \b
      scraper cookies config/shop.yaml
      scraper cookies config/shop.yaml --domain example.com --clear
      scraper cookies config/shop.yaml --import cookies.txt
    """
    if sum((clear, export is not None, import_ is not None)) > 1:
        raise UsageError("--clear, --export and --import are done one at a time", remedy="choose one of them")
    loaded = load(site, sets=sets)
    if domain is not None:
        domain = urls.domain_of_host(domain.strip().lower())
    if import_ is not None:
        _import(loaded, import_, domain)
    elif clear:
        _clear(loaded, domain)
    elif export is not None:
        _export(_kept(loaded, domain), export)
    else:
        _list(_kept(loaded, domain), with_values=values)


def _kept(loaded: Loaded, domain: str | None) -> list[Cookie]:
    with Store.open_existing(loaded.store) as store:
        return [cookie for jar in _jars(store, domain).values() for cookie in jar]


def _jars(store: Store, domain: str | None) -> dict[str, LockedJar]:
    """Return the jars of all domains, or of one; without what has expired."""
    jars: dict[str, LockedJar] = {}
    for name, text in store.cookies().items():
        if domain in (None, name):
            jars[name] = LockedJar()
            jars[name].load(text)
    return jars


def _list(found: Iterable[Cookie], *, with_values: bool) -> None:
    heads = ["name", "domain", "path", "expires"] + (["value"] if with_values else [])
    rows = [
        [cookie.name, cookie.domain, cookie.path, _expiry(cookie), *([cookie.value or ""] if with_values else [])]
        for cookie in found
    ]
    if rows:
        _output.write(_output.table(heads, rows, left=len(heads)))
    else:
        _output.say("there are no cookies")


def _expiry(cookie: Cookie) -> str:
    if cookie.expires is None:
        return "with the session"
    # A server may name any number; what no calendar has is far away.
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(cookie.expires, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return "never"


def _clear(loaded: Loaded, domain: str | None) -> None:
    Store.open_existing(loaded.store).close()
    with Store(loaded.store, lock=True) as store:
        jars = _jars(store, domain)
        store.keep_cookies({name: LockedJar().dump() for name in jars})
    _output.say(f"cleared: {counted(sum(_count(jar) for jar in jars.values()), 'cookie')}")


def _count(jar: Iterable[Any]) -> int:
    return sum(1 for _ in jar)


def _export(found: list[Cookie], path: Path) -> None:
    text, left_out = write_cookies(found)
    _write_secret(path, text)
    if left_out:
        _output.say(f"left out: {counted(len(left_out), 'cookie')} that this format cannot say")
    _output.say(f"exported: {counted(len(found) - len(left_out), 'cookie')}")


def _write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on, whatever was there before."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(file, "w", encoding="utf-8", newline="\n") as writing:
                writing.write(text)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ScraperError(f"cannot write {path}: {cause}", remedy="name a file that may be written") from error


def _import(loaded: Loaded, path: Path, domain: str | None) -> None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read {path}: {cause}", remedy="name a Netscape cookie file") from error
    read = read_cookies(text, str(path))
    for problem in read.problems:
        _output.say(f"left out: {problem}")
    now = time.time()
    wanted = [(_domain_of(cookie), cookie) for cookie in read.cookies if not cookie.is_expired(int(now))]
    wanted = [(name, cookie) for name, cookie in wanted if domain in (None, name)]
    with Store(loaded.store, lock=True) as store:
        jars = _jars(store, None)
        for name, cookie in wanted:
            jars.setdefault(name, LockedJar()).set_cookie(cookie)
        changed = {name for name, _ in wanted}
        store.keep_cookies({name: jar.dump() for name, jar in jars.items() if name in changed})
    _output.say(f"imported: {counted(len(wanted), 'cookie')}")


def _domain_of(cookie: Cookie) -> str:
    """Return the domain whose Session gets the cookie."""
    return urls.domain_of_host(cookie.domain.removeprefix(".").removesuffix(".local"))
