"""Make the TLS settings of connections, and share them: reading a bundle of certificates takes some time."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3.util.ssl_ import create_urllib3_context

#: A client's certificate: a file with its key, or two files.
Cert = str | tuple[str, str] | None


def context_for(verify: bool | str, cert: Cert) -> ssl.SSLContext:
    """Return the settings for what requests calls `verify` and `cert`; shared by all that name the same files.

    Raises:
        OSError: a file is not there.
        ssl.SSLError: it holds no certificates.
    """
    bundle = str(DEFAULT_CA_BUNDLE_PATH) if verify is True else verify or None
    files = (cert,) if isinstance(cert, str) else tuple(cert or ())
    # The words are those of requests.
    wanted = ("a suitable TLS CA certificate bundle", "the TLS certificate file", "the TLS key file")
    for path, what in zip((bundle, *files), wanted, strict=False):
        if path is not None and not Path(path).exists():
            raise OSError(f"Could not find {what}, invalid path: {path}")
    return _shared(bundle, files, tuple(_stamp(path) for path in (bundle, *files)))


def _stamp(path: str | None) -> tuple[int, int] | None:
    """Return what changes with a file, so that another one at the same path is read."""
    if path is None:
        return None
    found = Path(path).stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=16)
def _shared(bundle: str | None, files: tuple[str, ...], stamps: Any) -> ssl.SSLContext:
    # urllib3 makes the context with all that is right for it on this version of Python.
    context = create_urllib3_context(cert_reqs=ssl.CERT_NONE if bundle is None else ssl.CERT_REQUIRED)
    if bundle is not None:
        if Path(bundle).is_dir():
            context.load_verify_locations(capath=bundle)
        else:
            context.load_verify_locations(cafile=bundle)
    if files:
        context.load_cert_chain(*files)
    context.set_alpn_protocols(["http/1.1"])
    # urllib3 asks for no tickets of TLS 1.2, by which sessions are resumed (RFC 5077): it resumes none.
    context.options &= ~ssl.OP_NO_TICKET
    return context
