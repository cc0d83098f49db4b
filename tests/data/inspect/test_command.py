"""Many recordings, a line each; tasks; and bad input."""

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from command import QUICK, TRAIN, in_new_process
from inspected import planted, recorded

from synapsnet.data import readers
from synapsnet.data.readers.archive import write_archive
from synapsnet.session import Session


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"segments": np.array([[0, 12]])}, "too short"),
        ({"activity": np.zeros((1000, 5), dtype=np.uint8)}, "min_active_bins=10"),
        ({"unit_table": {"quality": np.array(["noise"] * 5)}}, "noise 5"),
    ],
)
def test_it_is_said_what_training_would_leave_out_whole(inspect, change, problem):
    write_archive(recorded(**change), Path("one/s.npz"))
    write_archive(recorded("mouse2"), Path("two/t.npz"))
    seen = inspect("one", "--max-figures", 0)
    assert seen.code == 0
    assert problem in seen.words.partition("would stop")[2]
    assert "train:" not in seen.words  # it would fail
    seen = inspect(".", "--max-figures", 0)
    row, stop, other = seen.out.splitlines()[1:4]
    assert row.split()[:4] == ["mouse1", "spikes", "5", "0"]
    assert stop.startswith("  training would leave it out: ")
    assert problem in stop
    assert other.split()[:4] == ["mouse2", "spikes", "5", "5"]


def test_several_sessions_have_a_line_each_and_are_summed_up(inspect):
    write_archive(planted(), Path("data/a.npz"))
    write_archive(recorded("mouse2", n_bins=3000), Path("data/b.npz"))
    seen = inspect("data", "--max-figures", 1)
    head, first, audit, second, why, empty, total, *rest = seen.out.splitlines()
    assert " ".join(head.split()) == "session signal units taken bins bin duration segments behavior tasks"
    assert " ".join(first.split()) == "mouse1 spikes 7 3 1,000 20 ms 19.4 s 2 3 spontaneous, natural_scenes"
    assert audit.startswith("  audit: LEAK by copies of units")
    assert " ".join(second.split()) == "mouse2 spikes 5 5 3,000 20 ms 1 min 00 s 1 0 -"
    assert why == "what training would leave out, and why: --details"
    assert (empty, total) == ("", "2 sessions, 12 units, 1 min 19 s")
    assert rest[0] == "tasks: spontaneous (1), natural_scenes (1)"
    assert rest[1] == "drawn: outputs/inspect/mouse1.png"
    full = inspect("data", "--details", "--max-figures", 0)
    assert "mouse1 size 1 session x 7 units" in full.words
    assert "leaves out 1 unit (e): quality is not good" in full.words
    assert why not in full.out
    assert "mouse2 size 1 session x 5 units" in full.words


def test_unlike_sessions_are_pointed_out(inspect):
    write_archive(recorded(), Path("data/a.npz"))
    write_archive(recorded("wide", bin_width_s=0.5), Path("data/b.npz"))
    write_archive(recorded("calcium", signal="calcium"), Path("data/c.npz"))
    seen = inspect("data", "--max-figures", 0)
    assert "signals: spikes (2), calcium (1); training takes one kind" in seen.out
    assert "bin widths: 20 ms (2), 0.5 s (1); data.bin_width_s=0.5 is a multiple of them all" in seen.out
    assert "train.py" not in seen.out


def test_a_command_to_train_on_unlike_bins_has_the_width_for_all(inspect, tmp_path):
    for name, width in (("a", 0.02), ("b", 0.05)):
        write_archive(recorded(name, n_bins=3000, bin_width_s=width), Path(f"data/{name}.npz"))
    seen = inspect("data", "--max-figures", 0)
    (command,) = (line for line in seen.out.splitlines() if "train.py" in line)
    settings = command.partition("model=synapsnet ")[2]
    assert settings == "data=neuropixels data.root=data data.bin_width_s=0.1"
    done = in_new_process(tmp_path, str(TRAIN), "model=mean", *settings.split(), "hydra.run.dir=run", *QUICK)
    assert done.returncode == 0, done.stderr
    write_archive(recorded("short", n_bins=30, bin_width_s=1.0), Path("data/short.npz"))  # training leaves it out
    assert "data.bin_width_s=0.1\n" in inspect("data", "--max-figures", 0).out
    write_archive(recorded("c", n_bins=3000, bin_width_s=0.0451), Path("data/c.npz"))
    assert "train.py" not in inspect("data", "--max-figures", 0).out
    assert "data.bin_width_s=0.3" in inspect("data", "--max-figures", 0, "--bin-width-s", 0.3).out


def test_recordings_that_share_bins_are_pointed_out(inspect):
    counts = recorded(n_bins=3000).activity
    for name, part in (("a", counts[:2000]), ("b", recorded(n_bins=2000, seed=1).activity)):
        write_archive(Session.from_arrays(part, bin_width_s=0.02, session_id=name), Path(f"data/{name}.npz"))
    assert "audit of all together" not in inspect("data", "--max-figures", 0).out
    write_archive(Session.from_arrays(counts[1000:], bin_width_s=0.02, session_id="c"), Path("data/c.npz"))
    line = "audit of all together: LEAK by bins that occur in two recordings, recordings that are nearly the same"
    assert line in inspect("data", "--max-figures", 0).out


def test_one_session_is_in_memory_at_a_time_and_its_line_comes_before_the_next_is_read(inspect, monkeypatch, capsys):
    for index in range(4):
        write_archive(recorded(f"mouse{index}", seed=index), Path(f"data/{index}.npz"))
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
    "no folder to draw in": (["good/s.npz", "--out", "notes.docx/figures"], "cannot draw notes.docx/figures/"),
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


def test_any_session_id_makes_a_name_of_a_figure(inspect):
    for number, session_id in enumerate(("x" * 400 + "a", "x" * 400 + "b", "日本語" * 50, "a/b:c", "no \udcff text")):
        write_archive(recorded(session_id), Path(f"data/{number}.npz"))
    seen = inspect("data")
    assert (seen.code, seen.err) == (0, "")
    assert len(list(Path("outputs/inspect").glob("*.png"))) == 5


def test_warnings_of_readers_stand_below_the_row(inspect):
    write_archive(recorded("first"), Path("data/a.npz"))
    Path("data/b").mkdir()
    rng = np.random.default_rng(0)
    np.save("data/b/spikes.times.npy", np.r_[np.sort(rng.uniform(0, 60, 3000)), np.nan])
    np.save("data/b/spikes.clusters.npy", np.arange(3001) % 5)
    seen = inspect("data", "--max-figures", 0)
    below = seen.out.splitlines()[3]
    assert "NaN or infinite are left out; units (spikes): 0 (1)" in below
