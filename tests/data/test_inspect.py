"""`inspect` says what is planted, what training does, and what is wrong, of one recording or of many."""

import argparse
import gc
import logging
import shlex
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser

from synapsnet.data import readers
from synapsnet.data.__main__ import main
from synapsnet.data.inspect.facts import identical_units, unit_facts
from synapsnet.data.inspect.next_steps import next_steps
from synapsnet.data.inspect.outlook import Settings, outlook
from synapsnet.data.readers import read_sessions
from synapsnet.data.readers.archive import write_archive
from synapsnet.data.selection import UnitFilter, select_units
from synapsnet.data.task import build_task
from synapsnet.session import Session

CONF = Path(__file__).resolve().parents[2] / "conf" / "data"


def recorded(session_id="mouse1", *, n_bins=1000, n_units=5, seed=0, **fields) -> Session:
    """Spikes at 0.5 a bin of 20 ms."""
    counts = np.random.default_rng(seed).poisson(0.5, (n_bins, n_units))
    units = tuple(f"u{unit}" for unit in range(n_units))
    session = Session(session_id=session_id, activity=counts, bin_width_s=0.02, unit_ids=units, signal="spikes")
    return replace(session, **fields)


def planted() -> Session:
    """A recording with something of everything; 1000 bins, of which 970 are recorded."""
    counts = np.zeros((1000, 7), dtype=np.uint8)
    counts[::2, 0] = 1  # 485 spikes in 19.4 s
    counts[::4, 1] = 3
    counts[::4, 2] = 3  # a copy
    counts[5:965:160, 3] = 1  # 6 bins
    counts[::5, 4] = 2  # not good
    counts[::5, 5] = 1
    counts[7, 6] = 0  # silent
    behavior = np.stack([np.linspace(-1, 3, 1000), np.full(1000, 2.0), np.full(1000, np.nan)], axis=1)
    behavior[100:294, 0] = np.nan
    return Session(
        session_id="mouse1",
        activity=counts,
        bin_width_s=0.02,
        unit_ids=tuple("abcdefg"),
        signal="spikes",
        segments=np.array([[0, 960], [960, 970]]),
        behavior=behavior,
        behavior_names=("speed", "lick", "pupil"),
        tasks={"spontaneous": np.array([[0, 97], [200, 297]]), "natural_scenes": np.array([[300, 970]])},
        unit_table={
            "region": np.array(["VISp", "VISp", "VISp", "CA1", "CA1", "", "VISp"]),
            "quality": np.array(["good", "good", "good", "good", "mua", "", "good"]),
            "presence_ratio": np.array([1.0, 0.95, np.nan, 1.0, 1.0, 0.5, 1.0]),
        },
        meta={
            "species": "Mus musculus", "citation": "Somebody et al. 2020", "licence": "CC BY 4.0",
            "dropped": {"units without a spike": ["x1", "x2"]},
        },
    )  # fmt: skip


