import pytest
from range_server import web_server

from synapsnet.data.sources import steinmetz2019
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError

NAMES = (
    ".one_root",
    "nicklab~Subjects~Cori~2016-12-14~001~alf~spikes.times.npy",
    "nicklab~Subjects~Cori~2016-12-14~001~alf~spikes.clusters.npy",
    "nicklab~Subjects~Cori~2016-12-17~001~alf~spikes.times.npy",
    "Forssmann_2017-11-01.tar",
)


def chosen(*select: str) -> list[RemoteFile]:
    with web_server() as web:
        web.answers["/articles/9974357/files"] = [
            {"name": name, "size": 1, "download_url": f"{web.url}/{number}", "computed_md5": "0"}
            for number, name in enumerate(NAMES)
        ]
        return steinmetz2019.files(select, figshare_api=web.url)


def test_files_of_a_session_lie_in_its_folder() -> None:
    assert sorted(file.path for file in chosen()) == [
        "Cori_2016-12-14/spikes.clusters.npy",
        "Cori_2016-12-14/spikes.times.npy",
        "Cori_2016-12-17/spikes.times.npy",
        "Forssmann_2017-11-01.tar",
    ]


def test_sessions_can_be_chosen() -> None:
    assert [file.path for file in chosen("Cori_2016-12-17", "Forssmann_2017-11-01")] == [
        "Cori_2016-12-17/spikes.times.npy",
        "Forssmann_2017-11-01.tar",
    ]


def test_a_session_that_does_not_exist() -> None:
    with pytest.raises(UserError, match=r"no session Cori_2020-01-01 in .* 9974357; it has .*Cori_2016-12-14"):
        chosen("Cori_2020-01-01")
