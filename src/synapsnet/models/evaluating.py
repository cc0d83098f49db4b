"""Evaluation mode: forecasts without dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class HasModes(Protocol):
    """A module with a training mode and an evaluation mode."""

    training: bool

    def train(self, mode: bool = True) -> object:
        """Set the mode."""


@contextmanager
def evaluating(model: HasModes) -> Iterator[None]:
    """Context with the model in evaluation mode; the previous mode is restored afterwards."""
    if not model.training:  # setting the mode of every module costs as much as an online forecast
        yield
        return
    model.train(False)
    try:
        yield
    finally:
        model.train(True)
