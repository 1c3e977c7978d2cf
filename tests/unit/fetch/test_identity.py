"""Signatures against the vectors of RFC 9421, RFC 8037 and of the Web Bot Auth draft, and another package's eyes."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Mapping
from typing import Any

import pytest
import requests

from scraper.fetch.identity import (
    VALID_SECONDS,
    Signer,
    agent_of,
    directory_entry,
    public_key_of,
    read_key,
    sf_string,
    signature_base,
    signature_params,
    thumbprint,
)

ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
signatures = pytest.importorskip("http_message_signatures")

#: RFC 9421, appendix B.1.4: test-key-ed25519.
SECRET = "n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU"
PUBLIC = "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"
PEM = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
AGENT = "https://acme.example"


def bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes_of(SECRET))


NOW = int(time.time())


def signed(url: str, agent: str = AGENT) -> Mapping[str, str]:
    request = requests.Request("GET", url).prepare()
    Signer(KEY, agent, clock=lambda: NOW).sign(request)
    return request.headers


def test_the_key_of_the_rfc(tmp_path: Any):
    assert public_key_of(KEY)["x"] == PUBLIC
    path = tmp_path / "key.pem"
    path.write_text(PEM)
    assert public_key_of(read_key(path))["x"] == PUBLIC


def test_thumbprints():
    # RFC 8037, appendix A.3.
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert thumbprint({"kty": "OKP", "crv": "Ed25519", "x": x}) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    # The draft's keyid.
    assert thumbprint(public_key_of(KEY)) == "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"
    assert directory_entry(KEY)["kid"] == thumbprint(public_key_of(KEY))
    assert set(directory_entry(KEY)) == {"kty", "crv", "x", "kid", "use"}


def test_the_signature_of_the_rfc():
    """RFC 9421, appendix B.2.6: deterministic, so that the bytes have to be the same."""
    covered = [
        ('"date"', "Tue, 20 Apr 2021 02:07:55 GMT"),
        ('"@method"', "POST"),
        ('"@path"', "/foo"),
        ('"@authority"', "example.com"),
        ('"content-type"', "application/json"),
        ('"content-length"', "18"),
    ]
    params = signature_params([name for name, _ in covered], {"created": 1618884473, "keyid": "test-key-ed25519"})
    assert params.endswith(');created=1618884473;keyid="test-key-ed25519"')
    signature = KEY.sign(signature_base(covered, params))
    expected = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    assert b64encode(signature).decode() == expected


def test_the_signature_of_the_draft(monkeypatch: pytest.MonkeyPatch):
    """Its appendix of test vectors, for Ed25519, with a Signature-Agent."""
    nonce = "n9p433xm+NJ3ph3upfBIGmsuwHw387YV7Q/F+6BSpGCVjYCqQw6rznNA8PVVLySrAWsv0hQtFioQb6E1YsauiA=="
    covered = [('"@authority"', "example.com"), ('"signature-agent";key="agent2"', '"https://signature-agent.test"')]
    params = signature_params(
        [name for name, _ in covered],
        {
            "created": 1735689600,
            "keyid": "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U",
            "alg": "ed25519",
            "expires": 4889289600,
            "nonce": nonce,
            "tag": "web-bot-auth",
        },
    )
    signature = b64encode(KEY.sign(signature_base(covered, params))).decode()
    assert signature == "RdNFx5Bj6au3YgAMQL/RzmUlZE8QZLIaXGRpw985hWnwPfMxT228NMk6ehRS1PSl4e8PhbNZACSanGdhEwYCCg=="
    # The same by the Signer itself, whose label and whose member's key are one, as the draft asks.
    monkeypatch.setattr("scraper.fetch.identity.VALID_SECONDS", 4889289600 - 1735689600)
    signer = Signer(KEY, "https://signature-agent.test", lambda: 1735689600, lambda: b64decode(nonce), label="agent2")
    request = requests.Request("GET", "https://example.com/path/to/resource").prepare()
    signer.sign(request)
    assert request.headers["Signature-Agent"] == 'agent2="https://signature-agent.test"'
    assert request.headers["Signature-Input"] == f"agent2={params}"
    assert request.headers["Signature"] == f"agent2=:{signature}:"


class Resolver(signatures.HTTPSignatureKeyResolver):  # type: ignore[name-defined,misc]
    def resolve_public_key(self, key_id: str) -> Any:
        assert key_id == thumbprint(public_key_of(KEY))
        return KEY.public_key()

    def resolve_private_key(self, key_id: str) -> Any:
        raise NotImplementedError


def verified(url: str, headers: Mapping[str, str]) -> Any:
    """What another package makes of a request as a server has it."""
    request = requests.Request("GET", url, headers=dict(headers)).prepare()
    verifier = signatures.HTTPMessageVerifier(
        signature_algorithm=signatures.algorithms.ED25519, key_resolver=Resolver()
    )
    (result,) = verifier.verify(request)
    return result


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://example.com/a?b", "example.com"),
        ("http://EXAMPLE.com:80/", "example.com"),
        ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
    ],
)
def test_another_package_accepts_it(url: str, authority: str):
    headers = signed(url)
    result = verified(url, headers)
    assert result.parameters["tag"] == "web-bot-auth"
    assert (result.parameters["created"], result.parameters["expires"]) == (NOW, NOW + VALID_SECONDS)
    assert result.covered_components['"@authority"'] == authority
    assert result.covered_components['"signature-agent";key="sig1"'] == f'"{AGENT}"'


def test_it_is_for_its_authority_alone():
    headers = signed("https://example.com/")
    with pytest.raises(signatures.InvalidSignature):
        verified("https://example.org/", headers)
    changed = dict(headers) | {"Signature-Agent": 'sig1="https://evil.example"'}
    with pytest.raises(signatures.InvalidSignature):
        verified("https://example.com/", changed)


def test_each_is_new():
    request = requests.Request("GET", "https://example.com/").prepare()
    signer = Signer(KEY, AGENT)
    seen = set()
    for _ in range(3):
        signer.sign(request)
        seen.add(request.headers["Signature"])
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("agent", "named", "parameters"),
    [
        ("https://acme.example/", "https://acme.example", ""),
        ("https://acme.example/.well-known/http-message-signatures-directory", "https://acme.example", ""),
        ("https://acme.example/bots/keys.json", "https://acme.example/bots/keys.json", ";type=jwks_uri"),
    ],
)
def test_where_the_key_lies(agent: str, named: str, parameters: str):
    assert agent_of(agent) == (named, parameters)
    headers = signed("https://example.com/", agent)
    assert headers["Signature-Agent"] == f'sig1="{named}"{parameters}'
    assert verified("https://example.com/", headers)


def test_strings_of_structured_fields():
    assert sf_string('a"b\\c') == '"a\\"b\\\\c"'
