"""A project's root, and the Python objects that its YAML names."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import importlib
import importlib.util
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from scraper.errors import UsageError

#: By module name, the file that was imported and its state then: modification time (ns) and size.
_imported: dict[str, tuple[Path, tuple[int, int]]] = {}
#: The root that was put first on the path of imports, if any.
_roots: list[str] = []
_lock = threading.RLock()
#: The file that each thread is importing, as `file`.
_thread = threading.local()
#: The name of this package.
_OURS = __name__.partition(".")[0]


def project_root(yaml_path: Path) -> Path:
    """Return the nearest folder at or above a YAML file with `spiders/` or pyproject.toml in it, else its own."""
    own = Path(os.path.abspath(yaml_path)).parent  # noqa: PTH100 (resolve() would leave by a symlink)
    for folder in (own, *own.parents):
        # os.path answers where pathlib raises: for a folder above that may not be entered.
        if os.path.isdir(folder / "spiders") or os.path.isfile(folder / "pyproject.toml"):  # noqa: PTH112, PTH113
            return folder
    return own


def load_object(reference: str, root: Path) -> Any:
    """Return the object that `file.py:Name`, `package.module:Name` or `package.module.Name` names.

    A file below the root is the module of its path: `spiders/books.py:Books` and `spiders.books:clean` are of
    one module. A file that changed is imported again, and a module of the same name from another project makes
    room.

    Args:
        reference: the file or module, a colon, and the name in it (dots reach into classes).
        root: the project's root, where relative files and modules start.

    Raises:
        UsageError: there is no such file, module or name, or importing it fails.
    """
    target, _, name = reference.rpartition(":" if ":" in reference else ".")
    if not (target.strip(".") and name):
        raise UsageError(f"{reference!r} names no object", remedy="write file.py:Name or package.module:Name")
    root = Path(os.path.abspath(root))  # noqa: PTH100
    with _lock:
        if target.endswith(".py"):
            module = _module_of_file(target, root, reference)
        else:
            module = _module_of_name(target, root, reference)
    found: Any = module
    hiding = root / f"{_OURS}.py"
    if target.partition(".")[0] == _OURS and not hasattr(module, name.partition(".")[0]) and hiding.is_file():
        raise UsageError(
            f"{reference}: {hiding} has the name of this package, which is what Python imports",
            remedy=f"rename it, and write spider: NEW_NAME.py:{name}",
        )
    for part in name.split("."):
        if not hasattr(found, part):
            raise _no_such_name(part, found, target)
        found = getattr(found, part)
    return found


def refuse_in_import() -> None:
    """Raise where this thread imports a file that a configuration names: what crawls then does so in each import.

    Raises:
        UsageError: it does.
    """
    if file := getattr(_thread, "file", None):
        raise UsageError(
            f"crawl() is called while {file.name} is imported for its classes",
            remedy='put the call below `if __name__ == "__main__":`',
        )


@contextlib.contextmanager
def _importing(file: Path | None) -> Iterator[None]:
    before = getattr(_thread, "file", None)
    _thread.file = file
    try:
        yield
    finally:
        _thread.file = before


def _no_such_name(name: str, where: Any, target: str) -> UsageError:
    public = [other for other in dir(where) if not other.startswith("_")]
    if name[:1].isupper() and isinstance(where, ModuleType):
        # Who looks for a class is not helped by a function.
        public = [other for other in public if isinstance(getattr(where, other), type)]
    own = [other for other in public if getattr(getattr(where, other), "__module__", None) == _name_of(where)]
    near = difflib.get_close_matches(name, public, n=1) or sorted(own)
    remedy = f"did you mean {' or '.join(near[:3])}?" if near else f"define {name} there"
    return UsageError(f"{target} has no {name}", remedy=remedy)


def _name_of(where: Any) -> str | None:
    return where.__name__ if isinstance(where, ModuleType) else getattr(where, "__module__", None)


def _module_of_file(target: str, root: Path, reference: str) -> ModuleType:
    file = Path(os.path.abspath(root / target))  # noqa: PTH100
    if not file.is_file():
        raise UsageError(f"{reference}: no such file: {file}", remedy=_similar_file(file, root))
    inside = file.relative_to(root).with_suffix("").parts if file.is_relative_to(root) else ()
    if inside and all(part.isidentifier() for part in inside) and not _is_taken(inside[0]):
        return _import(".".join(inside), root, reference, file)
    return _import_alone(file, reference)


def _module_of_name(name: str, root: Path, reference: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{reference}: {name} is not a module", remedy="write file.py:Name or package.module:Name")
    stem = root.joinpath(*name.split("."))
    files = [file for file in (stem / "__init__.py", stem.with_name(f"{stem.name}.py")) if file.is_file()]
    return _import(name, root, reference, files[0] if files else None)


def _similar_file(file: Path, root: Path) -> str:
    beside = [str(other.relative_to(root)) for other in file.parent.glob("*.py") if other.is_relative_to(root)]
    written = str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
    slashed = written.replace("\\", "/")
    if slashed != written and (root / slashed).is_file():
        return f"write it with /: {slashed}"
    near = difflib.get_close_matches(written, beside, n=1)
    if near:
        return f"did you mean {PurePath(near[0]).as_posix()}?"
    return f"relative paths start at the project's root, {root}"


# Importing -------------------------------------------------------------------------------------------


def _import(name: str, root: Path, reference: str, file: Path | None) -> ModuleType:
    """Import a module with `root` first on the path."""
    _put_first(root)
    if file is not None:
        _evict_foreign(name.partition(".")[0], root)
        if name in sys.modules and _has_changed(name, file):
            _forget(name, file)
    is_new = name not in sys.modules
    importlib.invalidate_caches()
    try:
        with _importing(file):
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise _import_failed(error, name, reference, root) from error
    if file is not None and is_new:
        _imported[name] = file, _state(file)
    return module


def _import_alone(file: Path, reference: str) -> ModuleType:
    """Import a file that no module name leads to, under a name made from its path."""
    digest = hashlib.blake2b(str(file).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    name = f"_scraper_file_{digest}"
    known = sys.modules.get(name)
    if known is not None and not _has_changed(name, file):
        return known
    _forget(name, file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{reference}: {file} cannot be imported", remedy="name a Python file, file.py:Name")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses and pickle look their module up here
    try:
        with _importing(file):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_failed(error, name, reference, file.parent) from error
    _imported[name] = file, _state(file)
    return module


def _put_first(root: Path) -> None:
    """Make `root` the first place of imports, instead of the root that was put there before."""
    entry = str(root)
    if sys.path[:1] == [entry]:
        return
    if _roots and _roots[-1] in sys.path:
        sys.path.remove(_roots.pop())
    sys.path.insert(0, entry)
    _roots.append(entry)


def _is_taken(top: str) -> bool:
    """Tell whether a top-level name belongs to Python, to us, or to an installed package that is in use."""
    if top in sys.stdlib_module_names or top == _OURS:
        return True
    module = sys.modules.get(top)
    installed = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return module is not None and any(
        _is_below(place, Path(folder)) for place in _places(module) for folder in installed
    )


def _evict_foreign(top: str, root: Path) -> None:
    """Forget a top-level module, with all in it, of which a part was imported from elsewhere than `root`."""
    names = [name for name in sys.modules if name == top or name.startswith(f"{top}.")]
    if _is_taken(top) or all(_is_below(place, root) for name in names for place in _places(sys.modules[name])):
        return
    for name in names:
        del sys.modules[name]
        _imported.pop(name, None)


def _is_below(place: str, folder: Path) -> bool:
    return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(folder))


def _places(module: ModuleType) -> list[str]:
    """Return the file of a module, or the first folder of a package without one, as imports find it first."""
    file = getattr(module, "__file__", None)
    return [file] if file else list(getattr(module, "__path__", []))[:1]


def _forget(name: str, file: Path) -> None:
    """Let a module be imported again, also where its file changed within the second that bytecode is dated by."""
    sys.modules.pop(name, None)
    _imported.pop(name, None)
    with contextlib.suppress(OSError, NotImplementedError):
        Path(importlib.util.cache_from_source(str(file))).unlink()


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_mtime_ns, status.st_size


def _has_changed(name: str, file: Path) -> bool:
    """Tell whether a file is another than when it was imported by us; what others imported counts as unchanged."""
    seen = _imported.get(name)
    if seen is None:
        _imported[name] = file, _state(file)
        return False
    return seen != (file, _state(file))


def _import_failed(error: BaseException, name: str, reference: str, root: Path) -> UsageError:
    """Say why a module could not be imported, in one sentence that names the place to fix."""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{_relative(error.filename, root)}:{error.lineno or 1}"
        return UsageError(f"{reference}: {place}: {error.msg}", remedy="fix that line")
    if (
        isinstance(error, ModuleNotFoundError)
        and error.name
        and (name == error.name or name.startswith(f"{error.name}."))
    ):
        return UsageError(
            f"{reference}: there is no module {error.name}",
            remedy=f"modules start at the project's root, {root}, or are installed",
        )
    from scraper.scrapy_names import answer_to

    remedy = answer_to(error) or "importing it must work before it can be used"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    own = [frame for frame in frames if _is_below(frame.filename, root)] or frames
    place = f"{_relative(own[-1].filename, root)}:{own[-1].lineno}: " if own else ""
    said = traceback.format_exception_only(error)[-1].strip()
    return UsageError(f"{reference}: {place}{said}", remedy=remedy)


def _relative(filename: str, root: Path) -> str:
    file = Path(filename)
    return str(file.relative_to(root)) if file.is_relative_to(root) else filename
