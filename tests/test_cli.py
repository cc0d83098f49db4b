"""The console script, as it is called in a new process."""

import subprocess
import sys

import pytest

SLOW = ("torch", "lightning", "wandb", "pandas", "matplotlib")
CALL = f"""
import sys
from synapsnet.cli import main
try:
    code = main()
except SystemExit as stopped:
    code = stopped.code
sys.stdout.flush()
sys.exit(f"{{[name for name in {SLOW} if name in sys.modules]}} imported, code {{code}}")
"""


def called(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-c", CALL, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--help"], 0, "train, inspect, prepare, audit, report"),
        (["--version"], 0, ""),
        (["train", "--help"], 0, "model: ar, glm"),
        (["train", "modle=ar"], 2, "error: there is no setting modle (did you mean model?)"),
        (["train", "+modle=ar"], 2, "error: there is no setting modle (did you mean model?)"),
        (["train", "model=synapsnett"], 2, "error: In 'train': Could not find 'model/synapsnett'"),
        (["trian"], 2, "invalid choice: 'trian'"),
        ([], 2, "required: COMMAND"),
    ],
)
def test_help_and_typos_need_nothing_that_is_slow_to_import(tmp_path, arguments, code, said):
    done = called(tmp_path, *arguments)
    assert done.stderr.splitlines()[-1] == f"[] imported, code {code}"
    words = " ".join((done.stdout + done.stderr).split())
    assert all(word in words for word in said.split(", "))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["inspect", "prepare", "audit", "report"])
def test_a_command_shows_its_own_help(tmp_path, command):
    done = called(tmp_path, command, "--help")
    assert done.stdout.startswith(f"usage: synapsnet {command} ")
    assert done.stderr.endswith("code 0\n")


def test_bad_input_of_a_command_has_its_exit_code(tmp_path):
    for command in ("inspect", "audit", "report"):
        done = called(tmp_path, command, "nowhere")
        first, last = done.stderr.splitlines()
        assert first.startswith("error: ")
        assert "nowhere" in first
        assert last.endswith("code 2")
