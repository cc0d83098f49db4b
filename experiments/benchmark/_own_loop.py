"""Training of NetFormer (Lu et al. 2025) by its authors' code, in the loop of that code, on one recording.

    python experiments/benchmark/_own_loop.py CLONE ACTIVITY.npy STEPS

``CLONE`` is a clone of `NeuroAIHub/NetFormer`, which needs ``einops``; ``ACTIVITY`` an array ``[time, units]`` in
float32. Prints scored unit-bins per CPU second. It is a process of its own, because another's code runs in it.

POCO's code cannot be measured so: it stops without xformers, which is made for GPUs.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pytorch_lightning as pl  # the name by which NetFormer knows Lightning
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.utils.data import DataLoader, TensorDataset

_FIRST = 2  # steps before the clock starts
_QUIET: dict[str, Any] = dict.fromkeys(
    ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
)


class Clock(pl.Callback):
    """CPU seconds and scored unit-bins of the steps after the first ones."""

    def __init__(self) -> None:
        self.unit_bins = 0
        self.start = self.now = 0.0

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.now = time.process_time()
        if trainer.global_step == _FIRST:
            self.start = self.now
        elif trainer.global_step > _FIRST:
            self.unit_bins += batch[1].numel()


def main(clone: str, path: str, steps: str) -> None:
    """Train by the settings of ``scripts/train_NetFormer_mouse.sh``: windows of 60 bins, 32 a batch.

    ``NetFormer_sim`` is the network of that script without its cell types, for a single session. Validation, which the
    schedule of that script asks for, logs and checkpoints are left out.
    """
    sys.path[0] = clone  # in place of this folder
    from NetFormer.models import NetFormer_sim  # type: ignore[import-not-found]

    torch.set_num_threads(1)
    activity = np.load(path, allow_pickle=False)
    windows = torch.from_numpy(sliding_window_view(activity, 60, axis=0).copy())
    loader = DataLoader(TensorDataset(windows[..., :-1], windows[..., -1:]), batch_size=32, shuffle=True)
    model = NetFormer_sim(neuron_num=activity.shape[1], window_size=60, learning_rate=1e-3, scheduler="none", dim_E=30)
    clock = Clock()
    limits = {"max_steps": _FIRST + int(steps), "max_epochs": -1, "accelerator": "cpu"}
    pl.Trainer(callbacks=[clock], **limits, **_QUIET).fit(model, loader)
    print(clock.unit_bins / (clock.now - clock.start))


if __name__ == "__main__":
    main(*sys.argv[1:])
