"""A site's configuration, whole: from YAML, `--set` and Python to checked values that say where they came from."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from scraper import hiding
from scraper.config.checks.between_keys import check_between_keys
from scraper.config.checks.rules import spider_or_rules
from scraper.config.keys import split_key
from scraper.config.model.exports import ExportConfig
from scraper.config.model.site import SiteConfig
from scraper.config.secrets import secret_values
from scraper.config.store_location import StoreLocation, is_url, location_of
from scraper.config.walk import leaves, plain_values
from scraper.config.yaml.problems import MOST_PROBLEMS, paths_of, problems_of
from scraper.config.yaml.reader import place_of, read_tree
from scraper.config.yaml.scalars import shorten
from scraper.config.yaml.tree import (
    Listing,
    Node,
    Origin,
    Path,
    Provenance,
    Scalar,
    Table,
    find,
    from_python,
    merged,
    path_text,
    plain,
    put,
)
from scraper.errors import ConfigError, Problem
from scraper.lazy_dataclass import dataclass
from scraper.project import project_root

#: A configuration of more bytes is something else.
LARGEST_FILE = 16 * 1024 * 1024
_INHERITED = ("session", "politeness", "retry", "pages")
_DEFAULT = Provenance(Origin.DEFAULT)


@dataclass(frozen=True)
class Loaded:
    """A configuration and where it came from.

    Attributes:
        config: the final values, defaults filled in.
        root: the project's root, where imports start, and relative paths unless the store says otherwise.
        path: the YAML file; None where the configuration came from Python.
        sources: by key (`session.timeout.read`, `start_urls[0]`), where its value came from.
        secrets: the values that are shown nowhere; whatever process has the configuration hides them.
        is_cached: kept pages are parsed again, and nothing is fetched.
        data_root: where relative paths start: the project's root, unless the store was found where another root
            put it before; None for the root.
    """

    config: SiteConfig
    root: FilePath
    path: FilePath | None
    sources: Mapping[str, Provenance]
    secrets: frozenset[str] = frozenset()
    is_cached: bool = False
    data_root: FilePath | None = None

    def resolve(self, path: str | FilePath) -> FilePath:
        """`path` as an absolute one; relative ones start where the store's does."""
        return (self.data_root or self.root) / path

    @property
    def moved(self) -> str | None:
        """Say that the store lies where another root of the project put it; None where it does not."""
        if self.data_root is None:
            return None
        return (
            f"the store {self.store} is used, and relative paths start at {self.data_root} too: there the crawl "
            f"began, before {self.root} became the project's root; to start again there, move or remove that store"
        )

    @property
    def store(self) -> StoreLocation:
        """Return where the store is."""
        return location_of(self.config.store, self.config.name, self.resolve("."))

    def is_default(self, key: str) -> bool:
        """Tell whether nobody wrote anything at `key` or below it."""
        below = (f"{key}.", f"{key}[")
        found = [source for name, source in self.sources.items() if name == key or name.startswith(below)]
        return all(source.origin is Origin.DEFAULT for source in found)


