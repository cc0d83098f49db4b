"""A model as it forecasts, without dropout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class HasModes(Protocol):
    """A module that is trained or evaluated."""

    training: bool

    def train(self, mode: bool = True) -> object:
        """Go to one of the modes."""


@contextmanager
def evaluating(model: HasModes) -> Iterator[None]:
    """Within the context the model is in evaluation mode; afterwards in the mode it was in."""
    training = model.training
    model.train(False)
    try:
        yield
    finally:
        model.train(training)
