"""Commands that are ended before their time, each a process of its own."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import write_recording, write_recordings
from prepared import assert_same, prepare, states, unfinished, visible

from synapsnet.data.__main__ import main
from synapsnet.data.readers import read_sessions

READER = """
import os, signal, threading
from pathlib import Path
import numpy as np
from synapsnet.session import Session

def read(path, *, bin_width_s):
    if path.name == "hangs":
        os.write(1, b"hanging\\n")
        threading.Event().wait()
    if path.name == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    return [Session(path.name, np.ones((9, 2), np.uint8), 0.1, ("a", "b"), "spikes")]
"""
SCRIPT = """
import sys
from pathlib import Path
import toy_reader
from synapsnet.data.__main__ import main
from synapsnet.data.prepare import origin
from synapsnet.data.readers import Recording

if __name__ == "__main__":
    paths = sorted(Path("in").iterdir())
    origin.find_recordings = lambda root: [Recording(path, toy_reader, (path.name,)) for path in paths]
    main(["prepare", "in", "--out", "out", "--jobs", "2"])
"""


def toy(folder: Path, *names: str) -> "subprocess.Popen[str]":
    """A command in a process group of its own, whose recordings hang or die where they are named so."""
    (folder / "in").mkdir()
    for name in names:
        (folder / "in" / name).touch()
    (folder / "toy_reader.py").write_text(READER)
    (folder / "script.py").write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_an_ended_command(tmp_path: Path, ending: signal.Signals) -> None:
    process = toy(tmp_path, "done", "hangs", "hangs_not")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "hanging\n"
    while "hangs_not: 1 session" not in process.stderr.readline():
        pass
    if ending == signal.SIGINT:
        os.killpg(process.pid, ending)  # as a terminal does
    else:
        process.kill()
    _, err = process.communicate()  # ends when the last process that could write has ended
    assert process.returncode == (130 if ending == signal.SIGINT else -ending)
    assert visible(tmp_path / "out") == ["done.npz", "hangs_not.npz"]
    if ending == signal.SIGINT:
        assert err == "interrupted\n"
        assert unfinished(tmp_path / "out") == []


def test_a_process_that_the_system_kills(tmp_path: Path) -> None:
    _, err = toy(tmp_path, "a", "dies").communicate()
    assert err.splitlines()[-1].startswith("error: the system killed a process, most likely because memory ran out")
    assert "Traceback" not in err
    assert unfinished(tmp_path / "out") == []


KILLED = """
import os, signal, sys
import numpy as np
from synapsnet.data.__main__ import main
from synapsnet.data.prepare.folder import Folder

def killing(function, at, before=lambda *a: None):
    calls = []
    def wrapped(*args, **kwargs):
        calls.append(1)
        if len(calls) == at:
            before(*args)
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **kwargs)
    return wrapped

where, at = sys.argv[1], int(sys.argv[2])
if where == "writing":
    np.savez_compressed = killing(np.savez_compressed, at, lambda file: file.write(b"PK half"))
else:  # before the archives of a recording are moved, and after
    Folder._write = killing(Folder._write, at)
main(["prepare", "in", "--out", "out", "--jobs", "1"])
"""


@pytest.mark.parametrize(("where", "at", "n_done"), [("writing", 2, 1), ("receipt", 3, 1), ("receipt", 4, 2)])
def test_a_killed_command_goes_on_where_it_was(tmp_path: Path, where: str, at: int, n_done: int) -> None:
    for index in range(3):
        write_recording(tmp_path / "in" / f"s{index}.npz", seed=index)
    killed = subprocess.run([sys.executable, "-c", KILLED, where, str(at)], cwd=tmp_path, check=False)
    assert killed.returncode == -signal.SIGKILL
    out = tmp_path / "out"
    before = states(out)
    assert len(before) == n_done
    read_sessions(out, bin_width_s=None)  # all of them are whole
    prepare(tmp_path / "in", "--out", out)
    assert states(out)["s0.npz"] == before["s0.npz"]
    assert unfinished(out) == []
    assert_same(read_sessions(out, bin_width_s=None), read_sessions(tmp_path / "in", bin_width_s=None))


def test_a_full_disk_stops_everything_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    write_recording(tmp_path / "in" / "a.npz", n_bins=50)
    for name in "bcd":
        write_recording(tmp_path / "in" / f"{name}.npz", n_bins=4000, n_units=40)
    ended = subprocess.run(
        [sys.executable, "-m", "synapsnet.data", "prepare", "in", "--out", "out", "--jobs", "2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    assert ended.returncode == 2
    errors = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert errors == [
        f"error: no space left on the disk of {tmp_path / 'out'}; unfinished archives were removed. Free some space or "
        "choose another --out, and repeat the command: it continues where it stopped"
    ]
    assert set(visible(tmp_path / "out")) <= {"a.npz"}
    assert unfinished(tmp_path / "out") == []
    prepare(tmp_path / "in", "--out", tmp_path / "out")
    assert_same(read_sessions(tmp_path / "out", bin_width_s=None), read_sessions(tmp_path / "in", bin_width_s=None))


def test_several_processes_write_what_one_would(tmp_path: Path) -> None:
    source = write_recordings(tmp_path / "in")
    main(["prepare", str(source), "--out", str(tmp_path / "out"), "--jobs", "2"])
    expected = read_sessions(source, bin_width_s=None)
    assert_same(read_sessions(tmp_path / "out", bin_width_s=None), expected)
