"""Activity as every model and every connectivity method sees it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from synapsnet.session import TaskSpec


def model_inputs(past: Tensor, spec: TaskSpec, statistic: Callable[[str], Tensor]) -> Tensor:
    """Activity with zero mean and unit variance on the train split, ``[batch, time, units]``.

    ``levels``: z-scored ``log1p`` of counts, or z-scored calcium. ``increments``: the change from the bin
    before, in its standard deviation; the first bin of a window, whose change is not known, is 0. Increments
    (the idea of NLinear, Zeng et al. 2023) are blind to the slow drift of a level between train and test.

    Args:
        past: Counts, or z-scored calcium, ``[batch, time, units]``.
        spec: Says which of these the models see.
        statistic: A train statistic of the session by its name in `SessionSpec`, ``[units]``.
    """
    if spec.inputs == "increments":
        return torch.diff(past, dim=1, prepend=past[:, :1]) / statistic("increment_scale")
    if spec.signal == "calcium":
        return past
    return (torch.log1p(past) - statistic("input_mean")) / statistic("input_scale")
