"""TLS contexts are shared by connections of equal settings, and by no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme
from urllib3.connection import HTTPSConnection

from scraper.fetch.transport.tls import SharedContext, context_for


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def connection(**keywords: Any) -> HTTPSConnection:
    return HTTPSConnection("a.example", **keywords)


def test_equal_settings_share_one(bundle: Path):
    one, other = (context_for(connection(cert_reqs="CERT_REQUIRED", ca_certs=str(bundle))) for _ in range(2))
    assert isinstance(one, SharedContext)
    assert one is other


def test_verified_and_unverified_do_not(bundle: Path):
    verified = context_for(connection(cert_reqs="CERT_REQUIRED", ca_certs=str(bundle)))
    unverified = context_for(connection(cert_reqs="CERT_NONE"))
    assert verified is not None and unverified is not None
    assert (verified.check_hostname, unverified.check_hostname) == (True, False)


def test_another_bundle_at_the_same_path_is_read(bundle: Path):
    before = context_for(connection(cert_reqs="CERT_REQUIRED", ca_certs=str(bundle)))
    bundle.write_bytes(bundle.read_bytes() + trustme.CA().cert_pem.bytes())
    assert context_for(connection(cert_reqs="CERT_REQUIRED", ca_certs=str(bundle))) is not before


def test_a_bundle_is_loaded_once(bundle: Path):
    context = context_for(connection(cert_reqs="CERT_REQUIRED", ca_certs=str(bundle)))
    assert context is not None
    context.load_verify_locations(str(bundle))
    loaded = context.cert_store_stats()
    bundle.write_text("no certificate at all")
    context.load_verify_locations(str(bundle), None, None)
    assert context.cert_store_stats() == loaded == {"x509": 1, "crl": 0, "x509_ca": 1}


@pytest.mark.parametrize(
    "settings",
    [
        {"cert_file": "client.pem"},
        {"assert_hostname": False},
        {"assert_fingerprint": "aa"},
        {"ssl_minimum_version": 771},
        {"ca_cert_data": "x"},
        {"ca_certs": None},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_other_settings_have_their_own(bundle: Path, settings: dict[str, Any]):
    given = {"cert_reqs": "CERT_REQUIRED", "ca_certs": str(bundle), **settings}
    assert context_for(connection(**given)) is None


def test_a_users_own_is_kept():
    own = context_for(connection(cert_reqs="CERT_NONE"))
    assert context_for(connection(ssl_context=own, cert_file="client.pem")) is own
