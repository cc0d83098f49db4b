"""The position of a run, as saved in a checkpoint, so that a resumed run equals one that was never stopped."""

from __future__ import annotations

from typing import Any

import torch

_SEED_STRIDE = 1_000_003


def step_seed(seed: int, epoch: int, batch: int, rank: int = 0) -> int:
    """Seed of one training step: randomness is a function of the position, so no state needs to be saved.

    Args:
        seed: Seed of the run.
        epoch: Number of the epoch.
        batch: Number of the batch in it.
        rank: Number of the process, where several train together.
    """
    return (((rank * _SEED_STRIDE + seed) * _SEED_STRIDE + epoch) * _SEED_STRIDE + batch) % 2**63


def seed_step(seed: int, device: torch.device) -> None:
    """Seed the generators a training step draws from.

    This avoids `torch.manual_seed`, which on a machine without an accelerator formats a stack trace for each kind of
    accelerator that might still appear, and so takes as long as a small step.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def settle_finished_epoch(loops: dict[str, Any]) -> None:
    """Rewrite Lightning's progress counters, saved at the end of an epoch, as "the next epoch is about to start".

    At that moment Lightning has counted the epoch's last batch but not yet the epoch; a run resumed from unchanged
    counts goes through an epoch without a batch, or miscounts its steps by one.

    Args:
        loops: ``checkpoint["loops"]["fit_loop"]``, changed in place.
    """
    epochs = loops["epoch_progress"]
    for tracker in (epochs["total"], epochs["current"]):
        tracker.update(ready=tracker["processed"], started=tracker["processed"], completed=tracker["processed"])
    batches = loops["epoch_loop.batch_progress"]
    batches["is_last_batch"] = False
    optimizer = loops["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]
    schedule = loops["epoch_loop.scheduler_progress"]
    for counter in (batches, schedule, optimizer["step"], optimizer["zero_grad"]):
        counter["current"] = dict.fromkeys(counter["current"], 0)
