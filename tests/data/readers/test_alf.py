import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
from layouts import steinmetz2019 as steinmetz2019_layout

from synapsnet.data.readers import alf, read_sessions
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
    sessions = read_sessions(tmp_path, bin_width_s=None)
    assert [session.session_id for session in sessions] == ["KS023-2019-12-10-001", "KS023-2019-12-10-002"]
    for session in sessions:
        assert session.unit_ids == ("probe00-1", "probe00-2", "probe01-1", "probe01-2")
    alone = read_one(tmp_path / "KS023" / "2019-12-10" / "001" / "alf" / "probe01")
    assert (alone.session_id, alone.unit_ids) == ("KS023-2019-12-10-001-probe01-pykilosort", ("1", "2"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16])
def test_times_of_any_dtype(tmp_path: Path, dtype: type) -> None:
    times = np.array([0, 3, 1, 2, 2, 5], dtype=dtype)
    session = read_one(write(tmp_path / "probe", times, np.array([9, 9, 9, 9, 9, 2], dtype=np.uint8)), 1.0)
    assert session.activity.T.tolist() == [[0, 0, 0, 0, 0, 1], [1, 1, 2, 1, 0, 0]]


@pytest.mark.parametrize("name", ["neuropixels_v1/Cori_2016-12-14.npz", "spikes_m1/stevenson2011.npz"])
@pytest.mark.parametrize("shift", [0, -137])
def test_counts_of_real_sessions_come_back_to_the_last_spike(
    recordings: Path, tmp_path: Path, name: str, shift: int
) -> None:
    """Spikes on edges, several at one time, in no order, on a clock that starts below 0."""
    (real,) = read_sessions(recordings / name, bin_width_s=None)
    rng = np.random.default_rng(0)
    counts = real.activity[:3000].astype(np.int64)
    bins, units = np.nonzero(counts)
    repeats = counts[bins, units]
    within = np.where(rng.random(len(bins)) < 0.3, 0.0, rng.random(len(bins)) * 0.999)
    times = np.repeat((bins + shift + within) * real.bin_width_s, repeats)
    order = rng.permutation(len(times))
    folder = write(tmp_path / "probe", times[order], np.repeat(units, repeats)[order].astype(np.int32))
    session = read_one(folder, real.bin_width_s)
    firing = np.flatnonzero(counts.any(0))
    first, stop = min(bins.min() + shift, 0), bins.max() + 1 + shift
    expected = np.zeros((stop - first, len(firing)), dtype=np.int64)
    source = counts[max(first - shift, 0) : stop - shift, firing]
    expected[len(expected) - len(source) :] = source
    assert session.unit_ids == tuple(str(unit) for unit in firing)
    np.testing.assert_array_equal(session.activity, expected)


def test_copies_and_near_copies_are_dropped_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(0)
    trains = {unit: np.sort(rng.uniform(0, 60, 300)) for unit in range(1, 6)}
    trains[11] = trains[1].copy()
    trains[12] = trains[2][:285] + rng.uniform(-2e-4, 2e-4, 285)  # two templates of one neuron
    trains[13] = np.r_[trains[3][:200], rng.uniform(0, 60, 100)]  # shares only two thirds
    trains[14] = trains[4][:10] + 1e-4  # too few to tell
    times = np.concatenate(list(trains.values()))
    clusters = np.repeat(list(trains), [len(train) for train in trains.values()])
    order = np.argsort(times)
    with caplog.at_level(logging.WARNING):
        session = read_one(write(tmp_path / "probe", times[order], clusters[order]))
    assert session.unit_ids == ("1", "2", "3", "4", "5", "13", "14")
    (exact, near), names = session.meta["dropped"].keys(), list(session.meta["dropped"].values())
    assert names == [["11"], ["12"]]
    assert "exactly" in exact
    assert "0.3 ms" in near
    assert "11 (of 1, 300 spikes)" in caplog.text
    assert "12 (of 2, 285 spikes)" in caplog.text