@pytest.fixture
def inspect(tmp_path, monkeypatch, capsys):
    """The command in a folder of its own: exit code, and what it prints with every run of blanks as one."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = 0
        try:
            main(["inspect", *map(str, arguments)])
        except SystemExit as stopped:
            code = stopped.code
        out, err = capsys.readouterr()
        return argparse.Namespace(code=code, out=out, err=err, words=" ".join(out.split()))

    return run


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
        "reader dropped 2 units (x1, x2): units without a spike",
        "takes 3 of 7 units and 1 of 3 series of behavior",
        "1 unit (e): quality is not good",
        "1 unit (f): presence_ratio below 0.9",
        "2 units (d, g): active in fewer than 10 bins of the train split (data.min_active_bins)",
        "behavior lick, pupil: constant or never measured on the train split",
        "1 segment, 1.0% of the bins: no longer than the context of 10 bins (data.context_bins)",
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


def test_the_settings_are_those_of_training():
    base, spikes, calcium = (
        yaml.safe_load((CONF / f"{name}.yaml").read_text()) for name in ("base", "neuropixels", "calcium")
    )
    usual = Settings()
    units = UnitFilter(**{**base["units"], "quality": tuple(base["units"]["quality"])})
    assert usual.units == units
    assert (usual.context_bins, usual.min_active_bins) == (base["context_bins"], base["min_active_bins"])
    assert dict(usual.fractions) == base["fractions"]
    assert dict(usual.min_rate) == {"spikes": (base | spikes)["min_rate"], "calcium": (base | calcium)["min_rate"]}


@pytest.mark.parametrize("bin_width_s", [None, 0.04])
def test_training_takes_what_is_announced(bin_width_s):
    many = recorded(n_units=40, n_bins=2000)
    rates = np.geomspace(1e-3, 1, 40)
    table = {"isi_violations": np.tile([0.1, 0.4, np.nan, 0.6], 10)}
    sparse = replace(
        many, activity=np.random.default_rng(1).poisson(rates, (2000, 40)), unit_table=table,
        segments=np.stack([np.arange(0, 2000, 50), np.arange(0, 2000, 50) + 45], axis=1),
    )  # fmt: skip
    for session in (planted(), sparse):
        assert_as_announced(session, bin_width_s)


def assert_as_announced(session, bin_width_s=None):
    usual = Settings()
    expected = outlook(session, usual, bin_width_s=bin_width_s)
    assert expected.problem is None
    taken, _ = select_units(session, usual.units)
    task = build_task(
        [taken], context_bins=usual.context_bins, window_bins=64, fractions=usual.fractions, bin_width_s=bin_width_s,
        min_rate=usual.min_rate[session.signal], min_active_bins=usual.min_active_bins, inputs="auto",
    )  # fmt: skip
    kept = task.spec.sessions[0].unit_ids
    assert len(kept) == expected.n_units
    left = [unit for units in expected.left_units.values() for unit in units]
    assert sorted([*left, *kept]) == sorted(session.unit_ids)
    assert task.spec.behavior_names == expected.behavior
    assert tuple(task.n_targets(split) for split in ("train", "validation", "test")) == expected.targets
    assert expected.split_bins[0] == task.spec.sessions[0].n_train_bins


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"segments": np.array([[0, 12]])}, "too short"),
        ({"activity": np.zeros((1000, 5), dtype=np.uint8)}, "min_active_bins=10"),
        ({"unit_table": {"quality": np.array(["noise"] * 5)}}, "noise 5"),
    ],
)
def test_it_is_said_where_training_would_stop(inspect, change, problem):
    write_archive(recorded(**change), Path("one/s.npz"))
    write_archive(recorded("mouse2"), Path("two/t.npz"))
    seen = inspect("one", "--max-figures", 0)
    assert seen.code == 0
    assert problem in seen.words.partition("would stop")[2]
    seen = inspect(".", "--max-figures", 0)
    row, stop, other = seen.out.splitlines()[1:4]
    assert row.split()[:4] == ["mouse1", "spikes", "5", "0"]
    assert stop.startswith("  training would stop: ")
    assert problem in stop
    assert other.split()[:4] == ["mouse2", "spikes", "5", "5"]


def test_several_sessions_have_a_line_each_and_are_summed_up(inspect):
    write_archive(planted(), Path("data/a.npz"))
    write_archive(recorded("mouse2", n_bins=3000), Path("data/b.npz"))
    seen = inspect("data", "--max-figures", 1)
    head, first, second, empty, total, *rest = seen.out.splitlines()
    assert " ".join(head.split()) == "session signal units taken bins bin duration segments behavior tasks"
    assert " ".join(first.split()) == "mouse1 spikes 7 3 1,000 20 ms 19.4 s 2 3 spontaneous, natural_scenes"
    assert " ".join(second.split()) == "mouse2 spikes 5 5 3,000 20 ms 1 min 00 s 1 0 -"
    assert (empty, total) == ("", "2 sessions, 12 units, 1 min 19 s")
    assert rest[0] == "tasks: spontaneous (1), natural_scenes (1)"
    assert rest[1] == "drawn: outputs/inspect/mouse1.png"
    full = inspect("data", "--details", "--max-figures", 0)
    assert "mouse1 size 1 session x 7 units" in full.words
    assert "mouse2 size 1 session x 5 units" in full.words


def test_unlike_sessions_are_pointed_out(inspect):
    write_archive(recorded(), Path("data/a.npz"))
    write_archive(recorded("wide", bin_width_s=0.5), Path("data/b.npz"))
    write_archive(recorded("calcium", signal="calcium"), Path("data/c.npz"))
    seen = inspect("data", "--max-figures", 0)
    assert "signals: spikes (2), calcium (1); training takes one kind" in seen.out
    assert "bin widths: 20 ms (2), 0.5 s (1); set data.bin_width_s to a common multiple" in seen.out
    assert "train.py" not in seen.out


def test_one_session_is_in_memory_at_a_time_and_its_line_comes_before_the_next_is_read(inspect, monkeypatch, capsys):
    for index in range(4):
        write_archive(recorded(f"mouse{index}"), Path(f"data/{index}.npz"))
    alive, lines = [], []
    original = readers.Recording.read

    def read(recording, **options):
        gc.collect()
        assert not any(session() for session in alive)
        lines.append(len(capsys.readouterr().out.splitlines()))
        sessions = original(recording, **options)
        alive.extend(weakref.ref(session) for session in sessions)
        return sessions

    monkeypatch.setattr(readers.Recording, "read", read)
    inspect("data", "--max-figures", 2)
    assert lines == [0, 2, 1, 1]


def test_a_damaged_recording_is_a_line_and_the_others_go_on(inspect):
    write_archive(recorded("first"), Path("data/a.npz"))
    whole = Path("data/a.npz").read_bytes()
    Path("data/sub").mkdir()
    Path("data/sub/b.npz").write_bytes(whole[: len(whole) // 2])
    write_archive(recorded("last"), Path("data/z.npz"))
    seen = inspect("data", "--max-figures", 0)
    assert seen.code == 2
    first, last, damaged = seen.out.splitlines()[1], seen.out.splitlines()[3], seen.out.splitlines()[2]
    assert (first.split()[0], last.split()[0]) == ("first", "last")
    assert damaged.startswith("sub/b.npz ")
    assert "truncated" in damaged
    assert "2 sessions" in seen.out
    assert seen.err == "error: 1 of 3 recordings could not be taken; see above\n"


def test_a_session_id_that_is_taken_is_a_line(inspect):
    for name in ("a", "b"):
        write_archive(recorded("mouse"), Path(f"data/{name}.npz"))
    seen = inspect("data", "--max-figures", 0)
    assert seen.code == 2
    assert "taken by" in seen.out.splitlines()[2]
    assert "1 session, " in seen.out


def test_a_task_alone(inspect):
    write_archive(planted(), Path("data/a.npz"))
    seen = inspect("data", "--task", "natural_scenes")
    assert "1 session x 7 units x 670 bins" in seen.words
    assert seen.out.splitlines()[-1].endswith("data.root=data data.task=natural_scenes")
    write_archive(recorded("other"), Path("data/b.npz"))
    seen = inspect("data", "--task", "natural_scenes", "--max-figures", 0)
    assert "1 session, 7 units, 13.4 s" in seen.out
    assert "without task natural_scenes, and so left out: 1" in seen.out
    seen = inspect("data", "--task", "movie")
    assert (seen.code, seen.out) == (2, "")
    assert seen.err == "error: data: no session has a task 'movie'; there are natural_scenes, spontaneous\n"


BAD = {
    "nowhere": (["nowhere"], "no such file or folder"),
    "no recording": (["."], "no recording in the folder"),
    "unknown type": (["notes.docx"], "unknown file type"),
    "damaged": (["damaged.npz"], "damaged.npz: not an archive"),
    "no width": (["good/s.npz", "--bin-width-s", "0"], "--bin-width-s must be a positive number"),
    "infinite width": (["good/s.npz", "--bin-width-s", "inf"], "--bin-width-s must be a positive number"),
    "no task": (["good/s.npz", "--task", "rest"], "no session has a task 'rest'; none is named"),
    "no folder to draw in": (["good/s.npz", "--out", "notes.docx/figures"], "notes.docx"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_costs_one_line(inspect, name):
    arguments, problem = BAD[name]
    if name != "no recording":
        Path("notes.docx").write_text("hello")
        Path("damaged.npz").write_text("hello")
        write_archive(recorded(), Path("good/s.npz"))
    seen = inspect(*arguments)
    assert seen.code == 2
    assert seen.err.startswith("error: ")
    assert problem in seen.err
    assert seen.err.count("\n") == 1


def test_a_new_process_ends_with_code_2_and_without_a_traceback(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "synapsnet.data", "inspect", tmp_path / "nowhere"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: no such file or folder: {tmp_path / 'nowhere'}\n"


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


@pytest.mark.parametrize("path", ["a/b.nwb", "/my data/s,1=$x'\"[0].npz", "https://x.org/a?b=c&d=e", '~/x\\y\\"z\\'])
def test_the_command_for_training_reaches_the_path(path):
    (line,) = next_steps(path, ["spikes"], "movie", 0.04, {"archive"})
    command = shlex.split(line.removeprefix("train:"))
    assert command[:2] == ["python", "train.py"]
    overrides = OverridesParser.create().parse_overrides(command[2:])
    assert {override.key_or_group: override.value() for override in overrides} == {
        "model": "synapsnet", "data": "neuropixels", "data.root": path, "data.task": "movie", "data.bin_width_s": 0.04,
    }  # fmt: skip


def test_statistics_are_those_of_the_recorded_bins():
    rng = np.random.default_rng(3)
    activity = (1e4 + rng.standard_normal((900, 3))).astype(np.float32)
    activity[500:600] = -1e6
    segments = np.array([[0, 500], [600, 900]])
    facts = unit_facts(recorded(n_bins=900, n_units=3, activity=activity, signal="calcium", segments=segments))
    known = np.delete(activity, np.s_[500:600], axis=0).astype(np.float64)
    np.testing.assert_allclose(facts.mean, known.mean(0), rtol=1e-12)
    np.testing.assert_allclose(facts.sd, known.std(0), rtol=1e-9)
    np.testing.assert_allclose(facts.active, (known > known.min(0)).mean(0))
    np.testing.assert_array_equal(facts.peak, known.max(0))


def test_identical_units_are_found_and_chance_is_not():
    counts = np.random.default_rng(4).poisson(0.3, (400, 9))
    counts[:, 7] = counts[:, 2]
    counts[:, 8] = counts[::-1, 2]  # the same in every sum
    counts[:, 3:6] = 0
    counts[50, 3:5] = 1  # one spike in common
    session = recorded(n_bins=400, n_units=9, activity=counts)
    assert identical_units(session, unit_facts(session)) == [["u2", "u7"]]


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


@pytest.mark.parametrize("name", ["neuropixels_v1/Cori_2016-12-14.npz", "spikes_m1", "calcium_worm/2022-07-26-31.npz"])
def test_real_training_takes_what_is_announced(recordings, name):
    (session,) = read_sessions(recordings / name, bin_width_s=None)
    assert_as_announced(session)


def test_a_meta_of_any_json_is_no_obstacle(inspect):
    odd = recorded(meta={"species": 3, "citation": ["a", "b"], "dropped": "nothing", "format": None})
    write_archive(odd, Path("s.npz"))
    seen = inspect("s.npz", "--max-figures", 0)
    assert seen.code == 0
    assert "species 3 citation" in seen.words
