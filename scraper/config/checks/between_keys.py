"""Rules between keys, which no single key can check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath

from scraper.config.checks.exports import NAME_THE_KEY, check_exports
from scraper.config.checks.names import check_names
from scraper.config.checks.rules import check_rules
from scraper.config.model.domain import DomainSettings
from scraper.config.model.run import RAY
from scraper.config.model.site import SiteConfig
from scraper.config.model.start import STDIN
from scraper.config.secrets import is_secret_header
from scraper.config.store_location import is_url
from scraper.config.types.units import format_duration
from scraper.config.yaml.problems import place, place_of_key, shown_at
from scraper.config.yaml.tree import Node, Path, find, key_text
from scraper.errors import Problem
from scraper.urls import origin_of

#: Headers that say where a request goes and ends (RFC 9112 sections 3.2 and 6): whoever sends it writes them.
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"})

_KIND = ("engine", "kind")
_NO_INPUT = "expected a file of the project, got -: {} do not get what is piped into the crawl"


def check_between_keys(config: SiteConfig, root: Node, project: FilePath) -> list[Problem]:
    """Return every rule between keys that `config` breaks, at the places that `root` knows."""
    site = config.for_domain("")
    problems = [*_concurrency(site, root, ()), *_delays(site, root, ()), *_headers(site, root, ())]
    problems += _names_of_attributes(root, ())
    for domain, settings in config.domains.items():
        prefix = ("domains", domain)
        problems += [*_concurrency(settings, root, prefix), *_delays(settings, root, prefix)]
        problems += _headers(settings, root, prefix)
        problems += _names_of_attributes(root, prefix)
    for origin, secrets in config.origins.items():
        for name in secrets.headers:
            problems += _framing(root, ("origins", origin, "headers", name))
    problems += _start_requests(config, root)
    problems += _identity(config, root)
    problems += check_exports(config, root, project)
    problems += _processes(config, root)
    problems += _gate(config, root)
    problems += check_rules(config, root)
    problems += check_names(config, root)
    return problems


def _concurrency(settings: DomainSettings, root: Node, prefix: Path) -> Iterator[Problem]:
    """No more requests at once than connections that may be open."""
    if settings.politeness.concurrency <= settings.session.pool:
        return
    concurrency, pool = (*prefix, "politeness", "concurrency"), (*prefix, "session", "pool")
    written = [path for path in (concurrency, pool) if find(root, path)[1] == path]
    if not written:
        return  # inherited: said of the site
    yield place(
        root,
        written[0],
        f"expected concurrency to be at most session.pool ({_inherited(root, pool, settings.session.pool)}), "
        f"got {_inherited(root, concurrency, settings.politeness.concurrency)}: raise session.pool or lower "
        "politeness.concurrency",
    )


def _identity(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """A signature says where its key is, and an address without a key proves nothing."""
    said = config.identity
    for name, value, other, missing in (
        ("key", said.key, "agent", said.agent),
        ("agent", said.agent, "key", said.key),
    ):
        if value is not None and missing is None:
            text = (
                f"expected {other} beside it: `scraper identity init` makes the key, and says what to publish where"
            )
            yield place_of_key(root, ("identity", name), text)


def _delays(settings: DomainSettings, root: Node, prefix: Path) -> Iterator[Problem]:
    """Between the shortest and the longest delay there is room for one."""
    politeness = settings.politeness
    if not politeness.is_adaptive or politeness.min_delay <= politeness.max_delay:
        return
    paths = [(*prefix, "politeness", name) for name in ("min_delay", "max_delay")]
    written = [path for path in paths if find(root, path)[1] == path]
    if written:
        yield place(
            root,
            written[0],
            f"expected min_delay to be at most max_delay ({format_duration(politeness.max_delay)}), got "
            f"{format_duration(politeness.min_delay)}: lower the one or raise the other",
        )


def _processes(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """Somebody has to crawl."""
    engine = config.engine
    if engine.kind == RAY:
        yield from _ray(config, root)
    elif engine.processes == 0 and _is_given_input(config):
        yield place(root, ("start_urls", "file"), _NO_INPUT.format("workers of other machines"))
    elif engine.processes == 0 and not is_url(config.store):
        text = "expected 1 or more, got 0: only with a store in PostgreSQL do workers of other machines crawl"
        yield place(root, ("engine", "processes"), text)
    elif find(root, _KIND)[1] != _KIND:
        for key in ("address", "workers"):
            if find(root, path := ("engine", key))[1] == path:
                yield place_of_key(root, path, "expected kind: ray beside it, for workers on a Ray cluster")


def _ray(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """Workers on other machines have one store, and know of this machine only what is sent to them."""
    if not is_url(config.store):
        yield place(root, _KIND, "expected local, got ray: its workers share a store in PostgreSQL")
    for key, value, least in (("processes", config.engine.processes, 1), ("parsers", config.engine.parsers, 0)):
        if value == "auto" or value < least:
            text = f"expected {least} or more with kind: ray, which reserves so many cores for each worker"
            yield place(root, ("engine", key), text)
    if _is_given_input(config):
        yield place(root, ("start_urls", "file"), _NO_INPUT.format("workers on Ray"))
    for number, pipeline in enumerate(config.pipelines):
        if pipeline.field is not None and not FilePath(pipeline.folder or "").is_absolute():
            text = "expected an absolute path that all nodes share: Ray removes the project's own there"
            yield place(root, ("pipelines", number, "folder"), text)


def _is_given_input(config: SiteConfig) -> bool:
    return config.start_file is not None and config.start_file.file == STDIN


def _inherited(root: Node, path: Path, value: int) -> str:
    """Return the value at `path` as it was written, for the domain or for the site."""
    for candidate in (path, path[2:]):
        if candidate and find(root, candidate)[1] == candidate:
            return shown_at(root, candidate)
    return str(value)


def _headers(settings: DomainSettings, root: Node, prefix: Path) -> Iterator[Problem]:
    """Secrets stay with their origin, and requests end where they say."""
    named = {name.lower() for name in settings.session.secret_headers}
    for name in settings.session.headers:
        path = (*prefix, "session", "headers", name)
        if find(root, path)[1] != path:
            continue
        yield from _framing(root, path)
        if name.lower() not in named and not is_secret_header(name):
            continue
        yield place_of_key(
            root,
            path,
            "expected headers without secrets: every domain would get this one, so move it to "
            f"origins: {{https://HOST: {{headers: {{{name}: …}}}}}}",
        )


def _start_requests(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """Return what first requests cannot have: secrets, which stay with their origin, and a file beside them."""
    if config.start_requests and config.start_file is not None:
        text = "expected no start_requests beside a file of start URLs: crawl them by a YAML of their own"
        yield place_of_key(root, ("start_requests",), text)
    for number, request in enumerate(config.start_requests):
        for name in request.headers:
            path = ("start_requests", number, "headers", name)
            yield from _framing(root, path)
            if is_secret_header(name):
                yield place_of_key(
                    root,
                    path,
                    f"expected headers without secrets: write origins: {{{origin_of(request.url)}: {{headers: "
                    f"{{{name}: …}}}}}}",
                )


def _framing(root: Node, path: Path) -> Iterator[Problem]:
    """No header at `path` that frames the request."""
    name = str(path[-1])
    if name.lower() in _FRAMING:
        yield place_of_key(
            root,
            path,
            f"expected headers that do not frame the request: {name} is written with each one, so leave it out",
        )


def _names_of_attributes(root: Node, prefix: Path) -> Iterator[Problem]:
    """`class_` is the attribute's name, which pydantic takes as well; the key is `class`."""
    path = (*prefix, "session", "class_")
    if find(root, path)[1] == path:
        yield place_of_key(root, path, f"unknown key: did you mean {key_text(root, (*path[:-1], 'class'))}?")


def _gate(config: SiteConfig, root: Node) -> Iterator[Problem]:
    """Return what is gone can be told of items that have a key."""
    if config.gate.max_gone is not None and not any(item.key for item in config.items.values()):
        yield place(root, ("gate", "max_gone"), f"expected items that have a key: {NAME_THE_KEY}")
