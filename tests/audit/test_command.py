"""The command as a user runs it: verdicts, exit codes, 80 columns, checks of other labs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from audited import calcium, counts, session

from synapsnet.data.readers.archive import write_archive
from synapsnet.experiment.audit import main

CHECK = """
from synapsnet.audit.finding import Finding


def even(recorded):
    return Finding("even numbers of units", "leak" if recorded.session.n_units % 2 else "clean", "counted")


RECORDING_CHECKS = (even,)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_archive(session(counts(), session_id="honest"), Path("honest.npz"))
    copied = counts()
    copied[:, 3] = copied[:, 7]
    write_archive(session(copied, session_id="copied"), Path("copied.npz"))
    write_archive(session(np.maximum(calcium() - 60, 0), session_id="events"), Path("events.npz"))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "code", "verdict"), [("honest", 0, "CLEAN"), ("copied", 3, "LEAK"), ("events", 0, "SUSPICIOUS")]
)
def test_the_verdict_comes_first_and_sets_the_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, code: int, verdict: str
) -> None:
    assert main([f"{name}.npz"]) == code
    out = capsys.readouterr().out
    assert out.splitlines()[0] == f"{verdict}: {name}"
    assert "sha256 " in out
    assert max(map(len, out.splitlines())) <= 80


def test_several_recordings_are_counted_and_one_leak_decides(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # All but one unit of honest.npz are in copied.npz as well.
    assert main([".", "--quick"]) == 3
    assert capsys.readouterr().out.endswith("4 verdicts: 1 clean, 2 leak, 1 suspicious\n")


@pytest.mark.parametrize("arguments", [["nowhere"], ["honest.npz", "--task", "reaching"], [str(Path(__file__))]])
def test_bad_input_is_one_line_and_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")


def test_the_module_is_a_command_that_does_not_wait_for_torch(folder: Path) -> None:
    code = (
        "import runpy, sys; sys.argv = ['audit', 'copied.npz']\n"
        "try: runpy.run_module('synapsnet.audit', run_name='__main__')\n"
        "except SystemExit as stopped: print(stopped.code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "3 False"


def test_a_check_of_another_lab_is_one_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "lab" / "checks").mkdir(parents=True)
    (folder / "lab" / "__init__.py").touch()
    (folder / "lab" / "checks" / "__init__.py").touch()
    (folder / "lab" / "checks" / "even.py").write_text(CHECK)
    monkeypatch.syspath_prepend(str(folder))
    write_archive(session(counts(n_units=31), session_id="odd"), Path("odd.npz"))
    assert main(["odd.npz"]) == 0
    assert main(["odd.npz", "--trust", "lab"]) == 3
    assert "leak        even numbers of units" in capsys.readouterr().out


REAL = {
    "spikes_m1": set(),
    "neuropixels_v1": set(),
    "alf_ibl": set(),
    "nwb/A0634-210127.nwb": set(),
    "suite2p": set(),
    "calcium_a1": {"deconvolved calcium"},
    "calcium_ca1": {"deconvolved calcium"},
    "calcium_worm": {"scaling by the whole recording"},
}
"""The alarms on real recordings. The first two are of events that were inferred from fluorescence, the third of traces
that were divided by their mean over the whole recording."""


@pytest.mark.parametrize("place", REAL)
def test_real_recordings_raise_no_alarm_but_those_explained(
    recordings: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    if not (recordings / place).exists():
        pytest.skip(f"no {place} in {recordings}")
    # The suite2p folder has no ops.npy, so its frame period must be given.
    frame = ["--bin-width-s", "0.1"] if place == "suite2p" else []
    assert main([os.fspath(recordings / place), *frame]) == 0
    out = capsys.readouterr().out.splitlines()
    alarms = {line.removeprefix("  suspicious").strip() for line in out if line.startswith("  suspicious")}
    assert alarms == REAL[place]
