"""What is done around the command's imports: they are most of what a short command costs."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

#: A variable of pydantic's.
_PLUGINS = "PYDANTIC_DISABLE_PLUGINS"


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage meanwhile: what an import makes stays, and looking takes a tenth of its time.

    It is not looked through afterwards either: the first look would go through all of it, which takes as long.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def without_plugins() -> Iterator[None]:
    """Let pydantic look for no plugins meanwhile, in all that is installed: our configuration needs none.

    Those that a user has see the user's models all the same. To be used while there is one thread.
    """
    before = os.environ.get(_PLUGINS)
    os.environ[_PLUGINS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PLUGINS]
        else:
            os.environ[_PLUGINS] = before
