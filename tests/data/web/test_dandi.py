"""Content of a dandiset, from a server that answers like the archive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from range_server import Web, web_server

from synapsnet.data.sources import allen_vb_2p, allen_vc_npx
from synapsnet.data.web import dandi
from synapsnet.data.web.file import RemoteFile
from synapsnet.errors import UserError

CODING = (
    "sub-699733573/sub-699733573_ses-715093703.nwb",
    "sub-699733573/sub-699733573_ses-715093703_probe-810755797_ecephys.nwb",
    "sub-699733573/sub-699733573_ses-715093703_probe-810755799_ecephys.nwb",
    "sub-703279277/sub-703279277_ses-719161530.nwb",
    "sub-703279277/sub-703279277_ses-719161530_probe-729445648_ecephys.nwb",
)
BEHAVIOR = (
    "sub-403491/sub-403491_ses-20181107T122811_image.nwb",
    "sub-403491/sub-403491_ses-20181108T112206_image+ophys.nwb",
    "sub-457841/sub-457841_ses-20190920T095938_obj-15smnjp_image+ophys.nwb",
    "sub-457841/sub-457841_ses-20190920T095938_obj-1almo5m_image+ophys.nwb",
    "sub-457841/sub-457841_ses-20190923T084538_obj-11ovq9r_image+ophys.nwb",
)


def asset_id(index: int) -> str:
    return f"58703c97-c0a9-4736-b684-{index:012d}"


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The server as the archive, with both dandisets; their lists come in pages of two."""
    with web_server() as web:
        monkeypatch.setattr(dandi, "API", f"{web.url}/api")
        publish(web, allen_vc_npx.DANDISET, allen_vc_npx.VERSION, CODING, 0)
        publish(web, allen_vb_2p.DANDISET, allen_vb_2p.VERSION, BEHAVIOR, 100)
        yield web


def publish(web: Web, dandiset: str, version: str, paths: tuple[str, ...], first: int) -> None:
    url = f"/api/dandisets/{dandiset}/versions/{version}/assets/"
    listed = [
        {"asset_id": asset_id(first + index), "blob": "f5f1752f", "zarr": None, "path": path, "size": 1000 + index}
        for index, path in enumerate(paths)
    ]
    for start in range(0, len(listed), 2):
        following = f"{web.url}{url}page/{start + 2}/" if start + 2 < len(listed) else None
        page = {"count": None, "next": following, "previous": None, "results": listed[start : start + 2]}
        web.answers[f"{url}page/{start}/" if start else url] = page
    for index, path in enumerate(paths):
        asset = asset_id(first + index)
        web.answers[f"/api/assets/{asset}/"] = {
            "path": path,
            "contentSize": 1000 + index,
            "contentUrl": [f"{web.url}/api/assets/{asset}/download/", f"https://dandiarchive.s3.amazonaws.com/{asset}"],
            "digest": {"dandi:dandi-etag": "ce0058d5-43", "dandi:sha2-256": f"{first + index:064x}"},
        }


def remote(paths: tuple[str, ...], index: int, first: int) -> RemoteFile:
    url = f"https://dandiarchive.s3.amazonaws.com/{asset_id(first + index)}"
    return RemoteFile(url, paths[index], 1000 + index, f"sha256:{first + index:064x}")


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (["*"], [0, 3]),
        (["699733573"], [0]),
        (["sub-699733573"], [0]),
        (["719161530", "715093703"], [0, 3]),
        (["ses-719161530"], [3]),
        (["sub-703279277_ses-719161530"], [3]),
        (["sub-703279277_ses-719161530.nwb", "719161530"], [3]),
        (["sub-70*/*.nwb"], [3]),
        (["71509370?"], [0]),
    ],
)
def test_sessions_of_visual_coding(archive: Web, select: list[str], expected: list[int]) -> None:
    assert allen_vc_npx.files(select) == [remote(CODING, index, 0) for index in expected]


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (["*"], [1, 2, 3, 4]),
        (["403491"], [1]),
        (["457841"], [2, 3, 4]),
        (["20190920T095938"], [2, 3]),
        (["sub-457841_ses-20190920T095938"], [2, 3]),
        (["obj-11ovq9r"], [4]),
    ],
)
def test_planes_of_visual_behavior(archive: Web, select: list[str], expected: list[int]) -> None:
    assert allen_vb_2p.files(select) == [remote(BEHAVIOR, index, 100) for index in expected]


def test_nothing_selected_says_how_much_there_is(archive: Web) -> None:
    with pytest.raises(UserError, match=r"2 recordings, 2e-06 GB in all: choose with --select.*715093703") as error:
        allen_vc_npx.files([])
    assert "\n" not in str(error.value)


def test_unknown_session_says_what_there_is(archive: Web) -> None:
    with pytest.raises(UserError, match=r"no recording of dandiset 000021 matches '42'; its 2 are sub-699733573_ses"):
        allen_vc_npx.files(["715093703", "42"])
    with pytest.raises(UserError, match="matches 'probe-810755797'"):
        allen_vc_npx.files(["probe-810755797"])


def test_long_lists_are_cut(archive: Web) -> None:
    publish(archive, "000001", "draft", tuple(f"sub-{k}/sub-{k}.nwb" for k in range(30)), 200)
    with pytest.raises(UserError, match=r"its 30 are sub-0, .*, sub-9, \.\.\.$"):
        dandi.dandiset_files("000001", "draft", ["x"], lambda path: True)


def test_only_what_was_chosen_is_asked_for(archive: Web) -> None:
    allen_vc_npx.files(["719161530"])
    assert [path for path in archive.asked if "/assets/58703c97" in path] == [f"/api/assets/{asset_id(3)}/"]


def test_file_without_a_checksum(archive: Web) -> None:
    archive.answers[f"/api/assets/{asset_id(0)}/"]["digest"] = {"dandi:dandi-etag": "ce0058d5-43"}
    with pytest.raises(UserError, match=r"no checksum for sub-699733573/sub-699733573_ses-715093703\.nwb yet"):
        allen_vc_npx.files(["715093703"])


def test_dandiset_that_is_not_there(archive: Web) -> None:
    with pytest.raises(UserError, match=r"has no .*/dandisets/999999/versions/draft/assets/.* \(HTTP 404\)"):
        dandi.dandiset_files("999999", "draft", ["*"], lambda path: True)


def test_answer_of_another_kind(archive: Web) -> None:
    archive.answers["/api/dandisets/000021/versions/1/assets/"] = {"detail": "maintenance"}
    with pytest.raises(UserError, match="answered without results and next"):
        dandi.dandiset_files("000021", "1", ["*"], lambda path: True)
