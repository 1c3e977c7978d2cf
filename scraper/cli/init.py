"""`scraper init`: make a project that works, of a template or of a site; and the files by which it runs elsewhere."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from scraper.cli import _output
from scraper.cli._options import Sets
from scraper.demo import scaffold
from scraper.errors import UsageError

_KEYS = ("session", "politeness", "user_agent", "limits", "network", "origins", "domains", "pages")
#: As `scaffold.TEMPLATES`; what is wrong is said by the command line.
Template = Literal["spider", "rules", "api", "login", "browser"]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(init)


def init(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The project's folder.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Of its first crawl; by default the folder's.", show_default=False
        ),
    ] = None,
    template: Annotated[
        Template | None,
        typer.Option(
            "--template",
            help="What it begins with: a spider (the default), rules without Python (the default with --url), rules "
            "of an API, a login, a browser.",
            show_default=False,
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="A page of the site: it is looked at once.", show_default=False),
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="A workflow of GitHub Actions that crawls on a schedule.")
    ] = False,
    docker: Annotated[bool, typer.Option("--docker", help="A Dockerfile whose image crawls.")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A service and a timer of systemd.")] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Make a project that works.

    It has a YAML, a README, and what its template needs: of a spider its file and a test. It crawls the demo shop
    until you give it another address, or that of your site at once: with --url the page is looked at once, as
    robots.txt allows, and the YAML begins with what was seen. With --template rules, which is the default then, it
    has rules that were suggested of the page (see scraper suggest); with login the form of the page, with api the
    list in its JSON. A private address that is typed here is allowed.

    --github, --docker and --systemd add files by which the crawl runs on its own; in a project that is there already
    they add nothing else. Nothing is overwritten.

    Keys for --set are those of the YAML under session, politeness, limits, network, pages and origins, and
    user_agent: they hold for the look at the page.

    \b
      scraper init my-shop
      scraper init lamps --url https://shop.example/lamps
      scraper init --github
    """
    is_elsewhere = github or docker or systemd
    if folder is None:
        if not is_elsewhere:
            raise UsageError("a folder is needed for the project", remedy="scraper init my-shop")
        folder = Path()
    if sets and url is None:
        raise UsageError("--set is for the page of --url", remedy="leave it out, or name a page by --url")
    files: list[Path] = []
    there = _crawls_in(folder) if is_elsewhere else []
    if not there or url is not None or template is not None or name is not None:
        if is_elsewhere:
            _refuse_late(folder, name, github=github, docker=docker, systemd=systemd)
        files = _made(folder, name, template or ("rules" if url else "spider"), url, sets)
        there = _crawls_in(folder)
    if is_elsewhere:
        files += _for_elsewhere(folder, there, github=github, docker=docker, systemd=systemd, is_new=bool(files))
    for file in files:
        _output.write(f"{folder / file.relative_to(folder.absolute())}\n")
    _tell_next(folder, files, has_shop=url is None)


def _made(folder: Path, name: str | None, template: str, url: str | None, sets: list[str]) -> list[Path]:
    """Write a new project."""
    name = scaffold.name_of(folder.absolute(), name)
    beginning = None
    if url is not None:
        from scraper.cli._beginning import beginning_of
        from scraper.cli._one_shot import request_of, settings_of

        request_of(url)
        beginning = beginning_of(url, template, name, settings_of("init", sets, _KEYS), _output.say)
    return scaffold.create(folder, name=name, template=template, beginning=beginning)


def _refuse_late(folder: Path, name: str | None, *, github: bool, docker: bool, systemd: bool) -> None:
    """Refuse before the project is written what would be refused after it."""
    from scraper.demo import deploying

    root = folder.absolute()
    paths = deploying.paths_of(scaffold.name_of(root, name), workflow=github, image=docker, units=systemd)
    scaffold.refuse_what_is_there(root, paths)


def _crawls_in(folder: Path) -> list[Path]:
    """Return the YAML files of a project's crawls."""
    return sorted([*folder.glob("config/*.yaml"), *folder.glob("config/*.yml")])


def _for_elsewhere(
    folder: Path, crawls: list[Path], *, github: bool, docker: bool, systemd: bool, is_new: bool
) -> list[Path]:
    """Write the files by which crawls run on their own; a new one gets a schedule, where a timer needs it."""
    from scraper.config import load
    from scraper.demo import deploying

    root = folder.resolve()
    if is_new and systemd:
        with crawls[0].open("a", encoding="utf-8", newline="\n") as file:
            file.write(f'schedule: {{cron: "{deploying.DEFAULT_CRON}", timezone: UTC}} # each day\n')
    loaded = [load(path.resolve()) for path in crawls]
    contents = deploying.of_each(loaded, root, workflow=github, image=docker, units=systemd)
    return scaffold.write(folder.absolute(), contents)


def _tell_next(folder: Path, files: list[Path], *, has_shop: bool) -> None:
    """Say what can be done with what was written."""
    written = [file.relative_to(folder.absolute()).as_posix() for file in files]
    site = next((path for path in written if path.startswith("config/")), None)
    lines = []
    if site is not None:
        lines += [f"cd {_in_shell(folder)}"] if folder != Path() else []
        lines += ["scraper demo --serve          (in another terminal: a shop to crawl)"] if has_shop else []
        lines += [f"scraper check {site}", f"scraper crawl {site}"]
    if any(path.startswith(".github/") for path in written):
        lines += ['git add -A; git commit -m "Crawl on a schedule"; git push']
    lines += ["docker build --tag crawl ." for path in written if path == "Dockerfile"]
    units = [path for path in written if path.startswith("systemd/")]
    if units:
        timer = next(path for path in units if path.endswith(".timer")).removeprefix("systemd/")
        lines += [
            "cp systemd/* ~/.config/systemd/user/; systemctl --user daemon-reload",
            f"systemctl --user enable --now {timer}",
        ]
    _output.say("\nNext:\n" + "\n".join(f"  {line}" for line in lines))


def _in_shell(folder: Path) -> str:
    """Return a folder as the argument of a command."""
    text = str(folder)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)
