"""Gather the states of metrics from every process of a run on several devices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities.distributed import gather_all_tensors


def gather(state: Tensor, group: Any = None) -> list[Tensor]:
    """The state of every process of a group, in the order of their ranks.

    States stay on the CPU, because not every accelerator has float64. NCCL sends only GPU tensors, so states are copied
    to the GPU and back.

    Args:
        state: The state of this process, on the CPU.
        group: The processes; all of them by default.
    """
    device = torch.device("cuda" if torch.distributed.get_backend(group) == "nccl" else "cpu")
    return [part.cpu() for part in gather_all_tensors(state.to(device), group)]
