"""Registrable domains by the Public Suffix List (https://publicsuffix.org/list/), private suffixes included.

The list is the snapshot that comes with tldextract. That package itself, which also knows how to fetch and cache the
list, takes longer to import than reading it does.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: More labels than any rule of the list has.
_MOST_LABELS = 10
#: Letters of a label (RFC 1035 section 2.3.4).
_LONGEST_LABEL = 63


def registrable_domain(host: str) -> str | None:
    """Return the domain that its owner registered; None where a host has none, such as `localhost` or `co.uk`.

    Args:
        host: a name in lower case; labels of other scripts in Punycode.
    """
    # What stands before these is in no rule: a page may write thousands of labels.
    labels = host.rsplit(".", _MOST_LABELS)
    known = [_in_unicode(label) for label in labels]
    rules = _rules()
    for place in range(len(labels)):
        name = ".".join(known[place:])
        if f"!{name}" in rules:
            first = place + 1
        elif name in rules or f"*.{'.'.join(known[place + 1 :])}" in rules:
            first = place
        else:
            continue
        return ".".join(labels[first - 1 :]) if first and labels[first - 1] else None
    return None


def is_public_suffix(domain: str) -> bool:
    """Tell whether no one can own a domain: a single label, or one that the list names."""
    labels = [_in_unicode(label) for label in domain.split(".")]
    name, parent = ".".join(labels), ".".join(labels[1:])
    rules = _rules()
    return len(labels) == 1 or (f"!{name}" not in rules and (name in rules or f"*.{parent}" in rules))


def _in_unicode(label: str) -> str:
    """Return a label as the list writes it."""
    if not label.startswith("xn--") or len(label) > _LONGEST_LABEL:
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


@cache
def _rules() -> frozenset[str]:
    """Return the list's rules: a suffix, `*.` before one, or `!` before an exception to that."""
    spec = find_spec("tldextract")
    folders = (spec.submodule_search_locations if spec is not None else None) or ()
    for folder in folders:
        snapshot = Path(folder, ".tld_set_snapshot")
        if snapshot.is_file():
            lines = snapshot.read_text("utf-8").splitlines()
            return frozenset(line.split()[0] for line in lines if line.strip() and not line.startswith("//"))
    # A version that keeps it elsewhere still knows it.
    import tldextract

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
    return frozenset(extract.tlds)
