"""Registrable domains are those that tldextract finds by the same list."""

from __future__ import annotations

import pytest
import tldextract

from scraper import suffixes
from scraper.suffixes import registrable_domain

EXTRACT = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("www.example.co.uk", "example.co.uk"),
        ("co.uk", None),
        ("com", None),
        ("localhost", None),
        ("printer.lan", None),
        ("me.github.io", "me.github.io"),
        ("www.me.github.io", "me.github.io"),
        ("github.io", None),
        ("a.b.ck", "a.b.ck"),
        ("b.ck", None),
        ("www.ck", "www.ck"),
        ("a.www.ck", "www.ck"),
        ("a.xn--fiqs8s", "a.xn--fiqs8s"),
        ("b.a.xn--fiqs8s", "a.xn--fiqs8s"),
        ("xn--!!.com", "xn--!!.com"),
        (".com", None),
        ("", None),
    ],
)
def test_domains(host: str, domain: str | None):
    assert registrable_domain(host) == domain


def test_each_rule_of_the_list_means_what_it_means_to_tldextract():
    hosts = []
    for rule in suffixes._rules():
        name = rule.removeprefix("!").removeprefix("*.").encode("idna").decode()
        hosts += [name, f"a.{name}", f"b.a.{name}", f"c.b.a.{name}"]
    assert len(hosts) > 30_000
    differing = {
        host for host in hosts if (registrable_domain(host) or "") != EXTRACT(host).top_domain_under_public_suffix
    }
    # Where `*.example` stands beside `*.a.example`, it overlooks that a.example is a suffix by the former.
    assert {f"*.{host}" for host in differing} <= suffixes._rules()
    assert {registrable_domain(host) for host in differing} <= {None}


def test_without_the_file_tldextract_is_asked(monkeypatch: pytest.MonkeyPatch):
    rules = suffixes._rules()
    monkeypatch.setattr(suffixes, "find_spec", lambda _: None)
    assert suffixes._rules.__wrapped__() == rules
