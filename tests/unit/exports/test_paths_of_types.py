"""The path of a type of item tells it from every other."""

from __future__ import annotations

from scraper.exports.paths import of_type


def test_types_that_differ_in_signs_have_files_of_their_own() -> None:
    types = ["a_b", "a/b", "a b", "a:b", "a//b", "a?b", "a\ud800b"]
    paths = [of_type("out/{type}.csv", each) for each in types]
    assert len(set(paths)) == len(types)
    assert paths[0] == "out/a_b.csv"
    assert paths == [of_type("out/{type}.csv", each) for each in types]
    assert not [path for path in paths if path.count("/") != 1]
