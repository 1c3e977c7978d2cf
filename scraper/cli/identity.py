"""`scraper identity …`: the key by which a crawler proves who it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic_core import PydanticCustomError

from scraper.cli import _output
from scraper.config.types.addresses import agent_url
from scraper.errors import UsageError
from scraper.fetch.identity import MEDIA_TYPE, WELL_KNOWN, agent_of, directory_entry, make_key
from scraper.observe.text import plain
from scraper.private_files import PRIVATE, open_file

#: Of a JWK set that is no directory (RFC 7517 section 8.5.2).
_JWK_SET = "application/jwk-set+json"
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
    try:
        agent = agent_url(agent)
    except PydanticCustomError as error:
        raise UsageError(f"--agent: {error.message()}") from None
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
        key.unlink()  # a key that nobody can look up
        raise UsageError(
            f"{directory} cannot be written: {error.strerror or error}", remedy="name another by --directory"
        ) from error
    named, parameters = agent_of(agent)
    place, kind = (named, _JWK_SET) if parameters else (f"{named}{WELL_KNOWN}", MEDIA_TYPE)
    _output.write(
        f"{plain(str(key))} holds the key {entry['kid']}: keep it to yourself\n"
        f"{plain(str(directory))} holds the public part: serve it at\n"
        f"  {plain(place)}\n"
        f"with Content-Type: {kind}\n"
        "and write into the YAML\n"
        f"  identity: {{key: {plain(str(key))}, agent: {plain(named)}, from: bot@…}}\n"
    )


def _keys_of(directory: Path) -> list[Any]:
    """Return the keys that a directory has, if it exists."""
    try:
        keys = json.loads(directory.read_text("utf-8"))["keys"]
    except FileNotFoundError:
        return []
    except OSError as error:
        why = error.strerror or str(error)
    except (ValueError, KeyError, TypeError):
        why = "it has no JSON with a list of keys"
    else:
        if isinstance(keys, list) and all(isinstance(each, dict) for each in keys):
            return keys
        why = "its keys are no list of objects"
    raise UsageError(f"{directory} is not a directory of keys: {why}", remedy="name another by --directory")
