import logging
import pickle
from pathlib import Path

import numpy as np
import pytest

from synapsnet.data.readers import read_sessions
from synapsnet.errors import UserError
from synapsnet.session import Session


def write(folder: Path, times: np.ndarray, clusters: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "spikes.times.npy", times)
    np.save(folder / "spikes.clusters.npy", clusters)
    return folder


def read_one(folder: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(folder, bin_width_s=bin_width_s)
    return session


@pytest.mark.parametrize("as_column", [False, True])
def test_known_counts_come_back_to_the_last_spike(tmp_path: Path, as_column: bool) -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(0.4, (500, 6))
    counts[-1, 0] = 1
    bins, units = np.nonzero(counts)
    n = counts[bins, units]
    bins, units = np.repeat(bins, n), np.repeat(units, n)
    times = (bins + np.where(rng.random(len(bins)) < 0.3, 0.0, rng.random(len(bins)) * 0.999)) * 0.05
    order = np.argsort(times)
    clusters = np.array([4, 7, 11, 100, 101, 206], dtype=np.int32)[units]
    shape = (-1, 1) if as_column else (-1,)
    folder = write(tmp_path / "probe", times[order].reshape(shape), clusters[order].reshape(shape))
    session = read_one(folder, 0.05)
    np.testing.assert_array_equal(session.activity, counts)
    assert session.unit_ids == ("4", "7", "11", "100", "101", "206")
    assert (session.session_id, session.signal, session.bin_width_s) == ("probe", "spikes", 0.05)
    assert session.segments.tolist() == [[0, 500]]
    assert session.meta == {"file": "probe", "format": "alf"}


def test_default_width_is_20_ms(tmp_path: Path) -> None:
    session = read_one(write(tmp_path, np.array([0.01, 0.02, 0.0599]), np.array([0, 0, 0])))
    assert session.bin_width_s == 0.02
    assert session.activity[:, 0].tolist() == [1, 1, 1]


def test_sessions_in_the_alf_tree_are_told_apart(tmp_path: Path) -> None:
    for number in ("001", "002"):
        for probe in ("probe00", "probe01/pykilosort"):
            write(tmp_path / "KS023" / "2019-12-10" / number / "alf" / probe, np.array([0.1, 0.3]), np.array([1, 2]))
    ids = [session.session_id for session in read_sessions(tmp_path, bin_width_s=None)]
    probes = ("probe00", "probe01-pykilosort")
    assert ids == [f"KS023-2019-12-10-{number}-{probe}" for number in ("001", "002") for probe in probes]


@pytest.mark.parametrize(
    ("times", "clusters", "message"),
    [
        ([0.1, 0.2, 0.3], [1, 2], r"spikes\.times\.npy has 3 spikes but spikes\.clusters\.npy has 2"),
        ([0.1, np.nan], [1, 2], "1 of 2 spike times are NaN"),
        ([0.1, np.inf], [1, 2], "1 of 2 spike times are NaN or infinite"),
        ([0.1, 0.2], [1.5, 2.0], r"spikes\.clusters\.npy must hold whole numbers"),
        (["0.1", "0.2"], [1, 2], r"spikes\.times\.npy must hold seconds"),
        ([[0.1, 0.2]], [1, 2], r"spikes\.times\.npy must be one number a spike"),
        ([], np.empty(0, dtype=int), "not a single spike"),
        ([30_000.0, 9e9], [1, 2], "are they in seconds"),
    ],
)
def test_bad_spikes(tmp_path: Path, times: list, clusters: list, message: str) -> None:
    write(tmp_path, np.array(times), np.array(clusters))
    with pytest.raises(UserError, match=message) as error:
        read_sessions(tmp_path, bin_width_s=None)
    assert str(error.value).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize("name", ["spikes.times.npy", "spikes.clusters.npy"])
def test_missing_truncated_and_pickled_files(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, np.linspace(0, 9, 400), np.arange(400) % 3) / name
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", pickle.dumps([1, 2])):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name} is not a whole NumPy array"):
            read_sessions(tmp_path, bin_width_s=None)
    path.unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        read_sessions(tmp_path, bin_width_s=None)


def test_real_recording(recordings: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = recordings / "alf_ibl"
    with caplog.at_level(logging.WARNING):
        session = read_one(folder, 0.02)
    times, clusters = np.load(folder / "spikes.times.npy"), np.load(folder / "spikes.clusters.npy")
    # The data README tells of copies: 268 repeats 267 exactly.
    assert "268 (of 267, 3 spikes)" in caplog.text
    assert set(session.unit_ids) == {str(cluster) for cluster in np.unique(clusters)} - {"268"}
    assert session.activity.sum() == (clusters != 268).sum()
    assert session.n_bins == 6000
    for unit in ("0", "206", "248"):
        column = session.activity[:, session.unit_ids.index(unit)]
        edges = np.arange(6001) * 0.02
        np.testing.assert_array_equal(column, np.histogram(times[clusters == int(unit)], edges)[0])
