"""Commands to copy are those of the program that the user called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from synapsnet import command_line
from synapsnet.command_line import command


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("train.py", "python train.py 'a b'"),
        ("/code/train.py", "python /code/train.py 'a b'"),
        ("/code/src/synapsnet/data/__main__.py", "python train.py 'a b'"),
        ("/usr/bin/synapsnet", "synapsnet train 'a b'"),
        ("synapsnet.exe", "synapsnet train 'a b'"),
    ],
)
def test_training_is_started_as_the_program_was(called: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", [called])
    assert command("train", "a b") == expected


def test_without_train_py_there_is_the_installed_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/lib/synapsnet/data/__main__.py"])
    assert command("prepare", "a.nwb") == "python -m synapsnet.data prepare a.nwb"
    monkeypatch.setattr(command_line, "conf_folder", lambda: tmp_path / "synapsnet" / "conf")
    assert [command(name) for name in ("train", "prepare")] == ["synapsnet train", "synapsnet prepare"]


@pytest.mark.parametrize("name", ["a b", "it's", "café", "back\\slash", os.fsdecode(b"caf\xe9 'x'\\"), "two\nlines"])
def test_any_name_of_a_file_reaches_a_program_through_bash(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["synapsnet"])
    line = command("train", name).removeprefix("synapsnet train ")
    assert line.isascii() or name.isprintable()
    shell = subprocess.run(["bash", "-c", f"printf %s {line}"], capture_output=True, check=True)
    assert os.fsdecode(shell.stdout) == name
