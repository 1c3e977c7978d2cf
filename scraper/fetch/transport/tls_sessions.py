"""The TLS sessions that servers offered, so that the next handshake takes one up instead of proving all again.

A session belongs to one domain's connections and to one way to an origin, with its settings of trust, its certificate
and its proxy: none is used with others. They are kept in memory only, and only so many.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import ssl
import threading
from collections import OrderedDict, deque
from typing import NamedTuple

#: Domains of which they are kept; one takes some 7 kB.
_MOST_OWNERS = 4_096
#: Ways of a domain, and sessions of each: one is used once (RFC 8446 appendix C.4).
_MOST_ROUTES = 8
_MOST_OF_ROUTE = 4

_numbers = itertools.count()


class _Offered(NamedTuple):
    context: ssl.SSLContext
    session: ssl.SSLSession
    #: It is used for one handshake only, so that nobody can tell from it that two are the same client's.
    once: bool


class _Kept:
    """The sessions of all domains. Safe under threads."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again, as in a forked process: a session is not for two."""
        self.lock = threading.Lock()
        #: By owner, the one that was used last at the end; then by way.
        self.by_owner: OrderedDict[int, OrderedDict[str, deque[_Offered]]] = OrderedDict()


_kept = _Kept()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_kept.reset)


class TlsSessions:
    """Those of one domain."""

    __slots__ = ("_owner",)

    def __init__(self) -> None:
        self._owner = next(_numbers)

    def keep(self, route: str, sock: ssl.SSLSocket) -> bool:
        """Keep the session that a server offered on this connection; return whether it has offered one."""
        session, once = sock.session, sock.version() == "TLSv1.3"
        if session is None or not (session.has_ticket or (session.id and not once)):
            return False
        with _kept.lock:
            routes = _kept.by_owner.setdefault(self._owner, OrderedDict())
            _kept.by_owner.move_to_end(self._owner)
            if len(_kept.by_owner) > _MOST_OWNERS:
                _kept.by_owner.popitem(last=False)
            offered = routes.setdefault(route, deque(maxlen=_MOST_OF_ROUTE if once else 1))
            routes.move_to_end(route)
            if len(routes) > _MOST_ROUTES:
                routes.popitem(last=False)
            offered.append(_Offered(sock.context, session, once))
        return True

    def take(self, route: str, context: ssl.SSLContext) -> ssl.SSLSession | None:
        """Return the latest session for this way and these settings of TLS, if there is one."""
        with _kept.lock:
            routes = _kept.by_owner.get(self._owner)
            offered = routes.get(route) if routes is not None else None
            while offered:
                found = offered[-1]
                if found.once or found.context is not context:
                    offered.pop()
                if found.context is context:
                    return found.session
        return None

    def forget(self, route: str) -> None:
        """Use none of this way any more: a handshake that took one up failed."""
        with _kept.lock, contextlib.suppress(KeyError):
            del _kept.by_owner[self._owner][route]

    def forget_all(self) -> None:
        """The domain is closed."""
        with _kept.lock:
            _kept.by_owner.pop(self._owner, None)
