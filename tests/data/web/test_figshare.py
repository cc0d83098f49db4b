from pathlib import Path
from typing import Any

import pytest
from range_server import web_server

from synapsnet.data.web.figshare import record_files
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError


def entry(number: int, **changes: Any) -> dict[str, Any]:
    """A file as the API documents it."""
    return {
        "id": 3000000 + number,
        "name": f"file{number:04}.npy",
        "size": 100 + number,
        "is_link_only": False,
        "download_url": f"https://ndownloader.figshare.com/files/{3000000 + number}",
        "supplied_md5": "",
        "computed_md5": f"{number:032x}",
        "mimetype": "application/octet-stream",
    } | changes


def answered(pages: list[Any]) -> list[RemoteFile]:
    with web_server() as web:
        for page, entries in enumerate(pages, start=1):
            web.answers[f"/v2/articles/77/files?page={page}&page_size=1000"] = entries
        return record_files(77, api=f"{web.url}/v2")


def test_size_checksum_and_address_are_those_of_the_archive() -> None:
    (file,) = answered([[entry(5)]])
    assert file == RemoteFile("https://ndownloader.figshare.com/files/3000005", "file0005.npy", 105, f"md5:{5:032x}")


def test_every_page_is_asked_for() -> None:
    entries = [entry(number) for number in range(2168)]
    files = answered([entries[:1000], entries[1000:2000], entries[2000:]])
    assert [file.path for file in files] == [entry["name"] for entry in entries]


def test_an_archive_that_knows_no_pages() -> None:
    entries = [entry(number) for number in range(1100)]
    assert len(answered([entries, entries])) == 1100


def test_what_lies_elsewhere_is_left_out() -> None:
    assert [file.path for file in answered([[entry(1), entry(2, is_link_only=True)]])] == ["file0001.npy"]


def test_the_checksum_may_be_that_of_whoever_uploaded() -> None:
    (file,) = answered([[entry(1, computed_md5="", supplied_md5="ab")]])
    assert file.checksum == "md5:ab"


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([[]], "figshare lists no files in record 77"),
        ([[entry(1, computed_md5="")]], "without 'computed_md5'; its API may have changed"),
        ([[{"name": "x"}]], "its API may have changed"),
        ([b"<html>Log in</html>"], "is not valid JSON; is there a login page or a proxy in between"),
        ([], r"has no http://.*/v2/articles/77/files.* \(HTTP 404\)"),
    ],
)
def test_other_answers_are_one_line(pages: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        answered(pages)
    assert "\n" not in str(error.value)


def test_offline(closed_port: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot reach 127\.0\.0\.1.*is this computer online"):
        record_files(77, api=closed_port)


@pytest.mark.parametrize("answer", [{"message": "moved"}, [1, 2], None, "files"])
def test_an_answer_that_lists_no_files(answer: Any) -> None:
    with pytest.raises(UserError, match="is not a list of files; its API may have changed"):
        answered([answer])
