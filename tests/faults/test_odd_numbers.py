"""Faults that fuzzing found, each as the smallest file that shows it; warnings are errors in the suite."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from layouts import ibl, steinmetz2019, suite2p
from layouts.arrays import write_mat73

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.experiment import load
from synapsnet.session import Session

WIDTH_S = 0.1


def read_one(folder: Path, bin_width_s: float | None = WIDTH_S) -> Session:
    (session,) = read_sessions(folder, bin_width_s=bin_width_s)
    return session


def rewritten(path: Path, dtype: str) -> None:
    np.save(path, np.load(path).astype(dtype))


def test_cluster_numbers_in_float16_are_read(tmp_path: Path) -> None:
    ibl.write(tmp_path)
    before = read_one(tmp_path)
    for path in tmp_path.rglob("spikes.clusters.npy"):
        rewritten(path, "f2")
    np.testing.assert_array_equal(read_one(tmp_path).activity, before.activity)


def test_probe_numbers_in_float16_are_read(tmp_path: Path) -> None:
    planted = steinmetz2019.write(tmp_path)
    before = read_one(tmp_path).unit_table["probe"]
    rewritten(planted.folder / "clusters.probes.npy", "f2")
    np.testing.assert_array_equal(read_one(tmp_path).unit_table["probe"], before)


def test_a_signalling_nan_among_spike_times_is_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    planted = steinmetz2019.write(tmp_path)
    before = read_one(tmp_path).activity
    times_s = np.load(planted.folder / "spikes.times.npy")
    times_s.view(np.uint64).flat[5] = 0x7FF0000000000001
    np.save(planted.folder / "spikes.times.npy", times_s)
    with caplog.at_level(logging.WARNING):
        left = read_one(tmp_path).activity
    assert before.sum() - left.sum() == 1
    assert "NaN" in caplog.text or "not finite" in caplog.text


def test_speeds_beyond_the_largest_float_are_unknown(tmp_path: Path) -> None:
    planted = ibl.write(tmp_path)
    before = read_one(tmp_path)
    position = np.where(np.arange(len(planted.wheel_position)) % 2, -1.7e308, 1.7e308)
    np.save(planted.folder / "_ibl_wheel.position.npy", position)
    session = read_one(tmp_path)
    np.testing.assert_array_equal(session.activity, before.activity)
    assert session.behavior is not None
    speed = session.behavior[:, session.behavior_names.index("wheel_speed")]
    assert np.isnan(speed).sum() > 10
    assert not np.isinf(speed).any()


def test_several_numbers_of_planes_are_no_number_of_planes(tmp_path: Path) -> None:
    plane = suite2p.write(tmp_path, frames=(60,)).folder / "plane0"
    suite2p.save_ops(plane, nplanes=np.array([1, 1]))
    suite2p.to_fall(plane, write_mat73)
    assert read_one(tmp_path, None).bin_width_s == pytest.approx(1 / suite2p.RATE_HZ)  # its suite2p is recent


def test_complex_centers_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    plane = suite2p.write(tmp_path, frames=(60,)).folder / "plane0"
    fall = suite2p.to_fall(plane, write_mat73)
    with h5py.File(fall, "r+") as file:
        medians = [name for name in _datasets(file) if file[name].shape == (2, 1)]
        for name in medians:
            values, attributes = file[name][()], dict(file[name].attrs)
            del file[name]
            file[name] = values * (1 + 1j)
            file[name].attrs.update(attributes)
    assert medians
    with caplog.at_level(logging.WARNING):
        session = read_one(tmp_path, None)
    assert "no cell positions" in caplog.text
    assert "y_px" not in session.unit_table


def _datasets(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found


def test_a_pickle_that_ends_within_a_number_is_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02J\x01")
        archive.writestr("archive/version", b"3\n")
    with pytest.raises(UserError, match="is not a checkpoint of synapsnet"):
        load(path)
