"""Inputs that once failed, each after a public report: what is expected of them happens.

============================================ ==================================================================
case                                         test
============================================ ==================================================================
alf_side_file_refuses_session                here, readers/test_ibl.py
alf_wheel_times_double                       here, readers/test_ibl.py
callback_set_to_null                         integration/test_overrides.py: test_parts_are_switched_off_by_null
chdir_and_odd_flags                          integration/test_overrides.py: test_paths_are_meant_from_where…;
                                             config/test_overrides.py: a path is text, flags of a sweep
common_outputs_without_hint                  here (Inscopix), readers/test_phy.py, readers/test_fall_mat.py
csv_as_exported                              here (UTF-16), readers/test_arrays.py, readers/test_bad_arrays.py
folder_named_like_a_number                   integration/test_overrides.py: test_folders_of_every_name
nwb_activity_in_plain_series                 readers/test_nwb_*.py
nwb_behavior_events_silent                   readers/test_nwb_*.py
nwb_deconvolved_alone                        readers/test_nwb_parts.py: test_deconvolved_traces_are_taken…
nwb_filter_of_a_plugin                       here
nwb_population_silence                       test_silence.py: pauses are found, cut, and said by inspect
nwb_series_that_pynwb_refuses                readers/test_nwb_parts.py: test_a_bad_series_costs_itself
nwb_units_in_processing_module               readers/test_nwb_*.py
nwb_vectors_as_columns                       readers/test_nwb_parts.py: test_vectors_may_be_stored_as_columns…
nwb_zarr_or_link                             here (S.NWB); readers/test_layouts_of_labs.py: test_hints_for_what…;
                                             readers/test_nwb_parts.py: test_pointers_and_compression…
output_encoding                              integration/test_overrides.py: test_output_in_ascii
resume_with_fewer_steps                      faults/test_endings.py: test_fewer_steps_than_were_done
run_folder_inside_data                       faults/test_reruns.py: test_runs_below_the_recordings_are_no…
same_name_in_two_subjects                    here (training), readers/test_layouts_of_labs.py
slurm_interactive_ntasks                     faults/test_signals.py: every run there has these variables
two_devices                                  faults/test_endings.py: test_what_training_cannot_do
wandb_environment_ignored                    faults/test_surroundings.py: test_wandb_switched_off_by…, online,
                                             writes where the environment says
wandb_online_without_key                     faults/test_surroundings.py: test_wandb_online_without_a_login
============================================ ==================================================================
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from command import QUICK, Command
from layouts import suite2p
from nwb_files import read_one, units, write
from runs import scores

from synapsnet.data.__main__ import main
from synapsnet.data.readers import read_sessions

Inspect = Callable[[Path], str]
RATE, SECONDS, N_UNITS = 5.0, 120.0, 12


@pytest.fixture
def inspect(capsys: pytest.CaptureFixture[str]) -> Inspect:
    """Output of the command, with every run of blanks as one; it succeeds."""

    def run(path: Path) -> str:
        main(["inspect", str(path), "--max-figures", "0"])
        return " ".join(capsys.readouterr().out.split())

    return run


def refused(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which the command refuses a recording."""
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", str(path), "--max-figures", "0"])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def trains() -> list[np.ndarray]:
    """Spike times of Poisson units, in seconds."""
    rng = np.random.default_rng(0)
    return [np.sort(rng.uniform(0, SECONDS, rng.poisson(RATE * SECONDS))) for _ in range(N_UNITS)]


def alf_session(folder: Path, n_clusters_between: int = 1) -> Path:
    """The ``alf`` folder of a session of one probe, whose clusters are numbered in steps."""
    alf = folder / "KS023" / "2019-12-10" / "001" / "alf"
    (alf / "probe00").mkdir(parents=True)
    spikes = trains()
    order = np.argsort(np.concatenate(spikes))
    clusters = np.repeat(np.arange(N_UNITS) * n_clusters_between, [len(times) for times in spikes])
    np.save(alf / "probe00" / "spikes.times.npy", np.concatenate(spikes)[order])
    np.save(alf / "probe00" / "spikes.clusters.npy", clusters[order])
    return alf


def test_a_camera_with_fewer_times_than_frames(tmp_path: Path, inspect: Inspect) -> None:
    alf = alf_session(tmp_path)
    np.save(alf / "_ibl_leftCamera.times.npy", np.arange(0, SECONDS - 1, 1 / 60))
    np.save(alf / "leftCamera.ROIMotionEnergy.npy", np.ones(7200))
    seen = inspect(tmp_path)
    assert "takes 12 of 12 units" in seen
    assert "is passed over: _ibl_leftCamera.times.npy has 7140 times for 7200 samples" in seen


def test_metrics_of_fewer_clusters_than_there_are(tmp_path: Path, inspect: Inspect) -> None:
    alf = alf_session(tmp_path, n_clusters_between=2)
    rows = "".join(f"{cluster},1.0\n" for cluster in range(0, 2 * N_UNITS, 2))
    (alf / "probe00" / "clusters.metrics.csv").write_text(f",label\n{rows}")
    seen = inspect(tmp_path)
    assert "takes 12 of 12 units" in seen
    assert "clusters.metrics is passed over: cluster 12 has no row in clusters.metrics.csv, which has 12" in seen


