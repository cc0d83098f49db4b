"""Recordings in scratch files are the recordings in memory."""

from __future__ import annotations

import errno
import os
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from laws import KINDS, Kind, data_settings, simulated, small_task

from synapsnet.data.splits import Split
from synapsnet.data.storage import on_disk
from synapsnet.data.surrogates import Surrogate
from synapsnet.data.task import build_task
from synapsnet.errors import UserError
from synapsnet.session import Session

MAPS = Path("/proc/self/maps")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_an_array_comes_back_and_leaves_no_file(dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = np.random.default_rng(0).integers(0, 200, (30, 4)).astype(dtype)
    held = on_disk(array[:, ::-1])
    assert lies_in_a_scratch_file(held)
    assert held.dtype == dtype
    assert np.array_equal(held, array[:, ::-1])
    assert not list(tmp_path.iterdir())


def lies_in_a_scratch_file(array: np.ndarray) -> bool:
    if not MAPS.exists():
        pytest.skip("only Linux tells where memory lies")
    at = array.__array_interface__["data"][0]
    mapped = [line.split(maxsplit=5) for line in MAPS.read_text().splitlines() if "synapsnet-" in line]
    ranges = [[int(address, 16) for address in line[0].split("-")] for line in mapped]
    return any(start <= at < stop for start, stop in ranges)


def test_an_array_keeps_no_file_open() -> None:
    """Of open files a process may have 256, on macOS, and of sessions hundreds."""
    n_before = len(os.listdir("/dev/fd"))
    held = [on_disk(np.full((3, 2), index, dtype=np.uint16)) for index in range(20)]
    assert len(os.listdir("/dev/fd")) == n_before
    assert [array[2, 1] for array in held] == list(range(20))


@pytest.mark.parametrize("surrogate", ["none", "circular_shift"])
@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_the_same(kind: Kind, surrogate: Surrogate) -> None:
    sessions = simulated(kind)
    settings = {"surrogate": surrogate, "surrogate_seed": 3}
    in_memory, in_files = (small_task(sessions, kind, in_memory=where, **settings) for where in (True, False))
    assert in_files.spec.to_dict() == in_memory.spec.to_dict()
    assert [lies_in_a_scratch_file(session.activity.numpy()) for session in in_files.sessions] == [True] * len(sessions)
    assert all(lies_in_a_scratch_file(session.slow.kept.numpy()) for session in in_files.sessions)
    for split in get_args(Split):
        pairs = zip(in_memory.loader(split, batch_size=4), in_files.loader(split, batch_size=4), strict=True)
        for expected, batch in pairs:
            assert torch.equal(batch.past, expected.past)
            assert torch.equal(batch.target, expected.target)
            assert torch.equal(batch.slow, expected.slow)


def test_sessions_are_taken_one_at_a_time() -> None:
    """Of sessions as they were recorded there are never more than two: the last, and the one being read."""
    alive: list[weakref.ref[Session]] = []

    def reading() -> Iterator[Session]:
        for n_units in (4, 5, 6):
            (session,) = simulated("spikes", units=(n_units,), seed=n_units)
            session = replace(session, session_id=f"mouse{n_units}")
            assert not any(earlier() for earlier in alive[:-1])
            alive.append(weakref.ref(session))
            yield session
            del session

    task = build_task(reading(), data_settings(bin_width_s=0.04))
    assert len(alive) == len(task.sessions) == 3


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    class Full(np.ndarray):
        def tofile(self, *_: Any, **__: Any) -> None:
            assert not list(tmp_path.iterdir())  # killed while it is written, nothing would be left
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("numpy.ascontiguousarray", lambda array: array.view(Full))
    with pytest.raises(UserError, match=r"no room for 1e-06 GB in .*No space left on device; point TMPDIR"):
        on_disk(np.zeros(1000, dtype=np.uint8))
