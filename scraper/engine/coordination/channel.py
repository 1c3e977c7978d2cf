"""The line between a coordinator and the process of a shard: values over two pipes, which end with either process."""

from __future__ import annotations

import contextlib
import pickle
import select
import struct
import threading
from collections.abc import Callable
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


class Channel:
    """One end of the line.

    What is read was pickled by the other process, which is the reader's own child or parent: nobody else can write
    into the pipes.
    """

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: Any) -> bool:
        """From any thread; waits while the other end does not read.

        Returns whether it could be handed over: the other end may be gone.
        """
        data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._writer.write(_LENGTH.pack(len(data)) + data)
            self._writer.flush()
            return True
        return False

    def send_all(self, next_message: Callable[[], Any]) -> None:
        """Send one message after the other until there is None, then let the other end know that these were all."""
        while (message := next_message()) is not None:
            self.send(message)
        with contextlib.suppress(OSError, ValueError):
            self._writer.close()

    def receive_all(self, take: Callable[[Any], None]) -> None:
        """Take messages until the other end is gone."""
        with self._reader, contextlib.suppress(OSError, ValueError):
            while (head := self._reader.read(_LENGTH.size)) and len(head) == _LENGTH.size:
                (length,) = _LENGTH.unpack(head)
                data = self._reader.read(length)
                if len(data) < length:
                    return
                take(pickle.loads(data))  # noqa: S301 (see above)

    def has_unread(self) -> bool:
        """Tell whether the other end said something that was not taken yet, or its end; False where nobody knows."""
        poll = getattr(select, "poll", None)
        if poll is None:
            return False
        with contextlib.suppress(OSError, ValueError):
            looking = poll()
            looking.register(self._reader, select.POLLIN)
            return bool(looking.poll(0))
        return False
