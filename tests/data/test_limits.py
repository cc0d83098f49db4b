"""The limit of memory: the same in inspect, prepare, audit and Python, and named as it was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from inspected import recorded

import synapsnet as sn
from synapsnet.data.__main__ import main
from synapsnet.data.readers.archive import write_archive
from synapsnet.experiment.audit import main as audit

Run = Callable[..., object]
COMMANDS: dict[str, Run] = {
    "inspect": lambda *given: main(["inspect", *given, "--max-figures", "0"]),
    "prepare": lambda *given: main(["prepare", *given, "--jobs", "1"]),
    "audit": lambda *given: audit(list(given)),
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    write_archive(recorded(n_bins=5000, n_units=20), tmp_path / "a.npz")  # 0.1 MB
    return "a.npz"


@pytest.mark.parametrize("run", COMMANDS.values(), ids=COMMANDS)
def test_commands_take_a_limit_and_name_it(run: Run, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    new = ["--out", "new"] if run is COMMANDS["prepare"] else []  # what is prepared already is not read again
    run(path, "--max-memory", "0.001")
    for given, line in (
        ("0.00005", "would take 0.000102 GB, more than data.max_memory=5e-05 (--max-memory)"),
        ("-1", "--max-memory must be a positive number of gigabytes, got -1"),
        ("nan", "--max-memory must be a positive number of gigabytes, got nan"),
    ):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            run(path, *new, "--max-memory", given)
        assert stopped.value.code == 2
        assert line in capsys.readouterr().err


def test_commands_that_inspect_prints_keep_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = np.column_stack([np.sort(np.random.default_rng(0).uniform(0, 100, 2000)), np.arange(2000) % 5])
    np.save(tmp_path / "rec.npy", times)
    (tmp_path / "rec.json").write_text('{"format": "spike_times"}')
    main(["inspect", str(tmp_path / "rec.npy"), "--max-memory", "0.5", "--max-figures", "0"])
    shown = capsys.readouterr().out
    assert "data.max_memory=0.5" in shown
    assert "--max-memory 0.5" in shown


def test_a_limit_in_python(path: str) -> None:
    assert sn.read(path, max_memory=0.001).n_units == 20
    with pytest.raises(sn.UserError, match=r"more than data\.max_memory=5e-05"):
        sn.read(path, max_memory=5e-5)
    with pytest.raises(sn.UserError, match=r"^max_memory must be a positive number of gigabytes, got 0$"):
        sn.read_all(path, max_memory=0)
