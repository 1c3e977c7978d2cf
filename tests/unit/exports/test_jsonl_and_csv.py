"""What the records look like."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.config.formats import NAMES
from scraper.config.model.exports import ExportConfig
from scraper.errors import ExportError, UsageError
from scraper.exports import Surroundings, open_export
from scraper.exports.follow import Follower


@pytest.fixture
def written(store, tmp_path, follow):
    """The bytes of a finished export of the store."""

    def write(path: str, **settings) -> bytes:
        (found,) = follow(store, tmp_path, path, **settings).finish(complete=True)
        return Path(found).read_bytes()

    return write


# JSONL -----------------------------------------------------------------------------------------------


def test_jsonl_is_compact_utf8_in_the_items_order(store, written):
    store.commit({"z": "Größe", "a": [1, {"b": None}], "t": True})
    assert written("x.jsonl") == '{"z":"Größe","a":[1,{"b":null}],"t":true}\n'.encode()


def test_jsonl_line_breaks_stay_inside_a_record(store, written):
    store.commit({"text": "one\r\ntwo\x00"})
    assert written("x.jsonl") == b'{"text":"one\\r\\ntwo\\u0000"}\n'


def test_jsonl_says_a_lone_surrogate_as_an_escape(store, written):
    store.commit({"text": "a\ud83d", "whole": "😀"})
    data = written("x.jsonl")
    assert json.loads(data.decode("utf-8")) == {"text": "a\ud83d", "whole": "😀"}


def test_jsonl_fields_are_those_in_that_order(store, written):
    store.commit({"a": 1, "b": 2}, {"b": 3, "c": 4})
    assert written("x.jsonl", fields=("b", "a")) == b'{"b":2,"a":1}\n{"b":3,"a":null}\n'


def test_jsonl_takes_every_type_or_the_one_picked(store, written):
    store.commit({"t": 1}, type="Book")
    store.commit({"n": 2}, type="Author")
    assert written("x.jsonl") == b'{"t":1}\n{"n":2}\n'
    assert written("y.jsonl", item="Author") == b'{"n":2}\n'


def test_jsonl_of_no_items_is_empty(written):
    assert written("x.jsonl") == b""


# CSV -------------------------------------------------------------------------------------------------


def test_csv_is_rfc_4180(store, written):
    store.commit({"a": 'say "hi"', "b": "x,y", "c": "two\nlines", "d": " é "})
    assert written("x.csv") == 'a,b,c,d\r\n"say ""hi""","x,y","two\nlines", é \r\n'.encode()


def test_csv_cells(store, written):
    store.commit({"none": None, "yes": True, "n": 1.5, "list": [1, "é"], "dict": {"k": None}, "text": "true"})
    rows = list(csv.reader(io.StringIO(written("x.csv").decode("utf-8"), newline="")))
    assert rows[1] == ["", "true", "1.5", '[1,"é"]', '{"k":null}', "true"]


def test_csv_header_is_the_union_in_order_of_first_sight(store, written):
    store.commit({"b": 1})
    store.commit({"a": 2, "b": 3}, {"c": 4})
    assert written("x.csv") == b"b,a,c\r\n1,,\r\n3,2,\r\n,,4\r\n"


def test_csv_header_grows_while_the_run_goes_on(store, tmp_path, follow):
    follower = follow(store, tmp_path, "x.csv")
    part = tmp_path / "x.csv.part"
    store.commit({"a": 1})
    follower.catch_up()
    assert part.read_bytes() == b"a\r\n1\r\n"
    store.commit({"b": 2})
    follower.catch_up()
    assert part.read_bytes() == b"a,b\r\n1,\r\n,2\r\n"
    follower.close()
    store.commit({"c": 3, "a": 4})
    again = follow(store, tmp_path, "x.csv")
    again.finish(complete=True)
    assert (tmp_path / "x.csv").read_bytes() == b"a,b,c\r\n1,,\r\n,2,\r\n4,,3\r\n"


def test_csv_header_is_kept_over_a_kill(store, tmp_path, follow):
    store.commit({"a": 1, "b": 2})
    first = follow(store, tmp_path, "x.csv")
    first.catch_up()
    first.close()
    store.commit({"b": 3})
    again = follow(store, tmp_path, "x.csv")
    assert again.catch_up() == 1
    again.finish(complete=True)
    assert (tmp_path / "x.csv").read_bytes() == b"a,b\r\n1,2\r\n,3\r\n"


