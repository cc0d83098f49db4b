"""Memory that a process frees is kept for what comes next, unless the user has set up the C library."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import ctypes
import resource
import torch
from synapsnet.training.heap import keep_freed_memory

def step():
    return [torch.ones(2**20) for _ in range(16)]  # 64 MiB

ctypes.CDLL(None).mallopt(-3, 2**17)  # as glibc begins; later it depends on what was freed before
{call}
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() // 2**20)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory as it likes")


def fetched(call: str, **variables: str) -> int:
    """MiB that five steps of 64 MiB fetch from the system, after three others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    script = [sys.executable, "-c", STEPS.format(call=call)]
    return int(subprocess.run(script, env=environment | variables, capture_output=True, check=True, text=True).stdout)


def test_a_step_takes_the_memory_of_the_one_before() -> None:
    assert fetched("") > 256
    assert fetched("keep_freed_memory()") < 16


@pytest.mark.parametrize("variable", ["GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_"])
def test_settings_of_the_user_stay(variable: str) -> None:
    value = "131072" if variable.startswith("MALLOC") else "glibc.malloc.trim_threshold=131072"
    assert fetched("keep_freed_memory()", **{variable: value}) > 256
