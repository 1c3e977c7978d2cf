"""What every file export promises: grows as a part, survives a kill anywhere, takes its name at the end."""

from __future__ import annotations

import csv
import errno
import gc
import io
import json
import warnings
from pathlib import Path

import pytest

from scraper.errors import ExportError
from scraper.exports import part_file as part_module

FORMATS = ("jsonl", "csv")


def titles(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8")
    if ".csv" in path.name:
        return [row["title"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    return [json.loads(line)["title"] for line in text.splitlines()]


def expected(store) -> list[str]:
    return [row.data["title"] for row in store.rows]


@pytest.fixture(params=FORMATS)
def name(request) -> str:
    return f"books.{request.param}"


def test_a_complete_run_takes_its_name(books, out, name, follow):
    follower = follow(books, out, name)
    assert follower.catch_up() == len(books.rows)
    assert not (out / name).exists()
    assert follower.finish(complete=True) == [str(out / name)]
    assert titles(out / name) == expected(books)
    assert [path.name for path in out.iterdir()] == [name]


def test_an_incomplete_run_leaves_its_part_and_the_older_file(books, out, name, follow):
    out.mkdir(parents=True)
    (out / name).write_text("older")
    assert follow(books, out, name).finish(complete=False) == [str(out / f"{name}.part")]
    assert titles(out / f"{name}.part") == expected(books)
    assert (out / name).read_text() == "older"


def test_a_complete_run_replaces_the_older_file(books, out, name, follow):
    out.mkdir(parents=True)
    (out / name).write_text("older")
    follow(books, out, name).finish(complete=True)
    assert titles(out / name) == expected(books)


def test_finish_writes_what_came_since(store, out, name, follow):
    follower = follow(store, out, name)
    store.commit({"title": "a"})
    follower.catch_up()
    store.commit({"title": "b"}, {"title": "c"})
    follower.finish(complete=True)
    assert titles(out / name) == ["a", "b", "c"]


def test_the_part_holds_whole_records_at_any_time(books, out, name, follow):
    follower = follow(books, out, name)
    seen = 0
    while written := follower.catch_up(limit_rows=3):
        seen += written
        assert titles(out / f"{name}.part") == expected(books)[:seen]
    assert seen == len(books.rows)
    follower.close()


def test_one_export_may_fall_behind_and_keep_its_own_position(books, out, name, follow):
    first, second = follow(books, out, name), follow(books, out, "other.jsonl")
    first.catch_up()
    second.catch_up(limit_rows=5)
    assert follow(books, out, "other.jsonl").finish(complete=True) == [str(out / "other.jsonl")]
    first.finish(complete=True)
    assert titles(out / name) == titles(out / "other.jsonl") == expected(books)


def after_a_torn_record(part: Path) -> None:
    part.write_bytes(part.read_bytes() + b'{"title": "tor')


def after_whole_records_beyond(part: Path) -> None:
    data = part.read_bytes()
    part.write_bytes(data + data.splitlines(keepends=True)[-1])


def after_a_cut(part: Path) -> None:
    part.write_bytes(part.read_bytes()[:-7])


def after_a_change(part: Path) -> None:
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)


def after_nothing(part: Path) -> None:
    assert part.exists()


def after_its_loss(part: Path) -> None:
    part.unlink()


def after_its_renaming(part: Path) -> None:
    part.replace(part.with_suffix(""))


DAMAGES = [
    after_nothing,
    after_a_torn_record,
    after_whole_records_beyond,
    after_a_cut,
    after_a_change,
    after_its_loss,
    after_its_renaming,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("rows", [1, 8, 1000])
def test_a_kill_loses_nothing_and_doubles_nothing(books, out, name, rows, damage, follow):
    killed = follow(books, out, name)
    killed.catch_up(limit_rows=rows)
    killed.close()
    damage(out / f"{name}.part")
    follow(books, out, name).finish(complete=True)
    assert titles(out / name) == expected(books)
    assert not (out / f"{name}.part").exists()


def test_a_part_that_is_as_it_was_is_gone_on_with(books, out, name, follow):
    killed = follow(books, out, name)
    killed.catch_up(limit_rows=30)
    killed.close()
    assert follow(books, out, name).catch_up() < len(books.rows) - 29


def test_a_kill_between_file_and_position(books, out, name, follow):
    killed = follow(books, out, name)
    killed.catch_up(limit_rows=10)
    books.dies_before_save = True
    with pytest.raises(KeyboardInterrupt):
        killed.catch_up(limit_rows=10)
    books.dies_before_save = False
    assert len(titles(out / f"{name}.part")) > 10
    follow(books, out, name).finish(complete=True)
    assert titles(out / name) == expected(books)


@pytest.mark.parametrize("settings", [{"fields": ("title",)}, {"item": "item"}])
def test_other_settings_write_it_anew(books, out, name, settings, follow):
    killed = follow(books, out, name)
    killed.catch_up(limit_rows=10)
    killed.close()
    assert follow(books, out, name, **settings).catch_up() == len(books.rows)


def test_each_run_has_its_own_position(books, out, name, follow):
    follow(books, out, name, run=1).finish(complete=False)
    follow(books, out, name, run=2).finish(complete=True)
    assert titles(out / name) == expected(books)


def test_a_forgetful_follower_writes_all_and_saves_nothing(books, out, name, follow):
    for _ in range(2):
        follow(books, out, name, remember=False).finish(complete=True)
        assert titles(out / name) == expected(books)
    assert books.positions == {}


def test_long_runs_are_read_in_batches(store, out, name, follow):
    for number in range(1200):
        store.commit({"title": str(number)})
    follow(store, out, name).finish(complete=True)
    assert titles(out / name) == expected(store)
    assert store.reads > 4


# What goes wrong -------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_can_be_gone_on_with(books, out, name, monkeypatch, follow):
    follower = follow(books, out, name)
    follower.catch_up(limit_rows=10)
    good = (out / f"{name}.part").read_bytes()

    def half(stream, data: bytes) -> None:
        stream.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(part_module, "write_all", half)
        with pytest.raises(ExportError, match=r"No space left on device.*make room"):
            follower.catch_up()
    assert (out / f"{name}.part").read_bytes() == good
    follower.finish(complete=True)
    assert titles(out / name) == expected(books)


def test_a_path_that_is_a_folder(books, out, name, follow):
    (out / name).mkdir(parents=True)
    with pytest.raises(ExportError, match="name a file, not a folder"):
        follow(books, out, name).catch_up()


def test_a_folder_that_is_a_file(books, out, name, follow):
    out.parent.mkdir(parents=True)
    out.write_text("")
    with pytest.raises(ExportError, match="choose another folder") as caught:
        follow(books, out, name).catch_up()
    assert str(out / name) in str(caught.value)


def test_a_final_name_that_cannot_be_taken(books, out, name, monkeypatch, follow):
    def refuse(self, target) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    follower = follow(books, out, name)
    follower.catch_up()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(ExportError, match=r"Permission denied.*close the program"):
            follower.finish(complete=True)
    follow(books, out, name).finish(complete=True)
    assert titles(out / name) == expected(books)


def test_no_descriptor_is_left_open(books, out, name, monkeypatch, follow):
    def refuse(stream, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        follow(books, out, name).finish(complete=False)
        (out / f"{name}.part").write_bytes(b"x")
        follow(books, out, name).finish(complete=True)
        with monkeypatch.context() as patched:
            patched.setattr(part_module, "write_all", refuse)
            with pytest.raises(ExportError):
                follow(books, out, f"2{name}", fields=("title",)).catch_up()
        gc.collect()
    assert [warning for warning in caught if issubclass(warning.category, ResourceWarning)] == []
