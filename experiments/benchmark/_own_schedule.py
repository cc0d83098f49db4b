"""NetFormer by its authors' code and schedule, on one recording.

    python experiments/benchmark/_own_schedule.py CLONE PIECES.npz [EPOCHS]

``CLONE`` is a clone of `NeuroAIHub/NetFormer` (Lu et al. 2025), which needs ``einops``; ``PIECES`` has arrays
``train0``, ``train1``, …, ``validation0``, … of activity ``[time, units]`` in float32. Prints a line for each
validation: its step, the CPU seconds since training began, and the mean squared error. It is a process of its own,
because another's code runs in it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pytorch_lightning as pl  # the name by which NetFormer knows Lightning
import torch
from numpy.lib.stride_tricks import sliding_window_view
from pytorch_lightning.callbacks import EarlyStopping
from torch.utils.data import DataLoader, TensorDataset

WINDOW_BINS = 60
_QUIET: dict[str, Any] = dict.fromkeys(
    ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False
)


class Clock(pl.Callback):
    """Prints every validation."""

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self.start = time.process_time()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        error = float(trainer.callback_metrics["VAL_loss"])
        print(trainer.global_step, time.process_time() - self.start, error, flush=True)


def main(clone: str, path: str, epochs: str = "100") -> None:
    """Train by the settings of ``scripts/train_NetFormer_mouse.sh`` and ``train_NetFormer_mouse.py``.

    Windows of 60 bins whose last is the target, 32 a batch; the rate 1e-3 falls by plateaus; at most 100 epochs, which
    end after 20 without a better validation. ``NetFormer_sim`` is the network of that script without its cell types,
    for a single session. Logs and checkpoints are left out.
    """
    torch.set_num_threads(1)
    sys.path[0] = clone  # in place of this folder
    from NetFormer.models import NetFormer_sim  # type: ignore[import-not-found]

    with np.load(path, allow_pickle=False) as pieces:
        parts = {split: [pieces[name] for name in pieces if split in name] for split in ("train", "validation")}
    train, validation = (
        np.concatenate([sliding_window_view(part, WINDOW_BINS, axis=0) for part in of if len(part) >= WINDOW_BINS])
        for of in parts.values()
    )
    loaders = [
        DataLoader(TensorDataset(windows[..., :-1], windows[..., -1:]), batch_size=32, shuffle=shuffle)
        for windows, shuffle in ((torch.from_numpy(train), True), (torch.from_numpy(validation), False))
    ]
    model = NetFormer_sim(
        neuron_num=train.shape[1], window_size=WINDOW_BINS, learning_rate=1e-3, scheduler="plateau", dim_E=30
    )
    callbacks = [EarlyStopping(monitor="VAL_loss", patience=20), Clock()]
    limits = {"max_epochs": int(epochs), "accelerator": "cpu", "num_sanity_val_steps": 0}
    pl.Trainer(callbacks=callbacks, **limits, **_QUIET).fit(model, *loaders)


if __name__ == "__main__":
    main(*sys.argv[1:])
