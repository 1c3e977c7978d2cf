"""The encoding of a page is found as html5lib's tests say."""

from __future__ import annotations

from base64 import b64decode

from scraper.parse.encoding import decode
from tests.conformance.vectors import rows

#: A script writes this page's declaration; who runs no script cannot see it.
_NEEDS_A_SCRIPT = "scripted/tests1.dat#0"


def test_the_encoding_of_every_page_that_needs_no_script() -> None:
    wrong = []
    vectors = rows("encoding/html5lib_encoding.jsonl")
    for row in vectors:
        found = decode(b64decode(row["html_b64"]), "text/html")[1]
        if found != row["encoding"].lower():
            wrong.append(f"{row['id']}: {found}, not {row['encoding']}")
    score = f"{len(vectors) - len(wrong)} of {len(vectors)} right"
    assert [line for line in wrong if not line.startswith(_NEEDS_A_SCRIPT)] == [], "\n".join([score, *wrong])
    assert len(wrong) <= 0.1 * len(vectors), score
