"""Unobserved neurons: the part of the network that nobody recorded."""

from __future__ import annotations

from typing import TypeAlias, final

import torch
from torch import Tensor, nn

from synapsnet.models.per_session import SessionModules
from synapsnet.models.population import READOUT_SD
from synapsnet.session import TaskSpec

State: TypeAlias = tuple[Tensor, Tensor]
"""The LSTM's output and cell, ``[batch, unobserved]`` each."""


@final
class UnobservedNeurons(nn.Module):
    """A recurrent network that receives from the recorded units and sends current back to them.

    Recorded units are a sample of the brain, and what they share by common input is no connection between them (Vidne
    et al. 2012; Soudry et al. 2015). The state of the unobserved neurons is inferred causally, from the recorded
    activity and the behavior up to the present bin. Their own connections, an LSTM, are shared by all sessions; each
    session has its own connections to and from its recorded units.

    Args:
        spec: The sessions.
        n_neurons: Number of unobserved neurons.
        dropout: Dropout on their input and on their state.
    """

    def __init__(self, *, spec: TaskSpec, n_neurons: int, dropout: float) -> None:
        super().__init__()
        self.incoming = SessionModules(nn.Linear(s.n_units + spec.n_behavior, n_neurons) for s in spec.sessions)
        self.recurrent = nn.LSTM(n_neurons, n_neurons, batch_first=True)
        self.outgoing = nn.ParameterList(
            nn.Parameter(READOUT_SD * torch.randn(n_neurons, session.n_units)) for session in spec.sessions
        )
        self.dropout = nn.Dropout(dropout)
        self.silenced = False  # True: they send no current

    def states(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        """Inferred states, ``[batch, time, unobserved]``."""
        states: Tensor = self.dropout(self.recurrent(self.dropout(self._received(inputs, behavior, session)))[0])
        return states

    def next_state(self, inputs: Tensor, behavior: Tensor, session: int, state: State | None) -> State:
        """The state after one more bin, in evaluation mode; its output is the last of `states`.

        Args:
            inputs: Scaled activity of all units in the bin, ``[batch, 1, units]``.
            behavior: Encoded behavior, ``[batch, 1, features]``.
            session: Index of the session.
            state: The state before it; None at the beginning of a window.
        """
        received = self._received(inputs, behavior, session)[:, 0]
        before = (torch.zeros_like(received),) * 2 if state is None else state
        after: State = torch.lstm_cell(received, before, *self.recurrent.all_weights[0])
        return after

    def _received(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        received: Tensor = self.incoming[session](torch.cat([inputs, behavior], dim=-1))
        return received

    def forward(self, inputs: Tensor, behavior: Tensor, session: int, receivers: Tensor | None = None) -> Tensor:
        """Current sent to recorded units, in units of their drive, ``[batch, time, receivers]``; None: to all units."""
        return self.current(self.states(inputs, behavior, session), session, receivers)

    def current(self, states: Tensor, session: int, receivers: Tensor | None = None) -> Tensor:
        """Current of given states, ``[..., unobserved]``, to recorded units, ``[..., receivers]``; None: to all."""
        outgoing = self.outgoing[session]
        sent: Tensor = states @ (outgoing if receivers is None else outgoing[:, receivers])
        return 0 * sent if self.silenced else sent
