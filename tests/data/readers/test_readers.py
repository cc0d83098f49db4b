"""Laws of every reader found on disk, and of the choice among them."""

from pathlib import Path

import numpy as np
import pytest

from synapsnet.data import readers as package
from synapsnet.data.__main__ import main
from synapsnet.data.readers import Reader, find_recordings, read_sessions, readers
from synapsnet.data.readers.archive import write_archive
from synapsnet.errors import UserError
from synapsnet.session import Session

ON_DISK = sorted(path.stem for path in Path(package.__file__).parent.glob("*.py") if not path.name.startswith("_"))


def spikes(session_id: str) -> Session:
    counts = np.random.default_rng(0).poisson(1.0, (20, 3))
    return Session(session_id=session_id, activity=counts, bin_width_s=0.1, unit_ids=("a", "b", "c"), signal="spikes")


def test_every_module_on_disk_is_a_reader() -> None:
    assert [reader.__name__.rpartition(".")[2] for reader in readers()] == ON_DISK  # type: ignore[attr-defined]
    assert {"alf", "archive", "nwb", "suite2p"} <= set(ON_DISK)


@pytest.mark.parametrize("reader", readers(), ids=ON_DISK)
def test_no_reader_takes_what_is_no_recording(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no recording")
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "folder.nwb").mkdir()
    for junk in [tmp_path, *tmp_path.iterdir(), tmp_path / "missing.npz", tmp_path / "missing.nwb"]:
        assert reader.recognises(junk) is False, junk


def test_folder_is_searched_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b/later", "a/second", "a/first"):
        write_archive(spikes(name.replace("/", "-")), tmp_path / f"{name}.npz")
    (tmp_path / "a" / "notes.txt").write_text("not a recording")
    write_archive(spikes("hidden"), tmp_path / ".cache" / "hidden.npz")
    found = read_sessions(tmp_path, bin_width_s=None)
    assert [session.session_id for session in found] == ["a-first", "a-second", "b-later"]
    only = read_sessions(str(tmp_path / "b" / "later.npz"), bin_width_s=None)
    assert [session.session_id for session in only] == ["b-later"]


def test_relative_paths_name_sessions_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mouse"
    folder.mkdir()
    np.save(folder / "spikes.times.npy", np.array([0.1, 0.2]))
    np.save(folder / "spikes.clusters.npy", np.array([0, 1]))
    monkeypatch.chdir(folder)
    assert read_sessions(".", bin_width_s=None)[0].session_id == "mouse"


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file or folder: .*nowhere"):
        read_sessions(tmp_path / "nowhere", bin_width_s=None)


def test_folder_without_a_recording_says_where_the_formats_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=r"no recording in the folder .*; the formats: .* inspect --help") as error:
        read_sessions(tmp_path, bin_width_s=None)
    assert str(tmp_path) in str(error.value)
    with pytest.raises(SystemExit, match="0"):
        main(["inspect", "--help"])
    lines = capsys.readouterr().out.splitlines()
    for name in ("*.npz", "*.nwb", "spikes.times.npy", "iscell.npy"):
        assert sum(name in line for line in lines) >= 1


def test_unknown_file_type(tmp_path: Path) -> None:
    path = tmp_path / "recording.dat"
    path.write_bytes(b"anything")
    with pytest.raises(UserError, match=r"unknown file type: .*recording\.dat; the formats: "):
        read_sessions(path, bin_width_s=None)


@pytest.mark.parametrize("width", [0.0, -0.02, float("nan"), float("inf")])
def test_bin_width_must_be_positive(tmp_path: Path, width: float) -> None:
    with pytest.raises(UserError, match="bin_width_s must be a positive number"):
        read_sessions(tmp_path, bin_width_s=width)


def test_two_recordings_of_one_id(tmp_path: Path) -> None:
    write_archive(spikes("same"), tmp_path / "a.npz")
    write_archive(spikes("same"), tmp_path / "b.npz")
    with pytest.raises(UserError, match=r"b\.npz: the session id 'same' is already used by .*a\.npz"):
        read_sessions(tmp_path, bin_width_s=None)


def test_links_lead_nowhere_twice(tmp_path: Path) -> None:
    write_archive(spikes("a"), tmp_path / "real" / "a.npz")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "twin").symlink_to("real")
    assert [recording.path for recording in find_recordings(tmp_path)] == [tmp_path / "real" / "a.npz"]


def test_an_empty_path_is_not_the_folder_that_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(spikes("a"), tmp_path / "a.npz")
    monkeypatch.chdir(tmp_path)
    assert len(find_recordings(".")) == 1
    with pytest.raises(UserError, match="the path is empty"):
        find_recordings("")
