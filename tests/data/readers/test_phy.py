"""Folders of Kilosort and phy, against the counts, labels and places that were planted in them."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layouts import phy as layout
from layouts.phy import CLUSTERS, LABELS, QUALITY, RATE_HZ, SITES, Planted, write, write_info, write_table

from synapsnet.data.readers import find_recordings, phy, read_sessions
from synapsnet.data.selection import UnitFilter, select_units
from synapsnet.errors import UserError
from synapsnet.session import Session

SIDE_FILES = (
    "cluster_group.tsv",
    "cluster_KSLabel.tsv",
    "cluster_info.tsv",
    "channel_map.npy",
    "channel_positions.npy",
    "templates.npy",
    "whitening_mat_inv.npy",
    "spike_templates.npy",
)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return write(tmp_path / "mouse1")


def read_one(folder: Path, bin_width_s: float | None = None) -> Session:
    (session,) = read_sessions(folder, bin_width_s=bin_width_s)
    return session


@pytest.mark.parametrize("width", [None, 0.05])
def test_planted_counts_labels_and_places_come_back(planted: Planted, width: float | None) -> None:
    session = read_one(planted.folder, width)
    np.testing.assert_array_equal(session.activity, planted.counts(width or 0.02))
    assert session.activity.sum() == len(planted.samples)
    assert session.unit_ids == tuple(map(str, CLUSTERS))
    assert (session.session_id, session.signal, session.bin_width_s) == ("kilosort4", "spikes", width or 0.02)
    assert session.meta == {"file": "kilosort4", "format": "phy"}
    assert set(session.unit_table) == {"quality", "x_um", "y_um"}
    assert session.unit_table["quality"].tolist() == list(QUALITY)
    for column, axis in (("x_um", 0), ("y_um", 1)):
        np.testing.assert_array_equal(session.unit_table[column], planted.places[list(SITES), axis])


@pytest.mark.parametrize("dtype", [np.uint64, np.int64, np.int32, np.uint32, np.float64])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_any_dtype_shape_and_order(planted: Planted, dtype: type, shape: tuple[int, ...]) -> None:
    order = np.random.default_rng(1).permutation(len(planted.samples))
    np.save(planted.folder / "spike_times.npy", planted.samples[order].astype(dtype).reshape(shape))
    np.save(planted.folder / "spike_clusters.npy", planted.clusters[order].reshape(shape))
    (planted.folder / "spike_templates.npy").unlink()
    np.testing.assert_array_equal(read_one(planted.folder).activity, planted.counts(0.02))


def test_templates_are_the_clusters_where_nobody_curated(planted: Planted) -> None:
    before = read_one(planted.folder)
    (planted.folder / "spike_clusters.npy").unlink()
    session = read_one(planted.folder)
    assert session.unit_ids == ("0", "1", "2", "3", "7", "9")
    np.testing.assert_array_equal(session.activity, before.activity[:, [0, 5, 1, 2, 3, 4]])
    np.testing.assert_array_equal(session.unit_table["y_um"], before.unit_table["y_um"][[0, 5, 1, 2, 3, 4]])


def test_default_selection_takes_what_the_curator_called_good(planted: Planted) -> None:
    taken, dropped = select_units(read_one(planted.folder), UnitFilter(quality=["good"]))
    assert taken.unit_ids == ("0", "3", "12")
    assert list(dropped.values()) == [["2", "7", "9"]]


def test_labels_by_the_file_that_has_them(planted: Planted) -> None:
    folder = planted.folder

    def quality() -> list[str] | None:
        column = read_one(folder).unit_table.get("quality")
        return None if column is None else column.tolist()

    (folder / "cluster_group.tsv").rename(folder / "cluster_groups.csv")  # phy 1, with tabs
    assert quality() == list(QUALITY)
    (folder / "cluster_groups.csv").unlink()
    by_kilosort = [label or "unsorted" for label in LABELS]
    assert quality() == by_kilosort
    write_info(folder)
    assert quality() == list(QUALITY)
    info = (folder / "cluster_info.tsv").read_text()
    (folder / "cluster_info.tsv").write_text("\ufeff" + info.replace("cluster_id", "id").replace("\t", ","))
    assert quality() == list(QUALITY)
    (folder / "cluster_info.tsv").unlink()
    (folder / "cluster_KSLabel.tsv").rename(folder / "cluster_group.tsv")  # Kilosort 4 writes both
    assert quality() == by_kilosort
    write_table(folder / "cluster_group.tsv", "group", ("unsorted",) * len(CLUSTERS))
    assert quality() is None  # nobody labelled any


def test_channels_and_depths_that_phy_lists(planted: Planted) -> None:
    write_info(planted.folder)
    (planted.folder / "templates.npy").unlink()
    table = read_one(planted.folder).unit_table
    np.testing.assert_array_equal(table["x_um"], planted.places[list(SITES), 0])  # channel 5 is site 4
    np.testing.assert_array_equal(table["y_um"], planted.places[list(SITES), 1])
    np.testing.assert_array_equal(table["depth_um"], 20.0 * np.array(SITES))
    info = (planted.folder / "cluster_info.tsv").read_text().splitlines(keepends=True)
    (planted.folder / "cluster_info.tsv").write_text("".join(info[:-1]))
    table = read_one(planted.folder).unit_table
    assert np.isnan(table["x_um"]).tolist() == np.isnan(table["depth_um"]).tolist() == [False] * 5 + [True]


def test_sparse_templates(planted: Planted) -> None:
    before = read_one(planted.folder).unit_table
    unwhitened = np.load(planted.folder / "templates.npy") @ np.load(planted.folder / "whitening_mat_inv.npy")
    sites = np.argsort(-np.ptp(unwhitened, axis=1), axis=1)[:, [2, 0, 1]]  # three channels of each
    np.save(planted.folder / "templates.npy", np.take_along_axis(unwhitened, sites[:, None], axis=2))
    np.save(planted.folder / "templates_ind.npy", sites)
    table = read_one(planted.folder).unit_table
    for column in ("x_um", "y_um"):
        np.testing.assert_array_equal(table[column], before[column])
    sites[7] = -1  # padding
    np.save(planted.folder / "templates_ind.npy", sites)
    assert np.isnan(read_one(planted.folder).unit_table["x_um"]).tolist() == [unit == 7 for unit in CLUSTERS]


def test_probes_are_sessions_of_their_own(tmp_path: Path) -> None:
    for probe in (0, 1):
        write(tmp_path / "mouse1" / f"imec{probe}", seed=probe)
    sessions = read_sessions(tmp_path, bin_width_s=None)
    assert [session.session_id for session in sessions] == ["imec0-kilosort4", "imec1-kilosort4"]


def test_copies_are_dropped_and_named(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    copied = planted.clusters == 7
    samples = np.r_[planted.samples, planted.samples[copied], planted.samples[planted.clusters == 9] + 3]
    clusters = np.r_[planted.clusters, np.full(copied.sum(), 20), np.full((planted.clusters == 9).sum(), 21)]
    np.save(planted.folder / "spike_times.npy", samples)
    np.save(planted.folder / "spike_clusters.npy", clusters)
    with caplog.at_level(logging.WARNING):
        session = read_one(planted.folder)
    assert sorted(session.meta["dropped"].values()) == [["20"], ["21"]]
    assert session.unit_ids == tuple(map(str, CLUSTERS))


def test_a_stray_spike_is_left_out(planted: Planted, caplog: pytest.LogCaptureFixture) -> None:
    samples = planted.samples.astype(np.uint64)
    samples[-1] = np.iinfo(np.uint64).max - 10  # -11, written without its sign
    np.save(planted.folder / "spike_times.npy", samples)
    with caplog.at_level(logging.WARNING):
        assert read_one(planted.folder).activity.sum() == len(samples) - 1
    assert "spikes far after all others are left out" in caplog.text


@pytest.mark.parametrize(
    "line",
    [
        "sample_rate = 30e3",
        "sample_rate = 30000  # Hz",
        "sample_rate = 25000.\nsample_rate = 30000.",
        "\ufeffdat_path = ['a.bin',\n  'C:\\data']\r\nsample_rate = 30000.0\r\n",
        "raise SystemExit\nsample_rate = 30000.",
    ],
)
def test_params_are_read_as_text(planted: Planted, line: str) -> None:
    (planted.folder / "params.py").write_text(line, encoding="utf-8", newline="")
    np.testing.assert_array_equal(read_one(planted.folder).activity, planted.counts(0.02))


def test_nothing_in_params_is_run(planted: Planted, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    call = f"__import__('pathlib').Path({str(trap)!r}).touch()"
    (planted.folder / "params.py").write_text(f"{call}\nsample_rate = 30000.")
    assert read_sessions(planted.folder, bin_width_s=None)
    (planted.folder / "params.py").write_text(f"sample_rate = {call} or 30000.")
    with pytest.raises(UserError, match=r"params\.py must have the line"):
        read_sessions(planted.folder, bin_width_s=None)
    assert not trap.exists()
    exec((planted.folder / "params.py").read_text())
    assert trap.exists()  # the trap does work


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"params\.py is missing; write it with the line sample_rate = 30000\."),
        ("dtype = 'int16'", r"params\.py has no sample_rate; it must have the samples per second"),
        ("", r"params\.py has no sample_rate"),
        ("sample_rate = 2 * 15000", r"params\.py must have the line sample_rate = 30000\., but cannot be read"),
        ("sample_rate = rate", r"params\.py must have the line"),
        ("sample_rate = ", r"params\.py must have the line"),
        ("sample_rate = '30000'", r"params\.py has sample_rate = '30000'; it must"),
        ("sample_rate = 30", r"params\.py has sample_rate = 30; it must"),
        ("sample_rate = True", r"params\.py has sample_rate = True"),
        ("sample_rate = 1e999", r"params\.py has sample_rate = inf"),
        ("sample_rate = " + "9" * 5000, r"params\.py must have the line"),
        ("sample_rate = " + "[" * 5000, r"params\.py must have the line"),
        ("sample_rate = " + "-" * 60000 + "1", r"params\.py must have the line"),
        ("x = 1\0", r"params\.py must have the line"),
        ("#" * 2**16 + "\nsample_rate = 30000.", r"params\.py is larger than 65536 bytes"),
    ],
)
def test_bad_params(planted: Planted, content: str | None, message: str) -> None:
    (planted.folder / "params.py").unlink()
    if content is not None:
        (planted.folder / "params.py").write_text(content)
    with pytest.raises(UserError, match=message) as error:
        read_sessions(planted.folder, bin_width_s=None)
    assert str(error.value).startswith(f"{planted.folder}: ")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("spike_times", np.arange(9), r"spike_times\.npy has 9 spikes but spike_clusters\.npy has \d+"),
        (
            "spike_times",
            np.array([0.1, 0.2]),
            r"spike_times\.npy must count samples, which are whole numbers",
        ),
        ("spike_times", np.array(["a"]), r"spike_times\.npy must hold numbers"),
        ("spike_clusters", np.array([[1, 2], [3, 4]]), r"spike_clusters\.npy must be one number per row"),
        ("spike_clusters", np.arange(3) - 1, r"spike_times\.npy has \d+ spikes but spike_clusters\.npy has 3"),
    ],
)
def test_bad_spikes(planted: Planted, name: str, array: np.ndarray, message: str) -> None:
    np.save(planted.folder / f"{name}.npy", array)
    with pytest.raises(UserError, match=message):
        read_sessions(planted.folder, bin_width_s=None)


def test_missing_and_truncated_spikes(planted: Planted) -> None:
    whole = (planted.folder / "spike_times.npy").read_bytes()
    (planted.folder / "spike_times.npy").write_bytes(whole[:-3])
    with pytest.raises(UserError, match=r"spike_times\.npy is (not a whole NumPy array|cut off)"):
        read_sessions(planted.folder, bin_width_s=None)
    (planted.folder / "spike_times.npy").unlink()
    with pytest.raises(UserError, match=r"spike_times\.npy is missing"):
        read_sessions(planted.folder, bin_width_s=None)


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        (
            "cluster_group.tsv",
            b"",
            "must have a column cluster_id, and group or KSLabel; it has none",
        ),
        ("cluster_group.tsv", b"a\tb\n1\t2\n", "it has a, b"),
        (
            "cluster_group.tsv",
            "cluster_id\tgroup\n0\tgood\n".encode("utf-16"),
            "cluster_group.tsv is not a table in UTF-8",
        ),
        ("cluster_info.tsv", b"ch\tdepth\n1\t2\n", "cluster_info.tsv must have a column cluster_id; it has ch, depth"),
        ("channel_map.npy", np.arange(3), "channel_map.npy has 3 channels, but there are 7 positions"),
        ("channel_positions.npy", np.ones(4), "channel_positions.npy must be numbers [rows, 2]"),
        ("templates.npy", np.ones((10, 4, 3)), "templates.npy is passed over: templates_ind.npy is missing"),
        ("templates.npy", np.ones((10, 7)), "templates.npy must be numbers [templates, samples, channels]"),
        ("templates.npy", np.ones((3, 4, 7)), "there are spikes of template 9, but templates.npy has 3"),
        ("whitening_mat_inv.npy", np.ones((2, 7)), "whitening_mat_inv.npy must be [7, 7], got 2 rows"),
        ("spike_templates.npy", np.ones(3, dtype=int), "spike_templates.npy has 3 spikes but spike_clusters.npy has"),
    ],
)
def test_a_broken_side_file_costs_one_line(
    planted: Planted, name: str, content: bytes | np.ndarray, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    if isinstance(content, bytes):
        (planted.folder / name).write_bytes(content)
    else:
        np.save(planted.folder / name, content)
    with caplog.at_level(logging.WARNING):
        session = read_one(planted.folder)
    (message,) = caplog.messages
    assert name.partition(".")[0] in message
    assert line in message
    np.testing.assert_array_equal(session.activity, planted.counts(0.02))
    assert "quality" in session.unit_table


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    planted = write(tmp_path_factory.mktemp("counted"))
    write_info(planted.folder)
    return planted


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(SIDE_FILES), data=st.data())
def test_damage_to_a_side_file_leaves_the_counts(counted: Planted, name: str, data: st.DataObject) -> None:
    path = counted.folder / name
    whole = path.read_bytes()
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)), label="length")])
    for place in data.draw(st.lists(st.integers(0, max(len(content) - 1, 0)), max_size=6), label="places"):
        content[place : place + 1] = data.draw(st.binary(min_size=1, max_size=1))
    path.write_bytes(bytes(content))
    try:
        session = read_one(counted.folder)
    finally:
        path.write_bytes(whole)
    assert session.unit_ids == tuple(map(str, CLUSTERS))
    np.testing.assert_array_equal(session.activity, counted.counts(0.02))


def test_what_is_a_phy_folder(planted: Planted, tmp_path: Path) -> None:
    folder = planted.folder
    assert [recording.path for recording in find_recordings(tmp_path)] == [folder]
    assert not phy.recognises(str(folder))
    assert not phy.recognises(folder / "params.py")
    assert not phy.recognises(tmp_path / "missing")
    (folder / "spike_times.json").write_text("{}")  # the sidecar of a plain array
    assert not phy.recognises(folder)
    (folder / "spike_times.json").unlink()
    (folder / "params.py").rename(folder / "other.py")
    assert phy.recognises(folder)
    (folder / "spike_times.npy").unlink()
    assert not phy.recognises(folder)
    (folder / "other.py").rename(folder / "params.py")
    assert phy.recognises(folder)
    (folder / "spike_clusters.npy").unlink()
    assert phy.recognises(folder)
    (folder / "spike_templates.npy").unlink()
    assert not phy.recognises(folder)


def test_seconds_are_samples_by_the_rate(planted: Planted) -> None:
    (planted.folder / "params.py").write_text(f"sample_rate = {RATE_HZ / 2}")
    session = read_one(planted.folder)
    assert session.n_bins == pytest.approx(2 * layout.DURATION_S / 0.02, rel=0.01)


def test_sorters_folders_of_an_ibl_session_are_not_its_spikes_again(tmp_path: Path) -> None:
    write(tmp_path / "001" / "spike_sorters" / "ks2_matlab" / "probe00")
    assert [recording.reader for recording in find_recordings(tmp_path)] == [phy]
    (tmp_path / "001" / "alf" / "probe00").mkdir(parents=True)
    for name, values in (("times", [0.1, 0.2]), ("clusters", [0, 1])):
        np.save(tmp_path / "001" / "alf" / "probe00" / f"spikes.{name}.npy", np.array(values))
    assert [recording.reader.__name__.rpartition(".")[2] for recording in find_recordings(tmp_path)] == ["alf"]