def test_a_wheel_of_twice_as_many_times_as_positions(tmp_path: Path, inspect: Inspect) -> None:
    alf = alf_session(tmp_path)
    times = np.arange(0, SECONDS, 0.01)
    np.save(alf / "_ibl_wheel.position.npy", np.where(times < 60, 0.0, 2 * (times - 60)))
    np.save(alf / "_ibl_wheel.timestamps.npy", np.sort(np.r_[times, times + 0.001])[:-7])
    assert "the wheel is passed over: _ibl_wheel.timestamps.npy has 23993 times for 12000 samples" in inspect(tmp_path)
    (session,) = read_sessions(tmp_path, bin_width_s=None)
    assert (session.n_units, session.behavior_names) == (N_UNITS, ())


def test_an_export_of_inscopix_is_read_once_its_header_is_as_advised(
    tmp_path: Path, inspect: Inspect, capsys: pytest.CaptureFixture[str]
) -> None:
    traces = np.random.default_rng(0).normal(size=(300, 3))
    rows = "".join(f"{0.05 * row:.6f},{','.join(map(str, cells))}\n" for row, cells in enumerate(traces))
    (tmp_path / "traces.csv").write_text(f" , C00, C01, C02\nTime(s)/Cell Status, accepted, accepted, rejected\n{rows}")
    (tmp_path / "traces.json").write_text('{"signal": "calcium", "bin_width_s": 0.05}')
    advice = 'two header rows: keep the first, name column 1 time, and write "times": "time" instead of "bin_width_s"'
    assert advice in refused(tmp_path, capsys)
    (tmp_path / "traces.csv").write_text(f"time, C00, C01, C02\n{rows}")
    assert "is column 'time' the time of each bin?" in refused(tmp_path, capsys)
    (tmp_path / "traces.json").write_text('{"signal": "calcium", "times": "time"}')
    assert "1 session x 3 units x 300 bins" in inspect(tmp_path)


def test_a_table_in_utf_16(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rec.csv").write_bytes("a,b\n0.5,1.5\n".encode("utf-16"))
    (tmp_path / "rec.json").write_text('{"signal": "calcium", "bin_width_s": 0.1}')
    assert refused(tmp_path, capsys).endswith("rec.csv is UTF-16: save it as UTF-8")


def compressed(path: Path, number: int, stored: Callable[[np.ndarray], bytes]) -> None:
    """Store the spike times as a filter of this number would."""
    with h5py.File(path, "r+") as file:
        attributes, times = dict(file["units/spike_times"].attrs), file["units/spike_times"][()]
        del file["units/spike_times"]
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk(times.shape)
        made.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(times.shape)
        at = h5py.h5d.create(file["units"].id, b"spike_times", h5py.h5t.NATIVE_DOUBLE, space, made)
        at.write_direct_chunk((0,), stored(times))
        file["units/spike_times"].attrs.update(attributes)
        file["units/spike_times_index"].attrs["target"] = file["units/spike_times"].ref


def test_compression_by_a_filter_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "x.nwb", units(trains()))
    compressed(path, 32767, np.ndarray.tobytes)
    line = refused(path, capsys)
    assert "compressed by a filter that is not installed: pip install hdf5plugin" in line
    assert "damaged" not in line


@pytest.mark.skipif(importlib.util.find_spec("hdf5plugin") is None, reason="needs the extra hdf5plugin")
def test_compression_by_a_filter_that_is_there(tmp_path: Path) -> None:
    path = write(tmp_path / "x.nwb", units(trains()))
    before = read_one(path)
    compressed(path, 32015, _zstd)
    np.testing.assert_array_equal(read_one(path).activity, before.activity)


def _zstd(values: np.ndarray) -> bytes:
    """A frame of zstd that holds the bytes as they are: magic number, size, header of the only block."""
    content = values.tobytes()
    head = (
        bytes.fromhex("28b52ffda0") + len(content).to_bytes(4, "little") + (len(content) << 3 | 1).to_bytes(3, "little")
    )
    return head + content


def test_the_suffix_of_nwb_in_capitals(tmp_path: Path) -> None:
    path = write(tmp_path / "s.nwb", units(trains()))
    before = read_one(path)
    after = read_one(path.rename(tmp_path / "S.NWB"))
    np.testing.assert_array_equal(after.activity, before.activity)


def test_two_subjects_with_folders_of_the_same_date_are_trained_on_together(train: Command) -> None:
    for mouse in ("mouse1", "mouse2"):
        written = suite2p.write(train.folder / "in" / mouse, frames=(450,)).folder
        written.parent.rename(written.parent.with_name("2024-05-01"))
    done = train(*QUICK, "debug=fast", "data=suite2p", "model=mean", "data.root=in", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert set(scores(train.folder / "run")["sessions"]) == {f"mouse{k}-2024-05-01-plane0" for k in (1, 2)}