def load(
    source: FilePath | str | Mapping[str, Any],
    *,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read, merge and check a configuration.

    Args:
        source: the path of a YAML file, or a mapping of the same keys.
        sets: `KEY=VALUE` texts as `--set` takes them, the value in YAML; they win over all else.
        overrides: values from Python laid over `source`; nested mappings merge.
        environ: where `${VAR}` is looked up; the process's environment by default.

    Raises:
        ConfigError: with everything that is wrong, ordered by line.
    """
    environ = os.environ if environ is None else environ
    path = None if isinstance(source, Mapping) else FilePath(os.path.abspath(source))  # noqa: PTH100 (keeps symlinks)
    project = FilePath.cwd() if path is None else project_root(path)
    if isinstance(source, Mapping):
        root: Node | None = from_python(source)
        problems: list[Problem] = []
    else:
        root, problems = _read_file(FilePath(source), environ)
    if overrides and root is not None:
        root = merged(root, from_python(overrides))
    for text in sets:
        root, more = _set(root, text, environ)
        problems += more
    if not isinstance(root, Table):
        raise ConfigError(_in_order(problems))
    problems += spider_or_rules(root)
    config, more = _check(root, project, _default_name(path))
    problems += more
    if config is None or problems:
        raise ConfigError(_in_order(problems))
    config = _with_defaults(config, root)
    data_root = None if path is None else _earlier_root(path, project, config.store)
    sources = _sources(config, root)
    secrets = secret_values(config, sources, environ)
    hiding.remember(secrets)
    return Loaded(config, project, path, sources, frozenset(secrets), data_root=data_root)


def _earlier_root(path: FilePath, project: FilePath, store: str) -> FilePath | None:
    """Return the folder at or above a YAML in which its store lies, where it does not lie in the project's root.

    Another root put it there, before somebody made a folder `spiders` or a pyproject.toml.
    """
    if is_url(store) or os.path.isabs(store) or os.path.isfile(project / store):  # noqa: PTH113, PTH117 (Path may raise)
        return None
    found = (folder for folder in path.parents if os.path.isfile(folder / store))  # noqa: PTH113
    return next(found, None)


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Return the problems by their places, as many as somebody would read."""
    unique = dict.fromkeys(problems)
    found = sorted(unique, key=lambda problem: (problem.line is None, problem.line or 0, problem.column or 0))
    if len(found) > MOST_PROBLEMS:
        more = Problem(found[0].where, None, None, "", "and more: mend these, then check again")
        return [*found[:MOST_PROBLEMS], more]
    return found


# Reading ---------------------------------------------------------------------------------------------


def _read_file(path: FilePath, environ: Mapping[str, str]) -> tuple[Node | None, list[Problem]]:
    """Return the tree of a YAML file whose top is a mapping."""
    where = str(path)
    text, problem = _text_of(path)
    if problem is not None:
        return None, [problem]
    root, problems = read_tree(text, where, environ)
    if root is None or isinstance(root, Table):
        if root is None and not problems:
            problems.append(Problem(where, 1, 1, "", "the file is empty: begin with spider: file.py:Class"))
        return root, problems
    if isinstance(root, Scalar) and root.value is None:
        text = "the file holds no keys: begin with spider: file.py:Class"
    else:
        what = "a list" if isinstance(root, Listing) else "one text"
        text = f"expected a mapping of keys, got {what}: begin with spider: file.py:Class"
    return None, [*problems, root.source.problem("", text)]


def _text_of(path: FilePath) -> tuple[str, Problem | None]:
    """Return the text of a file, or why it cannot be read."""
    where = str(path)
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir() raises where a folder above may not be entered)
        return "", Problem(where, None, None, "", "this is a folder: name the YAML file in it")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        near = _similar_file(path)
        return "", Problem(
            where, None, None, "", f"no such file: {near or 'see the path, or make one by `scraper init`'}"
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return "", Problem(where, None, None, "", f"cannot be read ({reason}): see its permissions")
    if len(data) > LARGEST_FILE:
        return "", Problem(
            where, None, None, "", f"larger than {LARGEST_FILE // 2**20} MiB: this is not a configuration"
        )
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line, column = place_of(before, len(before))
        return "", Problem(
            where, line, column, "", f"the byte 0x{data[error.start]:02x} is not UTF-8: save it as UTF-8"
        )


def _similar_file(path: FilePath) -> str:
    """Return what to say of a file with another suffix, or in the folders where it may be, where there is one."""
    names = [
        path,
        *(
            path.with_suffix(suffix) if path.suffix else path.with_name(path.name + suffix)
            for suffix in (".yaml", ".yml")
        ),
    ]
    folders = [path.parent] if path.is_absolute() else [path.parent, *map(FilePath, ("config", "..", "../config"))]
    for folder in folders:
        for name in names:
            other = folder / name.name
            if other != path and os.path.isfile(other):  # noqa: PTH113 (likewise)
                return f"did you mean {other}?"
    return ""


def _set(root: Node | None, text: str, environ: Mapping[str, str]) -> tuple[Node | None, list[Problem]]:
    """Return the tree with one `KEY=VALUE` laid over it."""
    key, equals, value = text.partition("=")
    key = key.strip()
    where = f"--set {shorten(key)}".rstrip()
    source = Provenance(Origin.SET, where)
    try:
        path = split_key(key)
    except ValueError:
        equals = ""
    if not equals:
        return root, [source.problem("", "expected KEY=VALUE: write it such as --set politeness.delay=0")]
    # What is a comment in a file is a value here, such as the selector #price.
    value = f"'{value.strip()}'" if value.lstrip().startswith("#") and "'" not in value else value
    node, problems = read_tree(value, where, environ, Origin.SET)
    if problems or root is None:
        return root, problems
    try:
        return put(root, path, node or Scalar(None, source), source), []
    except IndexError:
        return root, [source.problem(key, "the list ends before that number: count from 0, or set the whole list")]


# Checking --------------------------------------------------------------------------------------------


def _default_name(path: FilePath | None) -> str:
    stem = re.sub(r"[^\w.\-]+", "-", path.stem if path else "").strip("-._")[:100]
    return stem or "crawl"


def _check(root: Table, project: FilePath, name: str) -> tuple[SiteConfig | None, list[Problem]]:
    """Return the values, and all that is wrong with them: the rules between keys are asked of those that are
    right.
    """
    data = {"name": name, **plain(root)}
    _inherit(data)
    try:
        config = SiteConfig.model_validate(data)
    except ValidationError as error:
        problems = problems_of(error, root)
        for path in paths_of(error):
            _remove(data, path)
        data.setdefault("name", name)
        if "spider" in root.entries:
            data.setdefault("spider", "module:Spider")
        try:
            rest = SiteConfig.model_validate(data)
        except ValidationError:
            return None, problems
        return None, problems + check_between_keys(rest, root, project)
    return config, check_between_keys(config, root, project)


def _inherit(data: dict[str, Any]) -> None:
    """Give each domain what the site says, under what it says itself."""
    domains = data.get("domains")
    if not isinstance(domains, dict):
        return
    for domain, own in domains.items():
        if isinstance(own, dict):
            site = {key: data[key] for key in _INHERITED if isinstance(data.get(key), dict)}
            if "fetcher" in data:
                site["fetcher"] = data["fetcher"]
            domains[domain] = _laid_over(site, own)


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = _laid_over(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _remove(data: dict[str, Any], path: Path) -> None:
    """Take out the value at `path`: a whole list for one of its entries, the section for what it lacks."""
    above: dict[Any, Any] = {}
    last: Any = None
    current: Any = data
    for part in path:
        if not isinstance(current, dict) or part not in current:
            break
        above, last, current = current, part, current[part]
    above.pop(last, None)


def _with_defaults(config: SiteConfig, root: Table) -> SiteConfig:
    """Return the defaults that depend on other values."""
    filled: dict[str, Any] = {}
    if not config.store:
        filled["store"] = f".scraper/{config.name}.db"
    if not config.user_agent:
        filled["user_agent"] = f"persistent-scraper/{version()}"
    if "exports" not in root.entries:
        path = f"out/{config.name}.jsonl"
        filled["exports"] = (ExportConfig(path=path),)
    return config.model_copy(update=filled)


def version() -> str:
    """Return that of this package."""
    try:
        return importlib.metadata.version("persistent-scraper")
    except importlib.metadata.PackageNotFoundError:
        return "0"


# Where it came from ----------------------------------------------------------------------------------


def _sources(config: SiteConfig, root: Node) -> dict[str, Provenance]:
    return {path_text(path): _source(root, path) for path, _ in leaves(plain_values(config))}


def _source(root: Node, path: Path) -> Provenance:
    node, reached = find(root, path)
    if reached == path or (reached and isinstance(node, Scalar)):
        return node.source
    if path[0] == "domains" and len(path) > 2:
        return _source(root, path[2:])
    return _DEFAULT
