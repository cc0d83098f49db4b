"""SynapsNet's window that grows bin by bin: each bin is sent to all units and to unobserved neurons once."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from torch import Tensor

from synapsnet.models.committee import following
from synapsnet.models.unobserved import State
from synapsnet.models.windows import Series

if TYPE_CHECKING:
    from synapsnet.models.synapsnet import SynapsNet


@final
class CarriedWindow:
    """A window that keeps the state of decoders and unobserved neurons, and what they received, from bin to bin.

    Args:
        model: The model.
        session: Index of the session.
    """

    def __init__(self, model: SynapsNet, session: int) -> None:
        self._model, self._session = model, session
        self._past = Series(model.spec.window_bins)
        self._states: list[State | None] = [None] * len(model.unobserved())
        self._decoders = following(model.speaking_members(), session, model.spec.window_bins)

    def add(self, past: Tensor, behavior: Tensor, slow: Tensor) -> None:
        model, session = self._model, self._session
        self._past.add(past)
        inputs = model.inputs(self._past.last(2), session)[:, -1:]  # an input is at most a change from the bin before
        self._decoders.add(inputs, model.connectivity(inputs, session), behavior, model.read_slow(slow))
        groups = zip(model.unobserved(), self._states, strict=True)
        self._states = [neurons.next_state(inputs, behavior, session, state) for neurons, state in groups]

    def params(self) -> Tensor:
        model, session = self._model, self._session
        drive = self._decoders.drives().sum(0)
        for neurons, state in zip(model.unobserved(), self._states, strict=True):
            assert state is not None, "a window without bins"
            drive = drive + neurons.current(state[0], session)[:, None]
        drive = drive / len(model.n_heard)
        return model.parameters_of(drive, self._past.last(1), session)[:, 0]
