"""What is released, as who installs it gets it: wheel and sdist, checked, and installed where nothing else is.

python -m tests.proofs.package [PYTHON …]

Each Python has an environment of its own, with what the package index gives and nothing of this checkout. Without
names those are tried that are there: python3.11 to python3.13, and those of pyenv. Shown are the version, the demo,
the manual page, completion, that what was installed fits together, and that what needs an extra names it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13")
#: What needs each extra: a key of a YAML, or words of the command.
NEEDING = {
    "parquet": "exports: [out.parquet]",
    "excel": "exports: [out.xlsx]",
    "zstd": "exports: [out.jsonl.zst]",
    "postgres": "store: postgresql://nobody@127.0.0.1:1/none",
    "metrics": "metrics: {file: x.prom}",
    "notify": 'notify: [{on: [failed], to: "mailto://nobody@example.org"}]',
    "browser": "fetcher: browser",
    "socks": "proxies: [socks5h://127.0.0.1:1]",
    "s3": "exports: [s3://bucket/out.jsonl]",
    "gcs": "exports: [gs://bucket/out.jsonl]",
    "sftp": "exports: [sftp://host.example/out.jsonl]",
    "fsspec": "exports: [memory://folder/out.jsonl]",
    "images": "pipelines: [{use: 'scraper.pipes:Images', field: image, min_width: 10}]",
    "ray": "engine: {kind: ray}\nstore: postgresql://nobody@127.0.0.1:1/none",
    "article": "rules: [{match: '*', fields: {text: {css: main, type: markdown}}}]",
    "dates": "rules: [{match: '*', fields: {day: {css: p, type: date, language: fr}}}]",
}
#: What needs the other extras: words of the command, or what is asked of a run from Python.
BY_COMMAND = {"ui": ("ui", "."), "identity": ("identity", "init", "--key", "key.pem")}
BY_PYTHON = {"pandas": "to_pandas", "polars": "to_polars", "parquet": "to_arrow"}
SITE = "name: x\nstart_urls: [http://127.0.0.1:9/]\nrules: [{match: '*', fields: {title: h1}}]\n"
RUN = {"name": "run", "start_urls": ["http://127.0.0.1:9/"], "rules": [{"match": "*", "fields": {"title": "h1"}}]}
SECONDS = 600


def main() -> None:
    """Build, check and install; ends the process with 1 and a word where something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pythons", nargs="*", metavar="PYTHON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = built(folder)
        pythons = arguments.pythons or list(found())
        for file in (wheel, sdist):
            print(f"{file.name}: {file.stat().st_size:,} bytes, twine is content")
        missing = [version for version in VERSIONS if not any(version_of(one).startswith(version) for one in pythons)]
        for number, python in enumerate(pythons):
            installed(python, sdist if number == 1 else wheel, folder / f"environment-{number}")
        if missing:
            print(f"not tried, since no such Python is here: {', '.join(missing)}")


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"FAILED: {what}")


def run(*words: str | Path, cwd: Path | None = None, code: int | None = 0, **environment: str) -> str:
    """Return what a command writes to both streams; without a checkout on its path."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    check(
        code is None or done.returncode == code, f"{' '.join(map(str, words))}: exit code {done.returncode}\n{said}"
    )
    return said


def built(folder: Path) -> tuple[Path, Path]:
    """Return wheel and sdist of the checkout, which twine has looked at; a wheel of the sdist is the same."""
    dist = folder / "dist"
    run(sys.executable, "-m", "hatchling", "build", "--directory", dist, cwd=ROOT)
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    with tarfile.open(sdist) as packed:
        packed.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder / "again", cwd=source)
    (again,) = (folder / "again").glob("*.whl")
    check(names(again) == names(wheel), "the wheel of the sdist holds other files than that of the checkout")
    check(any(name.endswith("share/man/man1/scraper.1") for name in names(wheel)), "the wheel has no manual page")
    check(not [name for name in names(wheel) if name.startswith("tests/")], "the wheel has tests in it")
    return wheel, sdist


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as packed:
        return sorted(packed.namelist())


def found() -> Iterator[str]:
    """Return one Python of each version that is here."""
    for version in VERSIONS:
        places = [shutil.which(f"python{version}") or ""]
        places += map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python3")))
        if place := next((place for place in places if place and version_of(place).startswith(version)), None):
            yield place


def version_of(python: str) -> str:
    done = subprocess.run([python, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip().removeprefix("Python ") if done.returncode == 0 else ""


def installed(python: str, package: Path, folder: Path) -> None:
    """Install a package in an empty environment, and look at what is there."""
    run(python, "-m", "venv", folder)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "install", "--quiet", package)
    run(*pip, "check")
    command = folder / "bin" / "scraper"
    work = folder / "work"
    work.mkdir()
    version = run(command, "--version", cwd=work)
    check("0." in version, f"no version: {version}")
    run(command, "init", "shop", cwd=work)
    run(command, "check", "config/shop.yaml", cwd=work / "shop")
    check("finished" in run(command, "demo", cwd=work), "the demo did not finish")
    check((folder / "share/man/man1/scraper.1").is_file(), "no manual page is installed")
    words = {"_SCRAPER_COMPLETE": "complete_bash", "COMP_WORDS": "scraper sugg", "COMP_CWORD": "1"}
    check(run(command, cwd=work, **words).split() == ["suggest"], "the shell completes nothing")
    extras = sorted(set(named_extras(command, work)))
    there = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    check(extras == sorted(there), f"not tried: {', '.join(set(there) - set(extras))}")
    print(f"{python} ({version_of(python)}): {package.name} works; extras named: {', '.join(extras)}")


def named_extras(command: Path, work: Path) -> Iterator[str]:
    """Return the extras for which the command names what installs them, which is all of them."""
    for extra, key in NEEDING.items():
        site = work / f"{extra}.yaml"
        own = SITE if not key.startswith("rules") else SITE.replace(SITE.splitlines()[2] + "\n", "")
        site.write_text(f"{own}network: {{allow_private: true}}\n{key}\n", encoding="utf-8")
        said = run(command, "crawl", site.name, cwd=work, code=None)
        check(f"'persistent-scraper[{extra}]'" in said, f"{key} does not name the extra {extra}:\n{said}")
        yield extra
    for extra, words in BY_COMMAND.items():
        said = run(command, *words, cwd=work, code=None)
        check(f"'persistent-scraper[{extra}]'" in said, f"{' '.join(words)} does not name the extra {extra}:\n{said}")
        yield extra
    for extra, method in BY_PYTHON.items():
        code = f"import scraper\nscraper.crawl({RUN!r}).{method}()\n"
        said = run(command.parent / "python", "-c", code, cwd=work, code=None)
        check(f"'persistent-scraper[{extra}]'" in said, f"{method} does not name the extra {extra}:\n{said}")
        yield extra


if __name__ == "__main__":
    main()
