"""Checkpoints are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from synapsnet.checkpoint_file import read_checkpoint
from synapsnet.errors import UserError
from synapsnet.training.checkpoint_io import AtomicCheckpointIO


def test_a_checkpoint_that_cannot_be_written_leaves_the_last_one(tmp_path: Path) -> None:
    io, path = AtomicCheckpointIO(), tmp_path / "last.ckpt"
    whole = {"state_dict": {"w": torch.ones(3)}, "hyper_parameters": {}, "loops": {}}
    whole |= {"callbacks": {}, "optimizer_states": [], "global_step": 0}
    io.save_checkpoint(whole, path)
    with pytest.raises((AttributeError, TypeError, RuntimeError)):
        io.save_checkpoint({**whole, "odd": lambda: None}, path)
    assert torch.equal(io.load_checkpoint(path)["state_dict"]["w"], torch.ones(3))
    assert list(tmp_path.iterdir()) == [path]


def test_half_a_checkpoint_is_none(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    torch.save({"state_dict": {"w": torch.ones(1000)}, "hyper_parameters": {}, "loops": {}}, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="broken"):
        read_checkpoint(path)
