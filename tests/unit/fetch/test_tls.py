"""TLS contexts are shared by connections of equal settings, and by no others."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

import pytest
import requests
import trustme
from requests.adapters import HTTPAdapter

from scraper.config import SessionConfig
from scraper.fetch.transport.direct_adapter import DirectAdapter
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.tls import context_for


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return path


def test_equal_settings_share_one(bundle: Path):
    assert context_for(str(bundle), None) is context_for(str(bundle), None)


def test_verified_and_unverified_do_not(bundle: Path):
    verified, unverified = context_for(str(bundle), None), context_for(False, None)
    assert (verified.check_hostname, verified.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert (unverified.check_hostname, unverified.verify_mode) == (False, ssl.CERT_NONE)


def test_another_bundle_at_the_same_path_is_read(bundle: Path):
    before = context_for(str(bundle), None)
    bundle.write_bytes(bundle.read_bytes() + trustme.CA().cert_pem.bytes())
    after = context_for(str(bundle), None)
    assert [context.cert_store_stats()["x509_ca"] for context in (before, after)] == [1, 2]


def test_a_session_at_work_takes_up_a_bundle_that_changed(bundle: Path, monkeypatch: pytest.MonkeyPatch):
    adapter = DirectAdapter(Connections(Ledger("example.com"), SessionConfig()), HTTPAdapter)
    request = requests.Request("GET", "https://example.com/a").prepare()

    def authorities_after(seconds: float) -> int:
        now = time.monotonic() + seconds
        with monkeypatch.context() as patch:
            patch.setattr(time, "monotonic", lambda: now)
            context = adapter._route(request, str(bundle), None, None)[0].context
        assert context is not None
        return context.cert_store_stats()["x509_ca"]

    assert authorities_after(0) == 1
    was = bundle.read_bytes()
    bundle.write_bytes(was + trustme.CA().cert_pem.bytes())
    assert (authorities_after(10), authorities_after(61)) == (1, 2)
    # Being replaced: half of it, and then for a moment none.
    bundle.write_bytes(b"-----BEGIN CERTIFICATE-----\n")
    assert authorities_after(122) == 2
    bundle.unlink()
    assert authorities_after(183) == 2
    bundle.write_bytes(was)
    assert authorities_after(244) == 1


def test_a_folder_of_certificates_is_taken(bundle: Path):
    assert context_for(str(bundle.parent), None).verify_mode is ssl.CERT_REQUIRED


def test_a_certificate_of_ones_own_makes_another(bundle: Path, tmp_path: Path):
    mine = trustme.CA().issue_cert("client.example")
    path = tmp_path / "client.pem"
    mine.private_key_and_cert_chain_pem.write_to_path(str(path))
    assert context_for(str(bundle), str(path)) is not context_for(str(bundle), None)


@pytest.mark.parametrize(("verify", "cert"), [("/no/such/bundle.pem", None), (True, ("/no/such/client.pem", "/no"))])
def test_what_is_not_there_is_named(verify: bool | str, cert: tuple[str, str] | None):
    with pytest.raises(OSError, match=r"/no/such/"):
        context_for(verify, cert)


def test_by_default_the_authorities_that_requests_trusts():
    assert context_for(True, None).cert_store_stats()["x509_ca"] > 50