def test_times_rounded_to_bins_make_no_near_copies(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bins, units = np.nonzero(rng.random((400, 8)) < 0.97)
    session = read_one(write(tmp_path / "probe", bins * 0.02, units), 0.02)
    assert session.n_units == 8


def test_a_probe_that_recorded_less_ends_the_segment(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for probe, (start, stop) in {"probe00": (0.0, 100.0), "probe01": (30.0, 80.0)}.items():
        times = np.r_[start, np.sort(rng.uniform(start, stop, 1000)), stop]
        write(tmp_path / "alf" / probe, times, np.arange(len(times)) % 3)
    session = read_one(tmp_path, 0.1)
    assert session.segments.tolist() == [[300, 800]]
    write(tmp_path / "alf" / "probe02", np.linspace(200.0, 300.0, 50), np.zeros(50, dtype=int))
    with pytest.raises(UserError, match="one after the other"):
        read_one(tmp_path, 0.1)


def test_a_probe_without_a_spike_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "alf" / "probe00", np.array([0.1, 0.3, 30.0]), np.array([1, 2, 2]))
    write(tmp_path / "alf" / "probe01", np.empty(0), np.empty(0, dtype=np.int32))
    session = read_one(tmp_path, 0.1)
    assert session.unit_ids == ("probe00-1", "probe00-2")
    assert session.segments.tolist() == [[0, 301]]


@pytest.mark.parametrize("dtype", [np.uint64, np.float64])
def test_spike_times_in_samples_are_refused(tmp_path: Path, dtype: type) -> None:
    samples = np.sort(np.random.default_rng(0).integers(0, 60 * 30_000, 3000)).astype(dtype)
    with pytest.raises(UserError, match="whole numbers, probably samples"):
        read_one(write(tmp_path / "probe", samples, np.arange(3000) % 5))


def test_what_is_no_alf_folder(tmp_path: Path) -> None:
    assert not alf.recognises("https://example.org/alf")
    assert not alf.recognises(tmp_path)
    assert not alf.recognises(tmp_path / "missing")
    (tmp_path / "alf" / "probe00").mkdir(parents=True)
    assert not alf.recognises(tmp_path / "alf")
    steinmetz2019_layout.write(tmp_path / "other")
    assert not alf.recognises(tmp_path / "other" / "Cori_2016-12-14")


@pytest.mark.parametrize(
    ("times", "clusters", "message"),
    [
        ([0.1, 0.2, 0.3], [1, 2], r"spikes\.times\.npy has 3 spikes but spikes\.clusters\.npy has 2"),
        ([0.1, np.nan], [1, 2], "1 of 2 spike times are NaN"),
        ([0.1, np.inf], [1, 2], "1 of 2 spike times are NaN or infinite"),
        ([0.1, 0.2], [1.5, 2.0], r"spikes\.clusters\.npy must hold whole numbers"),
        (["0.1", "0.2"], [1, 2], r"spikes\.times\.npy must hold numbers"),
        ([[0.1, 0.2], [0.3, 0.4]], [1, 2], r"spikes\.times\.npy must be one number per row"),
        ([0.1, 0.2], [-1, 2], r"spikes\.clusters\.npy must hold cluster numbers from 0, got -1"),
        ([0.1, 0.2], [1, 2**31], r"spikes\.clusters\.npy must hold cluster numbers from 0"),
        ([], np.empty(0, dtype=int), "there are no spikes"),
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
        with pytest.raises(UserError, match=f"{name} is (not a whole NumPy array|cut off)"):
            read_sessions(tmp_path, bin_width_s=None)
    path.unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        read_sessions(tmp_path, bin_width_s=None)


def test_real_recording(recordings: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = recordings / "alf_ibl"
    with caplog.at_level(logging.WARNING):
        session = read_one(folder, 0.02)
    times, clusters = np.load(folder / "spikes.times.npy"), np.load(folder / "spikes.clusters.npy")
    # 268 repeats 267 exactly; the others have all of their spikes, up to jitter, in common with a twin.
    exact, near = session.meta["dropped"].values()
    assert exact == ["268"]
    assert set(near) == {"54", "57", "62", "102", "149", "180", "250", "269"}
    for line in ("268 (of 267, 3 spikes)", "54 (of 55, 522 spikes)", "180 (of 179, 813 spikes)"):
        assert line in caplog.text
    kept = ~np.isin(clusters, [int(unit) for unit in exact + near])
    assert set(session.unit_ids) == {str(cluster) for cluster in np.unique(clusters[kept])}
    assert session.activity.sum() == kept.sum()
    assert session.n_bins == 6000
    for unit in ("0", "206", "248"):
        column = session.activity[:, session.unit_ids.index(unit)]
        edges = np.arange(6001) * 0.02
        np.testing.assert_array_equal(column, np.histogram(times[clusters == int(unit)], edges)[0])
