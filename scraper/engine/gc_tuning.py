"""How often a process of its own looks for garbage."""

from __future__ import annotations

import gc

#: Objects that are made, less those that are gone, until the youngest are looked through; Python's default is 700.
_YOUNGEST = 10_000


def look_less() -> None:
    """To be called when all is imported, by the processes of the command alone.

    What was imported stays to the end and is not looked through again. A page makes some thousands of objects, nearly
    all of which are gone when it is done, so that looking for cycles every 700 finds nothing, again and again.
    """
    gc.freeze()
    gc.set_threshold(_YOUNGEST)
