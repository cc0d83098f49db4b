"""Taking edges out of a fitted model for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


@contextmanager
def zeroed(weights: Tensor, where: Tensor) -> Iterator[None]:
    """Weights that are 0 within the context wherever ``where`` (bool, broadcast) says so."""
    with torch.no_grad():
        saved = weights.clone()
        weights.masked_fill_(where, 0)
    try:
        yield
    finally:
        with torch.no_grad():
            weights.copy_(saved)
