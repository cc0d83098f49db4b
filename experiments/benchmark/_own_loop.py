"""Training of a rival by its authors' code, on one recording.

    python experiments/benchmark/_own_loop.py netformer|poco CLONE ACTIVITY.npy STEPS

``CLONE`` is a clone of `NeuroAIHub/NetFormer` (Lu et al. 2025) or `yuvenduan/POCO` (Duan et al. 2025), which need
``einops``; ``ACTIVITY`` an array ``[time, units]`` in float32. Prints scored unit-bins per CPU second. It is a process
of its own, because another's code runs in it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytorch_lightning as pl  # the name by which NetFormer knows Lightning
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - the field's name for it
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
        self.count(trainer.global_step, batch[1].numel())

    def count(self, step: int, unit_bins: int) -> None:
        """Count the unit-bins that a step has scored."""
        self.now = time.process_time()
        if step == _FIRST:
            self.start = self.now
        elif step > _FIRST:
            self.unit_bins += unit_bins

    @property
    def rate(self) -> float:
        """Scored unit-bins per CPU second."""
        return self.unit_bins / (self.now - self.start)


def netformer(clone: str, activity: npt.NDArray[np.float32], n_steps: int) -> float:
    """Train by the settings of ``scripts/train_NetFormer_mouse.sh``: windows of 60 bins, 32 a batch.

    ``NetFormer_sim`` is the network of that script without its cell types, for a single session. Validation, which the
    schedule of that script asks for, logs and checkpoints are left out.
    """
    sys.path[0] = clone  # in place of this folder
    from NetFormer.models import NetFormer_sim  # type: ignore[import-not-found]

    windows = torch.from_numpy(sliding_window_view(activity, 60, axis=0).copy())
    loader = DataLoader(TensorDataset(windows[..., :-1], windows[..., -1:]), batch_size=32, shuffle=True)
    model = NetFormer_sim(neuron_num=activity.shape[1], window_size=60, learning_rate=1e-3, scheduler="none", dim_E=30)
    clock = Clock()
    limits = {"max_steps": n_steps, "max_epochs": -1, "accelerator": "cpu"}
    pl.Trainer(callbacks=[clock], **limits, **_QUIET).fit(model, loader)
    return clock.rate


def poco(clone: str, activity: npt.NDArray[np.float32], n_steps: int) -> float:
    """Train ``zapbench_scripts/standalone_poco.py`` by the settings of ``configs/configs.py``.

    Windows of 64 bins, of which the last 16 are forecast and scored, 64 a batch, AdamW, clipping and squared error, in
    a bare loop. Two of its imports are replaced: xformers, which is made for GPUs, by torch's attention within
    sequences of one length, which is the same; and torchtyping, which annotates.
    """
    sys.path[0] = str(Path(clone, "zapbench_scripts"))
    xformers, torchtyping = ModuleType("xformers"), ModuleType("torchtyping")
    vars(xformers).update(ops=attention())
    vars(torchtyping).update(TensorType=dict)  # takes anything in brackets
    sys.modules |= {"xformers": xformers, "xformers.ops": attention(), "torchtyping": torchtyping}
    from standalone_poco import POCO, NeuralPredictionConfig  # type: ignore[import-not-found]

    settings = NeuralPredictionConfig()
    windows = torch.from_numpy(sliding_window_view(activity, settings.seq_length, axis=0).copy())  # [n, units, bins]
    loader = DataLoader(TensorDataset(windows), batch_size=64, shuffle=True)
    model = POCO(settings, [[activity.shape[1]]])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=1e-4, amsgrad=True)
    clock, step = Clock(), 0
    while step < n_steps:
        for (batch,) in loader:
            past, target = batch.permute(2, 0, 1).split([model.Tin, settings.pred_length])
            optimizer.zero_grad()
            F.mse_loss(model([past])[0], target).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
            optimizer.step()
            step += 1
            clock.count(step, target.numel())
            if step == n_steps:
                break
    return clock.rate


def attention() -> ModuleType:
    """The part of xformers that POCO uses: attention within sequences that follow each other in one row."""

    def lengths(*, q_seqlen: list[int], kv_seqlen: list[int] | None) -> tuple[int, int]:
        queries, keys = set(q_seqlen), set(q_seqlen if kv_seqlen is None else kv_seqlen)
        if len(queries) > 1 or len(keys) > 1:
            raise ValueError("sequences of several lengths")
        return queries.pop(), keys.pop()

    def within(q: Tensor, k: Tensor, v: Tensor, *, attn_bias: tuple[int, int], p: float) -> Tensor:
        n_queries, n_keys = attn_bias
        parts = ((q, n_queries), (k, n_keys), (v, n_keys))
        split = (part[0].unflatten(0, (-1, n)).transpose(1, 2) for part, n in parts)  # [sequences, heads, n, size]
        attended: Tensor = F.scaled_dot_product_attention(*split, dropout_p=p)
        return attended.transpose(1, 2).flatten(0, 1)[None]

    module = ModuleType("xformers.ops")
    mask = SimpleNamespace(from_seqlens=lengths)
    vars(module).update(fmha=SimpleNamespace(BlockDiagonalMask=mask), memory_efficient_attention=within)
    return module


RIVALS = {"netformer": netformer, "poco": poco}


def main(rival: str, clone: str, path: str, steps: str) -> None:
    """Print the rate of one rival."""
    torch.set_num_threads(1)
    print(RIVALS[rival](clone, np.load(path, allow_pickle=False), _FIRST + int(steps)))


if __name__ == "__main__":
    main(*sys.argv[1:])
