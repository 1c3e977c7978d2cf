"""Downloads: what is asked for, and what becomes of the answers, with a disk and without a network."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from scraper.engine.tasks.download import Download
from scraper.engine.tasks.file_folder import PARTS, LocalFolder
from scraper.errors import FetchError
from scraper.fetch.base import FetchResult
from scraper.pipes import Files
from scraper.request import Request
from scraper.response import Response
from scraper.store.values import KeptFile

CONTENT = b"%PDF-1.7\n" + bytes(range(256)) * 20
HEADERS = {"Content-Type": "application/pdf", "ETag": '"one"', "Last-Modified": "Tue, 03 Mar 2026 10:00:00 GMT"}
RULES = Files(field="pdf")


class Disk:
    """Begins downloads of one file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.part = root / RULES.folder / PARTS / "shop-00ff"

    def begin(self, known: KeptFile | None = None, rules: Files = RULES) -> Download:
        return Download(rules, LocalFolder(self.root, rules.folder), self.part, known, lambda: None)

    def files(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    return Disk(tmp_path)


def head(status: int = 200, **headers: str) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update(HEADERS | {name.replace("_", "-"): value for name, value in headers.items()})
    return answer


def outcome(status: int = 200, error: FetchError | None = None, headers: Any = HEADERS) -> FetchResult:
    request = Request("https://example.com/a.pdf")
    response = None if error else Response(request.url, status, headers, b"", request=request)
    return FetchResult(response, error, None, 0.1, 0)


def taken(download: Download, content: bytes, answer: requests.Response) -> KeptFile | None:
    """What comes of an answer with this body."""
    download.began(answer)
    download.write(content)
    return download.kept(outcome(answer.status_code))


def cut_short(disk: Disk, content: bytes, **headers: str) -> None:
    """Part of it comes, and then nothing more."""
    download = disk.begin()
    download.began(head(**headers))
    download.write(content)
    with pytest.raises(FetchError):
        download.kept(outcome(error=FetchError("reset", reason="reset")))


def asked(download: Download) -> dict[str, str]:
    conditions: dict[str, str] = download.conditions
    assert conditions.pop("Accept-Encoding") == "identity"
    return conditions


def test_a_file_gets_the_name_of_its_content(disk: Disk) -> None:
    download = disk.begin()
    assert asked(download) == {}
    kept = taken(download, CONTENT, head())
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert kept is not None
    assert (kept.path, kept.hash) == (f"out/files/{digest[:2]}/{digest}.pdf", digest)
    download.forget()
    assert disk.files() == [kept.path]
    assert asked(disk.begin(kept)) == {"If-None-Match": '"one"', "If-Modified-Since": HEADERS["Last-Modified"]}


@pytest.mark.parametrize("was_named", [True, False])
def test_what_was_whole_and_not_committed_is_not_asked_for(disk: Disk, was_named: bool) -> None:
    kept = taken(disk.begin(), CONTENT, head())
    assert kept is not None
    if not was_named:
        (disk.root / kept.path).rename(disk.part)
    assert disk.begin().finished_before() == kept
    assert (disk.root / kept.path).read_bytes() == CONTENT


def test_half_a_file_is_gone_on_with(disk: Disk) -> None:
    cut_short(disk, CONTENT[:700])
    download = disk.begin()
    assert asked(download) == {"Range": "bytes=700-", "If-Range": '"one"'}
    rest = head(206, Content_Range=f"bytes 700-{len(CONTENT) - 1}/{len(CONTENT)}")
    kept = taken(download, CONTENT[700:], rest)
    assert kept is not None
    assert (disk.root / kept.path).read_bytes() == CONTENT


def test_or_begun_anew_where_the_server_has_another(disk: Disk) -> None:
    cut_short(disk, b"%PDF-1.4 of yesterday" * 50)
    kept = taken(disk.begin(), CONTENT, head(200, ETag='"two"'))
    assert kept is not None
    assert (kept.etag, (disk.root / kept.path).read_bytes()) == ('"two"', CONTENT)


def test_a_part_that_was_the_whole(disk: Disk) -> None:
    cut_short(disk, CONTENT)
    kept = taken(disk.begin(), b"", head(416, Content_Range=f"bytes */{len(CONTENT)}", Content_Type="text/html"))
    assert kept is not None
    assert (kept.size, kept.type) == (len(CONTENT), "application/pdf")


@pytest.mark.parametrize(
    ("status", "said"), [(206, "bytes 5-9/10"), (206, ""), (416, "bytes */5"), (416, "")], ids=str
)
def test_another_part_than_was_asked_for_is_no_part(disk: Disk, status: int, said: str) -> None:
    cut_short(disk, CONTENT[:700])
    with pytest.raises(FetchError) as caught:
        disk.begin().began(head(status, Content_Range=said))
    assert caught.value.reason == "truncated"
    assert (disk.files(), asked(disk.begin())) == ([], {})


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"ETag": 'W/"weak"'}, {"Range": "bytes=700-", "If-Range": HEADERS["Last-Modified"]}),
        ({"ETag": 'W/"weak"', "Last_Modified": ""}, {}),
        ({"Content_Encoding": "gzip"}, {}),
    ],
    ids=str,
)
def test_only_what_can_be_relied_on_is_gone_on_with(
    disk: Disk, headers: dict[str, str], expected: dict[str, str]
) -> None:
    cut_short(disk, CONTENT[:700], **headers)
    assert asked(disk.begin()) == expected


def test_a_304_confirms_what_is_known(disk: Disk) -> None:
    kept = taken(disk.begin(), CONTENT, head())
    assert kept is not None
    old = replace(kept, checked_at=1.0)
    download = disk.begin(old)
    download.began(head(304))
    confirmed = download.kept(outcome(304))
    assert confirmed is not None
    assert replace(confirmed, checked_at=1.0) == old
    assert confirmed.checked_at > 1.0


def test_a_redirect_is_no_file(disk: Disk) -> None:
    download = disk.begin()
    download.began(head(302))
    download.write(b"<html>moved")
    assert download.kept(outcome(302)) is None
    assert disk.files() == []


def test_what_is_too_large_is_refused_before_it_comes(disk: Disk) -> None:
    small = Files(field="pdf", max_bytes=1_000)
    with pytest.raises(FetchError) as caught:
        disk.begin(rules=small).began(head(Content_Length="1001"))
    assert (caught.value.reason, disk.files()) == ("file-too-large", [])


def test_a_part_that_another_process_wrote_into_is_thrown_away(disk: Disk) -> None:
    download = disk.begin()
    download.began(head())
    download.write(CONTENT)
    with disk.part.open("ab") as other:
        other.write(b"more")
    with pytest.raises(FetchError) as caught:
        download.kept(outcome())
    assert (caught.value.reason, disk.files()) == ("truncated", [])
