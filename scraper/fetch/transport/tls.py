"""Share TLS settings between connections: to read a bundle of certificates takes tens of milliseconds."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from scraper.fetch.transport.cooperative_sockets import TlsSocket


class SharedContext(ssl.SSLContext):
    """A context that many connections use at once: what one of them sets again the same way is left as it is.

    urllib3 sets all before each handshake, which would read the bundle again, and change what the handshake of
    another thread is reading.
    """

    sslsocket_class = TlsSocket

    _certificates: set[tuple[Any, ...]]
    _protocols: tuple[str, ...] | None

    def load_verify_locations(self, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        if (cafile, capath, cadata) not in self._certificates:
            super().load_verify_locations(cafile, capath, cadata)
            self._certificates.add((cafile, capath, cadata))

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        if tuple(alpn_protocols) != self._protocols:
            self._protocols = tuple(alpn_protocols)
            super().set_alpn_protocols(self._protocols)


def context_for(connection: Any) -> ssl.SSLContext | None:
    """Return the context that a connection of urllib3 shares with those of equal settings.

    None where it is to make one of its own, as it does with a client certificate.
    """
    if connection.ssl_context is not None:
        return connection.ssl_context  # type: ignore[no-any-return]
    its_own = (
        connection.cert_file,
        connection.key_file,
        connection.ca_cert_data,
        connection.ssl_version,
        connection.ssl_minimum_version,
        connection.ssl_maximum_version,
        connection.assert_hostname,
        connection.assert_fingerprint,
    )
    bundle, folder = connection.ca_certs, connection.ca_cert_dir
    verify = resolve_cert_reqs(connection.cert_reqs)
    if any(value is not None for value in its_own) or (verify is not ssl.CERT_NONE and not (bundle or folder)):
        return None
    return _shared(verify, bundle, folder, _stamp(bundle or folder))


def _stamp(path: str | None) -> tuple[int, int] | None:
    """Return what changes with a file, so that another bundle at the same path is read."""
    try:
        found = Path(path).stat() if path else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size) if found is not None else None


@lru_cache(maxsize=16)
def _shared(verify: ssl.VerifyMode, bundle: str | None, folder: str | None, stamp: Any) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=verify)
    # urllib3 makes the context with all that is right for it; only how it is changed from here on is ours.
    context.__class__ = SharedContext
    shared: Any = context
    shared._certificates, shared._protocols = set(), None
    return context
