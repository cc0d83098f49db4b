"""Whatever happens to the bytes of a file, it is read as a valid session or refused in one line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts.arrays import planted, write_sidecar, write_session

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers.archive import write_archive
from synapsnet.errors import UserError


def archive(folder: Path) -> None:
    write_archive(planted(), folder / "recording.npz")


def uncompressed_archive(folder: Path) -> None:
    archive(folder)
    with np.load(folder / "recording.npz") as arrays:
        np.savez(folder / "recording.npz", **arrays)


def spike_table(folder: Path) -> None:
    rng = np.random.default_rng(0)
    (folder / "recording.csv").write_text(
        "time,unit\n" + "".join(f"{time:.4f},{unit}\n" for time, unit in zip(rng.random(40), rng.integers(3, size=40)))
    )
    write_sidecar(folder / "recording.csv", {"format": "spike_times"})


def calcium(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "recording.npy", rng.normal(size=(50, 3)))
    np.save(folder / "times.npy", np.arange(50) / 10)
    np.save(folder / "speed.npy", rng.normal(size=20))
    np.save(folder / "speed_times.npy", np.arange(20) / 4)
    keys = {"signal": "calcium", "axes": ["time", "units"], "times": "times.npy", "tasks": {"rest": [[0, 3]]}}
    keys |= {"behavior": "speed.npy", "behavior_times": "speed_times.npy"}
    write_sidecar(folder / "recording.npy", keys)


def alf(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "spikes.times.npy", np.sort(rng.random(60)) * 3)
    np.save(folder / "spikes.clusters.npy", rng.integers(4, size=60).astype(np.int32))


def suite2p(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("F", "Fneu"):
        np.save(folder / f"{name}.npy", rng.normal(size=(4, 50)).astype(np.float32))
    np.save(folder / "iscell.npy", np.array([[1, 0.9], [0, 0.1], [1, 0.8], [1, 0.7]]))


def of_arrays(form: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_session(planted(), folder, form)

    return write


WRITERS: dict[str, Callable[[Path], None]] = {
    "archive": archive,
    "uncompressed_archive": uncompressed_archive,
    **{form: of_arrays(form) for form in ("npy", "mat", "mat73", "csv")},
    "spike_table": spike_table,
    "calcium": calcium,
    "alf": alf,
    "suite2p": suite2p,
}


@pytest.fixture(params=list(WRITERS))
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with one recording that can be read."""
    folder = tmp_path / "whole"
    folder.mkdir()
    WRITERS[request.param](folder)
    assert read_sessions(folder, bin_width_s=0.1)
    return folder


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data())
def damage(data: st.DataObject, whole: Path) -> None:
    """Cut one of the files of a copy, or change some of its bytes, and read it."""
    folder = whole.with_name("damaged")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    path = data.draw(st.sampled_from(sorted(folder.iterdir())), label="file")
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="cut"):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        # Headers are short, and most of what can go wrong is in them: half of the changes fall there.
        places = st.integers(0, min(len(content), 200) - 1) | st.integers(0, len(content) - 1)
        for place in data.draw(st.lists(places, min_size=1, max_size=6), label="places"):
            content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    try:
        sessions = read_sessions(folder, bin_width_s=0.1)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert sessions


def test_damaged_files_are_read_or_refused_in_one_line(whole: Path) -> None:
    damage(whole=whole)