def test_csv_fields_are_those_and_no_others(store, written):
    store.commit({"a": 1, "b": 2}, {"c": 3})
    assert written("x.csv", fields=("b", "a")) == b"b,a\r\n2,1\r\n,\r\n"


def test_csv_of_no_items(written):
    assert written("x.csv", fields=("a", "b")) == b"a,b\r\n"
    assert written("y.csv") == b""


def test_csv_of_several_types_asks_for_one(store, written):
    store.commit({"t": 1}, type="Book")
    store.commit({"n": 2}, type="Author")
    with pytest.raises(ExportError, match=r"Book, Author.*item: Book"):
        written("x.csv")
    assert written("y.csv", item="Author") == b"n\r\n2\r\n"


def test_csv_passes_over_commits_of_other_types(store, written):
    store.commit({"n": 1}, type="Author")
    store.commit({"t": 2}, type="Book")
    assert written("x.csv", item="Book") == b"t\r\n2\r\n"
    assert written("y.csv", item="Shop") == b""


def test_csv_knows_after_a_kill_which_type_it_holds(store, tmp_path, follow):
    store.commit({"t": 1}, type="Book")
    first = follow(store, tmp_path, "x.csv", fields=("t",))
    first.catch_up()
    first.close()
    store.commit({"t": 2}, type="Author")
    again = follow(store, tmp_path, "x.csv", fields=("t",))
    with pytest.raises(ExportError, match="Book, Author"):
        again.catch_up()


# Standard output -------------------------------------------------------------------------------------


class Pipe(io.BytesIO):
    """Counts flushes; takes a few bytes at a time, as an unbuffered pipe may; breaks when told."""

    flushes = 0
    broken = False

    def write(self, data) -> int:
        return super().write(bytes(data)[:5])

    def flush(self) -> None:
        if self.broken:
            raise BrokenPipeError(32, "Broken pipe")
        self.flushes += 1


@pytest.fixture
def on_stdout(follow, tmp_path) -> Callable[..., Follower]:
    return lambda store, pipe: follow(store, tmp_path, "-", stdout=pipe)


def test_standard_output_is_jsonl_flushed_at_each_turn(store, on_stdout):
    pipe = Pipe()
    follower = on_stdout(store, pipe)
    store.commit({"a": 1}, {"a": 2})
    follower.catch_up()
    assert (pipe.getvalue(), pipe.flushes) == (b'{"a":1}\n{"a":2}\n', 1)
    store.commit({"a": 3})
    assert follower.finish(complete=True) == ["-"]
    assert pipe.getvalue().endswith(b'{"a":3}\n')


def test_standard_output_goes_on_after_the_position_saved(store, on_stdout):
    store.commit({"a": 1})
    on_stdout(store, Pipe()).finish(complete=False)
    store.commit({"a": 2})
    pipe = Pipe()
    on_stdout(store, pipe).finish(complete=True)
    assert pipe.getvalue() == b'{"a":2}\n'


def test_a_reader_that_went_away_is_an_error_in_words(store, on_stdout):
    pipe = Pipe()
    pipe.broken = True
    store.commit({"a": 1})
    with pytest.raises(ExportError, match=r"standard output: Broken pipe.*has ended"):
        on_stdout(store, pipe).catch_up()


def test_a_closed_standard_output_is_an_error_in_words(store, on_stdout):
    pipe = Pipe()
    pipe.close()
    store.commit({"a": 1})
    with pytest.raises(ExportError, match=r"standard output: .*closed"):
        on_stdout(store, pipe).catch_up()


# Formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", NAMES)
def test_every_format_that_a_configuration_may_name_can_be_written(format, tmp_path):
    path = "postgresql://db.example/shop" if format == "postgres" else "x"
    around = Surroundings(tmp_path.joinpath, tmp_path, io.BytesIO())
    assert open_export(ExportConfig(path=path, format=format), around).close(complete=False) == []


@pytest.mark.parametrize(
    ("path", "format"), [("a.jsonl", None), ("a.CSV", None), ("a.txt", "csv"), ("b.csv", "jsonl")]
)
def test_the_format_is_that_named_or_that_of_the_suffix(store, written, path, format):
    store.commit({"a": 1})
    is_csv = format == "csv" or (format is None and path.endswith("CSV"))
    assert written(path, format=format) == (b"a\r\n1\r\n" if is_csv else b'{"a":1}\n')


def test_standard_output_takes_jsonl_only(follow, store, tmp_path):
    with pytest.raises(UsageError, match="name a file"):
        follow(store, tmp_path, "-", format="csv")
