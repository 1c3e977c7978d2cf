"""`scraper identity …`: the key by which a crawler proves who it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from scraper.cli import _output
from scraper.errors import UsageError
from scraper.fetch.identity import MEDIA_TYPE, WELL_KNOWN, agent_of, directory_entry, make_key
from scraper.observe.text import plain
from scraper.private_files import PRIVATE, open_file

_ABOUT = """Sign requests, so that sites can tell who crawls them.

Web Bot Auth: each request bears a signature by a key of yours (HTTP Message Signatures, RFC 9421), and names where
the public key lies. docs/manners.md has the whole of it. Needs the extra scraper[identity].

\b
  scraper identity init --agent https://acme.example
"""


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    group = typer.Typer(name="identity", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)
    group.command()(init)
    app.add_typer(group)


def init(
    agent: Annotated[
        str, typer.Option("--agent", help="The https origin that will serve the public key.", metavar="URL")
    ] = "https://example.com",
    key: Annotated[Path, typer.Option("--key", help="The file for the new key.")] = Path("bot.pem"),
    directory: Annotated[
        Path, typer.Option("--directory", help="The JSON of public keys, to which this one is added.")
    ] = Path("http-message-signatures-directory"),
) -> None:
    """Make a key, and the directory of public keys to publish.

    The key's file is readable by its owner alone, and is never overwritten. A directory that exists keeps its keys,
    so that a new key can be published before the old one is taken away.

    \b
      scraper identity init --agent https://acme.example
      scraper identity init --agent https://acme.example --key next.pem
    """
    keys = _keys_of(directory)
    made, pem = make_key()
    try:
        key.parent.mkdir(parents=True, exist_ok=True)
        with open_file(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE) as file:
            file.write(pem)
    except FileExistsError:
        raise UsageError(f"{key} exists, and a key is never overwritten", remedy="name another by --key") from None
    except OSError as error:
        raise UsageError(
            f"{key} cannot be written: {error.strerror or error}", remedy="name another by --key"
        ) from error
    entry = directory_entry(made)
    try:
        directory.write_text(json.dumps({"keys": [*keys, entry]}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{directory} cannot be written: {error.strerror or error}", remedy="name another by --directory"
        ) from error
    origin, _ = agent_of(agent)
    _output.write(
        f"{plain(str(key))} holds the key {entry['kid']}: keep it to yourself\n"
        f"{plain(str(directory))} holds the public part: serve it at\n"
        f"  {plain(origin)}{WELL_KNOWN}\n"
        f"with Content-Type: {MEDIA_TYPE}\n"
        "and write into the YAML\n"
        f"  identity: {{key: {plain(str(key))}, agent: {plain(origin)}, from: bot@…}}\n"
    )


def _keys_of(directory: Path) -> list[Any]:
    """Return the keys that a directory has, if it exists."""
    try:
        keys = json.loads(directory.read_text("utf-8"))["keys"]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{directory} is not a directory of keys: {error}", remedy="name another by --directory"
        ) from error
    return list(keys)
