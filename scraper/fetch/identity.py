"""Sign requests, so that a site can tell who sends them: HTTP Message Signatures as Web Bot Auth uses them.

Sources: RFC 9421 (signatures), RFC 8037 and RFC 7638 (the key's name), RFC 8941 (how the headers are written), and
draft-ietf-webbotauth-httpsig-protocol, which says what is covered: the authority, and the header that names where the
public key lies.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scraper import urls
from scraper.errors import UsageError
from scraper.optional_dependencies import package

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: Where a directory of keys lies on its origin, and its media type.
WELL_KNOWN = "/.well-known/http-message-signatures-directory"
MEDIA_TYPE = "application/http-message-signatures-directory+json"
#: How long a signature is valid, in seconds: longer than a request takes, and than clocks differ.
VALID_SECONDS = 300
_LABEL = "sig1"
_NONCE_BYTES = 64
_NEEDED_FOR = "identity.key"


class Signer:
    """Signs each head that is sent, for the authority that it is sent to. Thread-safe.

    Args:
        key: an Ed25519 key.
        agent: where its public part is published: an origin with a directory, or the URL of a JWK set.
        clock: seconds since the epoch.
        nonce: gives bytes that are never the same.
    """

    def __init__(
        self,
        key: Ed25519PrivateKey,
        agent: str,
        clock: Callable[[], float] = time.time,
        nonce: Callable[[], bytes] = lambda: os.urandom(_NONCE_BYTES),
        label: str = _LABEL,
    ) -> None:
        self._key = key
        self._agent, parameters = agent_of(agent)
        self._clock, self._nonce, self._label = clock, nonce, label
        self.key_id = thumbprint(public_key_of(key))
        self._member = f"{sf_string(self._agent)}{parameters}"

    def sign(self, request: Any, /) -> None:
        """Put the three headers of a signature into a request, in the place of those of an earlier one."""
        url = str(request.url or "")
        host = request.headers.get("Host") or urls.origin_of(urls.normalize(url) or url).partition("://")[2]
        authority = host.decode("latin-1") if isinstance(host, bytes) else str(host)
        covered = [('"@authority"', authority.lower()), (f'"signature-agent";key="{self._label}"', self._member)]
        created = int(self._clock())
        parameters: dict[str, str | int] = {
            "created": created,
            "keyid": self.key_id,
            "alg": "ed25519",
            "expires": created + VALID_SECONDS,
            "nonce": b64encode(self._nonce()).decode(),
            "tag": "web-bot-auth",
        }
        said = signature_params([name for name, _ in covered], parameters)
        signature = b64encode(self._key.sign(signature_base(covered, said))).decode()
        request.headers["Signature-Agent"] = f"{self._label}={self._member}"
        request.headers["Signature-Input"] = f"{self._label}={said}"
        request.headers["Signature"] = f"{self._label}=:{signature}:"


def agent_of(url: str) -> tuple[str, str]:
    """Return what Signature-Agent names, and its parameters: an origin for a directory, else the URL of a JWK set."""
    origin = urls.origin_of(url)
    path = url[len(origin) :]
    return (origin, "") if path in ("", "/", WELL_KNOWN) else (url, ";type=jwks_uri")


def sf_string(text: str) -> str:
    """Return a String of structured fields (RFC 8941 section 4.1.6)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def signature_params(covered: Sequence[str], parameters: Mapping[str, str | int]) -> str:
    """Return the value of @signature-params (RFC 9421 section 2.3): what is covered, and how it is signed."""
    said = "".join(
        f";{name}={value if isinstance(value, int) else sf_string(value)}" for name, value in parameters.items()
    )
    return f"({' '.join(covered)}){said}"


def signature_base(covered: Sequence[tuple[str, str]], params: str) -> bytes:
    """Return the bytes that are signed (RFC 9421 section 2.5): a line a component, and what is said of them last."""
    lines = [f"{name}: {value}" for name, value in covered]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode("ascii")


def public_key_of(key: Ed25519PrivateKey) -> dict[str, str]:
    """Return the public part of a key as a JWK (RFC 8037 section 2)."""
    raw = key.public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": _base64url(raw)}


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return by what a key is called: the SHA-256 thumbprint of its JWK (RFC 7638, RFC 8037 appendix A.3)."""
    named = {name: jwk[name] for name in ("crv", "kty", "x")}
    text = json.dumps(named, separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(text.encode()).digest())


def directory_entry(key: Ed25519PrivateKey) -> dict[str, str]:
    """Return what a directory says of a key."""
    jwk = public_key_of(key)
    return {**jwk, "kid": thumbprint(jwk), "use": "sig"}


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def make_key() -> tuple[Ed25519PrivateKey, bytes]:
    """Return a new key, and the same as PEM (PKCS #8)."""
    serialization = _serialization()
    made: Ed25519PrivateKey = _ed25519().Ed25519PrivateKey.generate()
    pem: bytes = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made, pem


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return the key that a file holds.

    Raises:
        UsageError: it cannot be read, or holds no Ed25519 key.
    """
    serialization, kind = _serialization(), _ed25519().Ed25519PrivateKey
    try:
        found = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise UsageError(
            f"the key {path} cannot be read: {error.strerror or error}", remedy=f"make one: {_make(path)}"
        ) from error
    except Exception:
        # What the file holds is a secret, so that nothing of it is quoted.
        found = None
    if not isinstance(found, kind):
        raise UsageError(
            f"the key {path} is not an Ed25519 key in PEM, without a password", remedy=f"make one: {_make(path)}"
        )
    key: Ed25519PrivateKey = found
    return key


def _make(path: Path) -> str:
    return f"scraper identity init --key {path}"


def _serialization() -> Any:
    return package("cryptography.hazmat.primitives.serialization", "identity", _NEEDED_FOR)


def _ed25519() -> Any:
    return package("cryptography.hazmat.primitives.asymmetric.ed25519", "identity", _NEEDED_FOR)
