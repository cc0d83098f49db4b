"""Whatever happens to the bytes of a file, it is read as a valid session or refused in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import nwb_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from layouts import bugeon2022, caiman, ibl, phy, steinmetz2019, suite2p
from layouts.arrays import planted, write_mat, write_mat73, write_session, write_sidecar
from pynwb import TimeSeries

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers._arrays.sidecar import _EXPECTED
from synapsnet.data.readers.archive import _KEYS, write_archive
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
        "time,unit\n"
        + "".join(f"{time:.4f},{unit}\n" for time, unit in zip(rng.random(40), rng.integers(3, size=40), strict=True))
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


def spike_trains(folder: Path) -> None:
    rng = np.random.default_rng(0)
    np.save(folder / "recording.npy", rng.random(60) * 3)
    np.save(folder / "clusters.npy", rng.integers(4, size=60))
    np.save(folder / "speed.npy", rng.normal(size=20))
    np.save(folder / "times.npy", np.arange(20) / 4)
    keys = {"units": "clusters.npy", "behavior": "speed.npy", "behavior_times": "times.npy", "segments": [[0, 2.0]]}
    write_sidecar(folder / "recording.npy", {"format": "spike_times", **keys})


def nwb(folder: Path) -> None:
    rng = np.random.default_rng(0)
    tasks = nwb_files.intervals("gratings_presentations", [(0.0, 1.0), (1.5, 3.0)])
    speed = TimeSeries(name="speed", data=rng.normal(size=30), unit="m/s", rate=10.0)
    nwb_files.write(
        folder / "recording.nwb",
        nwb_files.electrodes(["CA1", "CA1", "VISp"]),
        nwb_files.units([np.sort(rng.random(20)) * 3 for _ in range(3)], electrodes=[[0], [1], [2]]),
        nwb_files.rois(rng.normal(size=(30, 3)), rate=10.0),
        nwb_files.behavior(speed),
        tasks,
    )


def of_arrays(form: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        write_session(planted(), folder, form)

    return write


def fall_mat(write_matlab: Callable[[Path, Any], None]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        suite2p.to_fall(suite2p.write(folder, frames=(60,)).folder / "plane0", write_matlab)

    return write


WRITERS: dict[str, Callable[[Path], object]] = {
    "archive": archive,
    "uncompressed_archive": uncompressed_archive,
    **{form: of_arrays(form) for form in ("npy", "mat", "mat73", "csv")},
    "spike_table": spike_table,
    "calcium": calcium,
    "spike_trains": spike_trains,
    "nwb": nwb,
    "fall_mat": fall_mat(write_mat),
    "fall_mat73": fall_mat(write_mat73),
    **{
        layout.__name__.removeprefix("layouts."): layout.write
        for layout in (bugeon2022, caiman, ibl, phy, steinmetz2019, suite2p)
    },
}


@pytest.fixture(params=list(WRITERS))
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with one recording that can be read."""
    folder = tmp_path / "whole"
    folder.mkdir()
    WRITERS[request.param](folder)
    assert read_sessions(folder, bin_width_s=0.1)
    return folder


@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def damage(data: st.DataObject, whole: Path) -> None:
    """Cut one of the files of a copy, or change some of its bytes, and read it.

    Always the same ones: of what HDF5 makes of damage, not everything is in the hands of a reader.
    """
    folder = whole.with_name("damaged")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    path = data.draw(st.sampled_from(sorted(path for path in folder.rglob("*") if path.is_file())), label="file")
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="cut"):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        # Headers are short, and most of what can go wrong is in them: half of the changes fall there.
        places = st.integers(0, min(len(content), 200) - 1) | st.integers(0, len(content) - 1)
        for place in data.draw(st.lists(places, min_size=1, max_size=6), label="places"):
            content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    read_or_refused(folder)


def read_or_refused(path: Path) -> None:
    message = ""
    try:
        assert read_sessions(path, bin_width_s=0.1)
    except UserError as error:
        message = str(error)
    assert len(message.splitlines()) <= 1


def test_damaged_files_are_read_or_refused_in_one_line(whole: Path) -> None:
    damage(whole=whole)


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
DTYPES = st.sampled_from(["u1", "i8", "u8", "f4", "f8", "f2", "b1", "c8", "U3", "S2", "M8[s]"])
NUMBERS = st.sampled_from([0, 1, 2, 40, -1, 2**63 - 1])


@st.composite
def odd_arrays(draw: st.DrawFn) -> np.ndarray:
    """An array that nobody asked for; of the shape that was asked for now and then."""
    shape = draw(
        SHAPES | st.sampled_from([(480, 4), (480, 2), (4,), (480,), (2, 2), (2, 3), (60,), (50, 3), (50,), (20,)])
    )
    values = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e300, np.nan, np.inf])
    dtype = np.dtype(draw(DTYPES))
    if dtype.kind in "fc":
        with np.errstate(over="ignore"):
            return np.full(shape, draw(values)).astype(dtype)
    if dtype.kind in "iu":
        return np.full(shape, draw(NUMBERS) % (np.iinfo(dtype).max + 1)).astype(dtype)
    return np.full(shape, draw(st.sampled_from([0, 1]))).astype(dtype)


@settings(max_examples=40, deadline=None)
@given(
    key=st.sampled_from([*_KEYS, "unit_region", "unit_x_um", "unit_note"]),
    value=odd_arrays(),
)
def test_archives_with_another_array_in_place_of_one(
    key: str, value: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.npz"
    write_archive(planted(), path)
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, key: value})
    read_or_refused(path)


@settings(max_examples=40, deadline=None)
@given(write=st.sampled_from([calcium, spike_trains]), data=st.data(), value=odd_arrays())
def test_plain_arrays_with_another_in_place_of_one(
    write: Callable[[Path], None], data: st.DataObject, value: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    write(folder)
    np.save(data.draw(st.sampled_from(sorted(folder.glob("*.npy")))), value)
    read_or_refused(folder)


SIDECAR_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["times.npy", "a:b"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["region", "x_um", "rest"]), inner),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(key=st.sampled_from(list(_EXPECTED)), value=SIDECAR_VALUES)
def test_sidecars_with_another_value_of_a_key(key: str, value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("odd")
    calcium(folder)
    sidecar = folder / "recording.json"
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), key: value}))
    read_or_refused(folder)
