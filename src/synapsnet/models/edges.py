"""Temporary removal of edges from a fitted model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def zeroed(weights: Tensor, where: Tensor) -> Iterator[None]:
    """Context in which weights are 0 wherever ``where`` (bool, broadcast) is True."""
    with torch.no_grad():
        saved = weights.clone()
        weights.masked_fill_(where, 0)
    try:
        yield
    finally:
        with torch.no_grad():
            weights.copy_(saved)
