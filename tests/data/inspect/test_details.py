"""Of one session everything is said: what is planted, and what is known of real recordings."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inspected import planted, recorded

from synapsnet.data.readers.archive import write_archive


def test_everything_that_is_planted_is_said(inspect):
    write_archive(planted(), Path("mouse1.npz"))
    seen = inspect("mouse1.npz")
    assert (seen.code, seen.err) == (0, "")
    for text in (
        "mouse1 size 1 session x 7 units x 1,000 bins duration 19.4 s signal spikes, up to 3 in a bin bin width 20 ms",
        "segments 2: shortest 10 bins (0.2 s), median 485 bins (9.7 s), longest 960 bins (19.2 s); "
        "1 too short to forecast from a context of 10 bins",
        "spontaneous 20.0% 3.88 s 2",
        "natural_scenes 69.1% 13.4 s 1",
        "speed -1 2.88 20.0% lick 2 2 constant pupil 100.0% never measured",
        "rates lowest 0, median 20, highest 37.6 spikes/s",
        "silent 1 unit (g)",
        "missing 30 bins outside of all segments; 40.0% of the values of behavior",
        "region VISp 4, CA1 2, unknown 1",
        "quality good 5, mua 1, unknown 1",
        "presence_ratio lowest 0.5, median 1, highest 1; known of 6 of 7 units",
        "species Mus musculus citation Somebody et al. 2020 licence CC BY 4.0",
        "identical b = c",
        "audit LEAK by copies of units",
        "reader dropped 2 units (x1, x2): units without a spike",
        "takes 3 of 7 units and 1 of 3 series of behavior",
        "1 unit (e): quality is not good",
        "1 unit (f): presence_ratio below 0.9",
        "2 units (d, g): active in fewer than 10 bins of the train split (data.min_active_bins)",
        "behavior lick, pupil: constant or never measured on the train split",
        "1 of 2 segments divided between splits, because whole segments do not give every split its share",
        "1 of 2 segments (10 of 970 bins): no longer than the context of 10 bins (data.context_bins)",
        "drawn: outputs/inspect/mouse1.png",
    ):
        assert text in seen.words
    assert Path("outputs/inspect/mouse1.png").read_bytes().startswith(b"\x89PNG")
    assert (
        " ".join(seen.out.splitlines()[-1].split())
        == "train: python train.py model=synapsnet data=neuropixels data.root=mouse1.npz"
    )
    assert all(line == line.rstrip() and len(line) <= 110 for line in seen.out.splitlines())


def test_calcium_is_described_by_its_signal(inspect):
    activity = np.zeros((200, 2), dtype=np.float32)
    activity[::4, 0] = 4.0
    write_archive(replace(recorded(n_bins=200, n_units=2), activity=activity, signal="calcium"), Path("c.npz"))
    seen = inspect("c.npz", "--max-figures", 0, "--bin-width-s", 0.02)
    for text in (
        "signal calcium, a value every 20 ms",
        "mean lowest 0, median 0.5, highest 1",
        "deviation lowest 0, median 0.866, highest 1.73",
        "active lowest 0, median 12.5, highest 25 % of the frames above the unit's own minimum",
        "flat 1 unit (u1)",
        "behavior none",
        "missing nothing",
        "tasks none named",
        "segments 1, without a gap",
        "python train.py model=synapsnet data=calcium data.root=c.npz data.bin_width_s=0.02",
    ):
        assert text in seen.words
    assert "drawn" not in seen.out
    assert not Path("outputs").exists()


def test_bins_that_fill_no_wider_one_are_said(inspect):
    write_archive(recorded(segments=np.array([[0, 497], [500, 999]])), Path("s.npz"))
    reason = "bins: no full bin of 0.1 s at the end of a segment (data.bin_width_s)"
    assert f"leaves out 6 of 996 {reason}" in inspect("s.npz", "--max-figures", 0, "--bin-width-s", 0.1).words
    assert "leaves out nothing" in inspect("s.npz", "--max-figures", 0).words


def test_names_are_printed_as_they_are_and_figures_stay_in_their_folder(inspect):
    write_archive(recorded("../[bold]m/:smile:"), Path("s.npz"))
    seen = inspect("s.npz", "--out", "drawn")
    assert seen.out.startswith("../[bold]m/:smile:\n")
    assert len(list(Path("drawn").glob("*.png"))) == 1
    assert not list(Path().glob("*.png"))


def test_what_readers_log_is_said_in_its_place(inspect, caplog):
    folder = Path("probe")
    folder.mkdir()
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 30, 600))
    np.save(folder / "spikes.times.npy", np.concatenate([times, times]))
    np.save(folder / "spikes.clusters.npy", np.repeat([3, 8], 600))
    seen = inspect(folder, "--max-figures", 0)
    assert seen.err == ""
    assert not caplog.records
    assert "reader" in seen.out
    assert "8" in seen.words.partition("reader")[2].partition("Training")[0]
    assert seen.out.splitlines()[-1].startswith("prepare: python -m synapsnet.data prepare probe ")
    assert logging.getLogger("synapsnet").propagate
    assert not logging.getLogger("synapsnet").handlers


def test_a_meta_of_any_json_is_no_obstacle(inspect):
    odd = recorded(meta={"species": 3, "citation": ["a", "b"], "dropped": "nothing", "format": None})
    write_archive(odd, Path("s.npz"))
    seen = inspect("s.npz", "--max-figures", 0)
    assert seen.code == 0
    assert "species 3 citation" in seen.words


REAL = {
    "neuropixels_v1/Cori_2016-12-14.npz": (None, ["178 units x 8,346 bins", "214: shortest 39 bins"]),
    "spikes_m1": (None, ["171 units x 15,536 bins", "up to 26 in a bin", "behavior hand_z, hand_vz: constant"]),
    "calcium_worm/2022-07-26-31.npz": (None, ["146 units x 800 bins", "bin width 0.6 s", "pumping 100.0% never"]),
    "calcium_ca1": (None, ["3 sessions, 1,315 units", "C11_M1_envA_s2"]),
    "alf_ibl": (None, ["bin width 20 ms", "6,000 bins", "data=neuropixels"]),
    "nwb/A0634-210127.nwb": (None, ["10 units x 35,743 bins", "data=calcium", "prepare"]),
    "suite2p": (0.1, ["20 units x", "bin width 0.1 s", "data.bin_width_s=0.1"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL)
def test_real_recordings(inspect, recordings, name):
    bin_width_s, facts = REAL[name]
    width = [] if bin_width_s is None else ["--bin-width-s", bin_width_s]
    seen = inspect(recordings / name, *width, "--max-figures", 1 if name in ("spikes_m1", "alf_ibl") else 0)
    assert (seen.code, seen.err) == (0, "")
    for fact in facts:
        assert fact in seen.words
