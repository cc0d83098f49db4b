"""Windows that grow bin by bin, while a recording is going on."""

from __future__ import annotations

from typing import Protocol, final

from torch import Tensor

from synapsnet.session import TaskSpec


class GrowingWindow(Protocol):
    """A window of a session, of which the next bin is forecast."""

    def add(self, past: Tensor, behavior: Tensor, slow: Tensor) -> None:
        """Take one more bin, in the form of `Forecaster.forward`, ``[1, 1, ...]``."""

    def params(self) -> Tensor:
        """Parameters of the bin after the window, ``[1, units, n_params]``."""


class Windowed(Protocol):
    """A model of whole windows; see `Forecaster`."""

    spec: TaskSpec

    def last(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Parameters of the bin after a window, ``[batch, units, n_params]``."""


class Series:
    """A series of at most ``length`` bins that grows in place."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._bins: Tensor | None = None
        self._held = 0

    def add(self, values: Tensor) -> None:
        """Append one bin, ``[1, 1, ...]``."""
        if self._bins is None:
            self._bins = values.new_empty(1, self._length, *values.shape[2:])
        self._bins[:, self._held] = values[:, 0]
        self._held += 1

    def last(self, n_bins: int | None = None) -> Tensor:
        """The last bins, or all if there are fewer or None is given, ``[1, bins, ...]``."""
        assert self._bins is not None, "a series without bins"
        start = 0 if n_bins is None else max(self._held - n_bins, 0)
        return self._bins[:, start : self._held]


@final
class WholeWindow:
    """A window that the model reads anew at every bin.

    Args:
        model: The model.
        session: Index of the session.
    """

    def __init__(self, model: Windowed, session: int) -> None:
        self._model, self._session = model, session
        self._past, self._behavior, self._slow = (Series(model.spec.window_bins) for _ in range(3))

    def add(self, past: Tensor, behavior: Tensor, slow: Tensor) -> None:
        for series, values in ((self._past, past), (self._behavior, behavior), (self._slow, slow)):
            series.add(values)

    def params(self) -> Tensor:
        return self._model.last(self._past.last(), self._behavior.last(), self._session, self._slow.last())
