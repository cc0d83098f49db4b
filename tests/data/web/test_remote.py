"""Recordings read at an address, from a server on this machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.ecephys import ElectricalSeries
from range_server import Web, web_server
from requests.adapters import HTTPAdapter

from synapsnet.data.readers import find_recordings, read_sessions
from synapsnet.data.web import dandi, http
from synapsnet.data.web.remote import name_of, open_remote
from synapsnet.errors import UserError
from synapsnet.session import Session

ASSET = "58703c97-c0a9-4736-b684-73c85c1a444a"
BALLAST = 20_000_000


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as server:
        yield server


@pytest.fixture
def archive(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The server as the DANDI archive."""
    monkeypatch.setattr(dandi, "API", f"{web.url}/api")
    return web


def write(path: Path, ballast: int = 0) -> Path:
    """Units, running, and raw voltages that no one asked for."""
    rng = np.random.default_rng(0)
    nwbfile = NWBFile(session_description="x", identifier="x", session_start_time=datetime(2024, 1, 1, tzinfo=UTC))
    for _ in range(4):
        nwbfile.add_unit(spike_times=np.sort(rng.uniform(0, 30, 300)))
    running = TimeSeries(name="speed", data=rng.random(600), unit="cm/s", rate=20.0, starting_time=0.0)
    nwbfile.create_processing_module(name="running", description="running").add(running)
    if ballast:
        device = nwbfile.create_device(name="probe")
        group = nwbfile.create_electrode_group(name="probe", description="one", location="VISp", device=device)
        nwbfile.add_electrode(group=group, location="VISp")
        voltages = rng.integers(0, 255, (ballast, 1), dtype=np.uint8)
        electrodes = nwbfile.create_electrode_table_region(region=[0], description="all")
        nwbfile.add_acquisition(ElectricalSeries(name="raw", data=voltages, electrodes=electrodes, rate=30000.0))
    with NWBHDF5IO(str(path), mode="w") as io:
        io.write(nwbfile)
    return path


def same(one: Session, other: Session) -> None:
    assert one.session_id == other.session_id
    assert one.unit_ids == other.unit_ids
    assert one.behavior_names == other.behavior_names
    np.testing.assert_array_equal(one.activity, other.activity)
    np.testing.assert_array_equal(one.segments, other.segments)
    np.testing.assert_array_equal(one.behavior, other.behavior)


def test_streamed_is_what_is_on_disk_for_a_fraction_of_the_bytes(web: Web, tmp_path: Path) -> None:
    path = write(tmp_path / "mouse 1.nwb", ballast=BALLAST)
    web.files["/lab/mouse 1.nwb"] = path
    address = f"{web.url}/lab/mouse%201.nwb"
    recordings = find_recordings(address)
    assert [recording.path for recording in recordings] == [address]
    assert web.sent == 0, "found by its name alone"
    (streamed,) = recordings[0].read(bin_width_s=None, named=None)
    (on_disk,) = read_sessions(path, bin_width_s=None)
    same(streamed, on_disk)
    assert streamed.meta["file"] == "mouse 1.nwb"
    assert web.sent < BALLAST / 2


def test_bytes_of_a_stream(web: Web, tmp_path: Path) -> None:
    content = np.random.default_rng(0).bytes(400_000)
    (tmp_path / "a.bin").write_bytes(content)
    web.files["/a.bin"] = tmp_path / "a.bin"
    with open_remote(f"{web.url}/a.bin") as stream:
        assert stream.seek(-10, 2) == len(content) - 10
        assert stream.read(10) == content[-10:]
        for start, size in [(0, 5), (99_990, 30), (150_000, 230_000)]:
            assert stream.seek(start) == start
            assert stream.read(size) == content[start : start + size]
            assert stream.tell() == start + size


