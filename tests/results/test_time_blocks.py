"""Blocks of time, written and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.metrics import TimeBlocks
from synapsnet.results.time_blocks import read_time_blocks, write_time_blocks

NLL = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
BLOCKS = TimeBlocks(NLL, np.array([8, 8, 8, 8, 3]))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "time_blocks.npz"
    write_time_blocks(path, {"a/b": BLOCKS, "c": TimeBlocks(NLL[:2], np.array([4, 1]))})
    found = read_time_blocks(path)
    assert list(found) == ["a/b", "c"]
    np.testing.assert_array_equal(found["a/b"].nll, NLL)
    assert found["a/b"].n_bins.tolist() == [8, 8, 8, 8, 3]
    assert found["c"].nll.shape == (2, 2)


def test_what_float32_cannot_hold_is_its_largest(tmp_path: Path) -> None:
    write_time_blocks(tmp_path / "blocks.npz", {"s": TimeBlocks(NLL.astype(np.float64) * 1e56, BLOCKS.n_bins)})
    found = read_time_blocks(tmp_path / "blocks.npz")["s"].nll
    np.testing.assert_array_equal(found, np.sign(NLL) * np.finfo(np.float32).max)


@pytest.mark.parametrize("what", ["torn", "another", "of another shape", "of no bins"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "time_blocks.npz"
    write_time_blocks(path, {"s": BLOCKS})
    if what == "torn":
        path.write_bytes(path.read_bytes()[:200])
    elif what == "another":
        np.savez(path, x=np.zeros(3))
    else:
        wrong = {"0/nll": NLL[0]} if what == "of another shape" else {"0/n_bins": np.zeros(5, dtype=np.int64)}
        np.savez(path, **dict(np.load(path)) | wrong)
    with pytest.raises(UserError, match=f"{path}: .*run it again"):
        read_time_blocks(path)
