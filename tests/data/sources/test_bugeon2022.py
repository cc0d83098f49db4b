import pytest
from range_server import web_server

from synapsnet.data.sources import bugeon2022
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError


def chosen(*select: str) -> list[RemoteFile]:
    with web_server() as web:
        web.answers["/articles/19448531/files"] = [
            {"name": name, "size": 1, "download_url": f"{web.url}/{name}", "computed_md5": "0"}
            for name in ("SB025.zip", "SB026.zip", "README.txt")
        ]
        return bugeon2022.files(select, api=web.url)


def test_all_or_some_of_the_record() -> None:
    assert [file.path for file in chosen()] == ["README.txt", "SB025.zip", "SB026.zip"]
    assert [file.path for file in chosen("SB026")] == ["SB026.zip"]


def test_a_file_that_does_not_exist() -> None:
    with pytest.raises(UserError, match=r"no file SB1 in figshare record 19448531; it has README, SB025, SB026"):
        chosen("SB1")
