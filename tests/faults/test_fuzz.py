"""Whatever a stranger does to a file, it is read or refused in one line: no other exception, no crash, no hang.

More tries: ``SYNAPSNET_FUZZ=100000 pytest -n 0 -s -m slow tests/faults/test_fuzz.py``, from number
``SYNAPSNET_FUZZ_FIRST`` on. ``.ci/run`` does the first 2,000.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from command import TESTS
from layouts.every import WRITERS

FAILED_ONCE = (4749, 6812, 9618, 11633, 11712, 21685, 21872, 31281, 37437, 38936, 51655, 55701)
"""Numbers of tries that found a fault, which was mended. The damage of a number changes with the fuzzer's inputs."""
LONGEST_S = 60
"""Seconds that one try may take; all usual ones take less than one."""


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, victim: Path) -> Path:
    """A folder of each input of the fuzzer."""
    folder = tmp_path_factory.mktemp("whole")
    for name, write in WRITERS.items():
        (folder / name).mkdir()
        write(folder / name)
    (folder / "checkpoint").mkdir()
    shutil.copy(victim / "checkpoints" / "last.ckpt", folder / "checkpoint")
    (folder / "config").mkdir()
    shutil.copy(victim / "config.yaml", folder / "config")
    return folder


def failures(whole: Path, tries: Sequence[int], scratch: Path) -> Iterator[str]:
    """Run tries by number and yield a line for each that failed; after a crash or a hang, another process goes on."""
    command = [sys.executable, str(TESTS / "fuzz" / "worker.py"), str(whole), str(scratch)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    done = 0
    while done < len(tries):
        before = done
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdin is not None
            process.stdin.write("\n".join(map(str, tries[done:])).encode())
            process.stdin.close()
            for line in _lines(process):
                if line.isdecimal():
                    done += 1
                else:
                    yield f"try {tries[done - 1]}: {json.loads(line)}"
        if process.returncode:
            done = max(done, before + 1)  # it may have died before it began
            yield f"try {tries[done - 1]}: the process ended with {process.returncode}"


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(LONGEST_S):
            line = process.stdout.readline().decode().strip()
            if not line:
                return
            yield line
    process.kill()


def test_strangers_files_are_read_or_refused(whole: Path, tmp_path: Path) -> None:
    assert list(failures(whole, [*FAILED_ONCE, *range(100)], tmp_path)) == []


@pytest.mark.slow
def test_many_more(whole: Path, tmp_path: Path) -> None:
    n, first = (
        int(os.environ.get(f"SYNAPSNET_FUZZ{name}", default)) for name, default in (("", 100_000), ("_FIRST", 2000))
    )
    found = []
    for failure in failures(whole, range(first, first + n), tmp_path):
        print(failure, flush=True)
        found.append(failure)
    assert found == []