def test_connections_have_an_end(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part that is read is waited for so long and no longer, and at last the connection is closed."""
    (tmp_path / "a.bin").write_bytes(bytes(400_000))
    web.files["/a.bin"] = tmp_path / "a.bin"
    waits: list[object] = []
    closed: list[HTTPAdapter] = []
    send, close = HTTPAdapter.send, HTTPAdapter.close

    def watched_send(adapter: HTTPAdapter, request: Any, **options: Any) -> Any:
        if request.headers.get("Range", "bytes=0-0") != "bytes=0-0":
            waits.append(options["timeout"])
        return send(adapter, request, **options)

    def watched_close(adapter: HTTPAdapter) -> None:
        closed.append(adapter)
        close(adapter)

    monkeypatch.setattr(HTTPAdapter, "send", watched_send)
    monkeypatch.setattr(HTTPAdapter, "close", watched_close)
    with open_remote(f"{web.url}/a.bin") as stream:
        stream.read(10)
        stream.seek(300_000)
        stream.read(10)
        closed.clear()  # of single requests on the way
    assert len(waits) == 2
    assert set(waits) == {http.TIMEOUT_S}
    assert closed


def listing(*paths: str, following: str | None = None) -> dict:
    results = [{"asset_id": f"{ASSET[:-4]}{k:04d}", "path": path, "size": 1} for k, path in enumerate(paths)]
    return {"count": None, "next": following, "previous": None, "results": results}


@pytest.mark.parametrize("direct", [True, False], ids=["object store", "download"])
def test_asset_of_dandi(archive: Web, tmp_path: Path, direct: bool) -> None:
    path = write(tmp_path / "x.nwb")
    name = "sub-1/sub-1_ses-2.nwb"
    download = f"/api/assets/{ASSET}/download/"
    archive.files["/blobs/f5f"] = path
    archive.redirects[download] = f"{archive.url}/blobs/f5f"
    urls = [f"{archive.url}{download}", f"{archive.url}/blobs/f5f"]
    archive.answers[f"/api/assets/{ASSET}/"] = {"path": name, "contentUrl": urls if direct else urls[:1]}
    address = f"{archive.url}{download}"
    assert name_of(address) == "sub-1_ses-2.nwb"
    with open_remote(address) as stream:
        assert stream.read(4) == b"\x89HDF"
    assert "/blobs/f5f" in archive.asked
    assert (download not in archive.asked) == direct


@pytest.mark.parametrize("version", ["0.210812.1515", "", "draft"])
def test_path_in_a_dandiset(archive: Web, tmp_path: Path, version: str) -> None:
    path = write(tmp_path / "x.nwb")
    archive.files["/blob"] = path
    pages = f"/api/dandisets/000021/versions/{version or '0.251116.2246'}/assets/"
    following = f"{archive.url}/api/more"
    archive.answers["/api/dandisets/000021/"] = {"most_recent_published_version": {"version": "0.251116.2246"}}
    archive.answers[pages] = listing("sub-1/a.nwb.log", following=following)
    archive.answers["/api/more"] = listing("sub-1/b.nwb", "sub-1/a.nwb")
    archive.answers[f"/api/assets/{ASSET[:-4]}0001/"] = {"path": "sub-1/a.nwb", "contentUrl": [f"{archive.url}/blob"]}
    address = f"dandi://000021{'@' * bool(version)}{version}/sub-1/a.nwb"
    assert name_of(address) == "a.nwb"
    (streamed,) = read_sessions(address, bin_width_s=None)
    (on_disk,) = read_sessions(path, bin_width_s=None)
    np.testing.assert_array_equal(streamed.activity, on_disk.activity)
    assert streamed.session_id == "a"


def test_dandiset_never_published_is_read_as_its_draft(archive: Web) -> None:
    archive.answers["/api/dandisets/000022/"] = {"most_recent_published_version": None}
    archive.answers["/api/dandisets/000022/versions/draft/assets/"] = listing()
    with pytest.raises(UserError, match=r"version draft of dandiset 000022 has no file 'a\.nwb'"):
        dandi.asset_at("dandi://000022/a.nwb")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("dandi://000021/a.nwb", r"has no .*/dandisets/000021/ \(HTTP 404"),
        ("dandi://000021@0.1/a.nwb", r"has no .*/versions/0\.1/assets/ \(HTTP 404"),
        ("dandi://a.nwb", r"has the form dandi://<dandiset>\[@<version>\]/<path>"),
    ],
)
def test_nothing_in_the_archive(archive: Web, address: str, message: str) -> None:
    with pytest.raises(UserError, match=message), open_remote(address):
        pass


def test_archive_that_answers_in_riddles(archive: Web) -> None:
    archive.answers["/api/dandisets/000021/"] = b"<html>maintenance</html>"
    with pytest.raises(UserError, match="is not valid JSON"):
        dandi.asset_at("dandi://000021/a.nwb")
    archive.answers["/api/dandisets/000021/"] = [1, 2]
    with pytest.raises(UserError, match="answered without most_recent_published_version"):
        dandi.asset_at("dandi://000021/a.nwb")


def refused(address: str) -> str:
    with pytest.raises(UserError) as error:
        read_sessions(address, bin_width_s=None)
    message = str(error.value)
    assert message.startswith(address)
    assert "\n" not in message
    return message


def test_no_such_file(web: Web) -> None:
    assert f"has no {web.url}/gone.nwb (HTTP 404)" in refused(f"{web.url}/gone.nwb")


def test_server_without_ranges(web: Web, tmp_path: Path) -> None:
    web.files["/a.nwb"] = write(tmp_path / "a.nwb", ballast=BALLAST)
    web.ranges = False
    assert "sends only whole files" in refused(f"{web.url}/a.nwb")
    assert web.sent < BALLAST, "the file was not downloaded to say so"


def test_server_that_is_silent(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", (1.0, 0.05))
    web.silent = True
    assert "did not answer in time" in refused(f"{web.url}/a.nwb")


def test_no_server() -> None:
    with web_server() as stopped:
        url = stopped.url
    assert "is this computer online?" in refused(f"{url}/a.nwb")


def test_no_network() -> None:
    assert "is this computer online?" in refused("http://recordings.invalid/a.nwb")


def test_file_that_vanishes_while_it_is_read(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes(400_000))
    web.files["/a.bin"] = tmp_path / "a.bin"
    with open_remote(f"{web.url}/a.bin") as stream:
        stream.read(10)
        del web.files["/a.bin"]
        stream.seek(300_000)
        with pytest.raises(UserError, match=r"the connection broke while reading: .*404"):
            stream.read(10)


def test_what_is_broken_off_is_not_called_damaged(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web.files["/a.nwb"] = write(tmp_path / "a.nwb")
    monkeypatch.setattr("remfile.File.read", lambda *_: (_ for _ in ()).throw(OSError("reset by peer")))
    assert "the connection broke while reading: reset by peer" in refused(f"{web.url}/a.nwb")


def test_no_nwb_at_the_address(web: Web, tmp_path: Path) -> None:
    (tmp_path / "a.nwb").write_bytes(b"<html>please log in</html>" * 100)
    web.files["/a.nwb"] = tmp_path / "a.nwb"
    assert "cannot be read as NWB" in refused(f"{web.url}/a.nwb")


def test_remfile_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "remfile", None)
    assert 'pip install "synapsnet[dandi]"' in refused("https://example.org/a.nwb")


def test_address_of_nothing_known() -> None:
    with pytest.raises(UserError, match="not the address of a recording: https"):
        find_recordings("https://example.org/a.mp4")
