import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers.archive import write_archive
from synapsnet.errors import UserError
from synapsnet.session import Session


def valid() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "activity": rng.poisson(1.0, (30, 4)).astype(np.uint8),
        "bin_width_s": np.float64(0.05),
        "segments": np.array([[0, 10], [12, 30]]),
        "behavior": rng.normal(size=(30, 2)).astype(np.float32),
        "behavior_names": np.array(["speed", "pupil"]),
        "unit_ids": np.array(["a", "b", "c", "d"]),
        "meta": np.array(json.dumps({"session_id": "mouse-1", "signal": "spikes", "region": "VISp"})),
    }


def saved(path: Path, **changes: Any) -> Path:
    arrays = {key: value for key, value in (valid() | changes).items() if value is not None}
    np.savez_compressed(path, **arrays)
    return path


def read_one(path: Path) -> Session:
    (session,) = read_sessions(path, bin_width_s=None)
    return session


def same(a: Session, b: Session) -> None:
    for name in ("activity", "segments", "behavior"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype
    for name in ("session_id", "bin_width_s", "unit_ids", "signal", "behavior_names", "meta"):
        assert getattr(a, name) == getattr(b, name)


def test_every_key_is_read(tmp_path: Path) -> None:
    session, truth = read_one(saved(tmp_path / "x.npz")), valid()
    np.testing.assert_array_equal(session.activity, truth["activity"])
    np.testing.assert_array_equal(session.segments, truth["segments"])
    np.testing.assert_array_equal(session.behavior, truth["behavior"])
    assert (session.session_id, session.signal, session.bin_width_s) == ("mouse-1", "spikes", 0.05)
    assert session.unit_ids == ("a", "b", "c", "d")
    assert session.behavior_names == ("speed", "pupil")
    assert session.meta == {"file": "x.npz", "format": "archive", "region": "VISp"}


@pytest.mark.parametrize(("dtype", "signal"), [(np.uint8, "spikes"), (np.int64, "spikes"), (np.float32, "calcium")])
def test_two_keys_are_enough(tmp_path: Path, dtype: type, signal: str) -> None:
    path = tmp_path / "mouse-7.npz"
    np.savez(path, activity=np.ones((9, 2), dtype=dtype), bin_width_s=0.1)
    session = read_one(path)
    assert (session.session_id, session.signal, session.unit_ids) == ("mouse-7", signal, ("0", "1"))
    assert session.segments.tolist() == [[0, 9]]
    assert session.behavior is not None
    assert session.behavior.shape == (9, 0)


@pytest.mark.parametrize("changes", [{}, {"behavior": None, "behavior_names": None}, {"meta": None}])
def test_written_sessions_read_back_the_same(tmp_path: Path, changes: dict[str, Any]) -> None:
    session = read_one(saved(tmp_path / "first.npz", **changes))
    write_archive(session, tmp_path / "new folder" / "second.npz")
    same(read_one(tmp_path / "new folder" / "second.npz"), session)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["second.npz"]


def test_the_unit_table_is_read_and_written(tmp_path: Path) -> None:
    table = {"unit_region": np.array(["V1", "V1", "LM", ""]), "unit_x_um": np.array([1.0, 2.0, np.nan, 4.0])}
    session = read_one(saved(tmp_path / "first.npz", **table))
    write_archive(session, tmp_path / "second.npz")
    for read in (session, read_one(tmp_path / "second.npz")):
        assert sorted(read.unit_table) == ["region", "x_um"]
        for name, column in read.unit_table.items():
            np.testing.assert_array_equal(column, table[f"unit_{name}"])


def test_missing_behavior_values_survive(tmp_path: Path) -> None:
    behavior = valid()["behavior"]
    behavior[3:6, 1] = np.nan
    session = read_one(saved(tmp_path / "first.npz", behavior=behavior))
    write_archive(session, tmp_path / "second.npz")
    same(read_one(tmp_path / "second.npz"), session)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = read_one(saved(tmp_path / "x.npz"))
    before = (tmp_path / "x.npz").read_bytes()

    def disk_full(file: io.BufferedWriter, **_: Any) -> None:
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(np, "savez_compressed", disk_full)
    with pytest.raises(OSError, match="no space left"):
        write_archive(session, tmp_path / "x.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    assert (tmp_path / "x.npz").read_bytes() == before


def test_archives_end_in_npz(tmp_path: Path) -> None:
    session = read_one(saved(tmp_path / "x.npz"))
    with pytest.raises(UserError, match=r"must end in \.npz"):
        write_archive(session, tmp_path / "x.dat")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activity": None}, "no 'activity' in this archive; it has bin_width_s, segments, behavior"),
        ({"bin_width_s": None}, "no 'bin_width_s' in this archive; it has activity"),
        ({"bin_width_s": np.float64(0)}, "bin_width_s must be a positive number"),
        ({"bin_width_s": np.float64(-0.1)}, "bin_width_s must be a positive number"),
        ({"bin_width_s": np.array([0.1, 0.2])}, "bin_width_s must be one number"),
        ({"bin_width_s": np.array("fast")}, "bin_width_s must be one number"),
        ({"activity": np.array([[{"spikes": 3}]], dtype=object)}, "pickles are never loaded"),
        ({"activity": np.ones(30, dtype=np.uint8)}, r"activity must be \[time, units\]"),
        ({"activity": np.full((30, 4), np.nan, dtype=np.float32)}, "120 NaN or Inf values"),
        ({"meta": np.array("{session_id: mouse}")}, "meta is not valid JSON"),
        ({"meta": np.array("[1, 2]")}, "meta must be a JSON object"),
        ({"meta": np.array('{"signal": "lfp"}')}, "signal must be 'spikes' or 'calcium'"),
        ({"behavior": np.zeros((29, 2), dtype=np.float32)}, "behavior must be .* with 30 bins"),
        ({"behavior_names": None}, "0 behavior_names for 2 features"),
        ({"unit_ids": np.array(["a", "a", "b", "c"])}, "unit_ids must be unique"),
        ({"unit_region": np.array(["V1"])}, "unit_table column 'region' must be .4 units."),
        ({"segments": np.array([[0, 31]])}, "segments must be within the recording"),
    ],
)
def test_bad_archives_get_one_line_that_names_the_file(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = saved(tmp_path / "bad.npz", **changes)
    with pytest.raises(UserError, match=message) as error:
        read_sessions(path, bin_width_s=None)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


class _Bomb:
    """Unpickling it is noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("a pickle was loaded",)


@pytest.mark.parametrize("content", [pickle.dumps({"activity": _Bomb()}), b"", b"PK\x03\x04 and nothing more"])
def test_files_that_are_no_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "disguised.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"disguised\.npz: not an archive of NumPy arrays"):
        read_sessions(path, bin_width_s=None)


def test_truncated_and_damaged_archives(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.npz").read_bytes()
    for cut in (len(whole) // 3, len(whole) - 10):
        path = tmp_path / "cut.npz"
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"cut\.npz: not an archive"):
            read_sessions(path, bin_width_s=None)
    flipped = bytearray(whole)
    flipped[60:90] = bytes(30)
    path.write_bytes(bytes(flipped))
    with pytest.raises(UserError, match=r"cut\.npz: .*not a whole NumPy array"):
        read_sessions(path, bin_width_s=None)


@pytest.mark.parametrize(
    ("folder", "n_sessions", "signal"),
    [
        ("neuropixels_v1", 4, "spikes"),
        ("spikes_m1", 1, "spikes"),
        ("calcium_worm", 5, "calcium"),
        ("calcium_a1", 1, "calcium"),
        ("calcium_ca1", 3, "calcium"),
    ],
)
def test_real_archives(recordings: Path, folder: str, n_sessions: int, signal: str) -> None:
    sessions = read_sessions(recordings / folder, bin_width_s=None)
    assert len(sessions) == n_sessions
    files = sorted((recordings / folder).glob("*.npz"))
    for session, file in zip(sessions, files, strict=True):
        with np.load(file, allow_pickle=False) as arrays:
            np.testing.assert_array_equal(session.activity, arrays["activity"])
            np.testing.assert_array_equal(session.segments, arrays["segments"])
            assert session.bin_width_s == arrays["bin_width_s"]
        assert session.signal == signal
        assert session.session_id == file.stem
        assert session.meta["region"]


def test_real_connectome_is_no_recording(recordings: Path) -> None:
    with pytest.raises(UserError, match="no 'activity' in this archive; it has names, chem, gap"):
        read_sessions(recordings / "connectome_worm", bin_width_s=None)


def test_no_flipped_bit_reads_another_content(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tasks = {"rest": np.array([[0, 10]]), "running": np.array([[12, 30]])}
    session = read_one(saved(tmp_path / "first.npz", unit_region=np.array(["V1", "V1", "LM", ""])))
    path = tmp_path / "second.npz"
    write_archive(replace(session, tasks=tasks), path)
    expected, whole, refused = read_one(path), path.read_bytes(), 0
    directory = whole.rindex(b"PK\x01\x02", 0, whole.index(b"PK\x05\x06"))  # damage to it may hide arrays
    for place in [*rng.integers(len(whole), size=150), *rng.integers(directory - 600, len(whole), size=150)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            found = read_one(path)
        except UserError:
            refused += 1
            continue
        same(found, expected)
        assert {name: column.tolist() for name, column in found.unit_table.items()} == {
            "region": ["V1", "V1", "LM", ""]
        }
        assert {name: bins.tolist() for name, bins in found.tasks.items()} == {
            name: bins.tolist() for name, bins in tasks.items()
        }
    assert refused > 150


def test_an_archive_that_lost_its_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_archive(read_one(saved(tmp_path / "first.npz")), path)
    with np.load(path) as arrays:
        content = {key: arrays[key] for key in arrays.files if key != "checksum"}
    np.savez(path, **content)
    with pytest.raises(UserError, match="damaged: it has lost its checksum"):
        read_one(path)
    np.savez(path, **{**content, "version": np.int64(2)})
    assert read_one(path).session_id == "mouse-1"


def test_content_that_was_changed_without_the_checksum(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    write_archive(read_one(saved(tmp_path / "first.npz")), path)
    with np.load(path) as arrays:
        content = dict(arrays)
    for changed in ({**content, "unit_x_um": np.zeros(4)}, {k: v for k, v in content.items() if k != "segments"}):
        np.savez(path, **changed)
        with pytest.raises(UserError, match="not what its checksum says"):
            read_one(path)


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown key 'segmentz'; known are activity, bin_width_s, segments"):
        read_one(saved(tmp_path / "x.npz", segments=None, segmentz=np.array([[0, 10]])))
