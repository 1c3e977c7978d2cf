"""`scraper check`: read a YAML file and show what holds."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Annotated

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._options import Sets, SiteFile
from scraper.components import Components
from scraper.config import Loaded, SiteConfig, effective_text, load
from scraper.config.model.exports import STDOUT
from scraper.config.types.addresses import AUTO
from scraper.engine.frontier.blocking import why_blocks
from scraper.exports import Surroundings, open_export
from scraper.observe.text import counted, plain


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(check)


def check(
    site: SiteFile,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
    no_defaults: Annotated[
        bool, typer.Option("--no-defaults", help="Leave out the values that nobody wrote.")
    ] = False,
) -> None:
    """Read a crawl's YAML and show what holds.

    Each value comes with where it came from. What the YAML names is imported; nothing is fetched or written. Secrets
    are shown as ***. Domains whose requests threads have to send, since something of yours may block, are named.
    What is wrong is said with file, line and column, all of it at once, and the exit code is 2.

    \b
      scraper check config/books.yaml
      scraper check config/books.yaml --no-defaults --set politeness.delay=0
    """
    loaded = load(site, sets=sets)
    _output.write(effective_text(loaded, defaults=not no_defaults))
    notes = _import_all(loaded)
    config = loaded.config
    parts = [
        *([f"spider {config.spider}"] if config.spider is not None else []),
        *([counted(len(config.rules), "rule")] if config.rules else []),
        counted(len(config.start_list), "start URL")
        if config.start_file is None
        else f"start URLs of {config.start_file.file}",
        counted(len(config.pipelines), "pipeline"),
        counted(len(config.exports), "export"),
    ]
    if is_anonymous(config):
        _output.say(
            "nobody can be reached: name a URL or a mail address in user_agent, such as "
            "acme-research/1.0 (+https://acme.example/bot), or set identity.from"
        )
    settings = [config.for_domain(""), *config.domains.values()]
    if not loaded.is_default("politeness.min_delay") and not any(each.politeness.is_adaptive for each in settings):
        _output.say("politeness.min_delay is not looked at: it bounds delay: auto, and the delay is fixed")
    for line in (*notes, *([loaded.moved] if loaded.moved else []), *_places(loaded)):
        _output.say(line)
    for domain, why in _served_by_threads(config):
        _output.say(f"threads send what is for {domain}, {config.engine.threads} at once at most: {why}")
    _output.say(f"ok: {config.name}, {', '.join(parts)}")


def is_anonymous(config: SiteConfig) -> bool:
    """Tell whether the crawler names no way to reach whoever runs it, in User-Agent or From."""
    has_contact = re.search(r"https?://|\bwww\.|\S@\S+\.\S", config.user_agent) is not None
    return not has_contact and config.identity.from_ is None and "from" not in map(str.lower, config.session.headers)


def _places(loaded: Loaded) -> Iterator[str]:
    """Tell where the store and the exports lie, as absolute paths."""
    yield f"store: {plain(str(loaded.store))}"
    for export in loaded.config.exports:
        if not export.is_remote and export.path != STDOUT:
            yield f"export: {plain(str(loaded.resolve(export.path)))}"


def _served_by_threads(config: SiteConfig) -> Iterator[tuple[str, str]]:
    """Give the domains that the YAML names and the fetch loop cannot serve, each with the reason."""
    named = [*config.start_list, *config.origins, *(url for url in config.sitemaps if url != AUTO)]
    hosts = [*map(urls.host_of, named), *(config.allowed_domains or ()), *config.domains]
    for domain in dict.fromkeys(urls.domain_of_host(host) for host in hosts if host):
        if why := why_blocks(config, config.for_domain(domain), domain):
            yield domain, why


def _import_all(loaded: Loaded) -> list[str]:
    components = Components(loaded)
    components.require_fetcher()
    for export in loaded.config.exports:
        open_export(export, Surroundings(loaded.resolve, loaded.store.path, io.BytesIO()))
    return components.notes
