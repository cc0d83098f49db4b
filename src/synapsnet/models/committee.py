"""The members of a SynapsNet: decoders with embeddings and unobserved neurons of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.decoders.base import Decoder
from synapsnet.models.unobserved import UnobservedNeurons
from synapsnet.session import TaskSpec

UNITS_AT_ONCE = 256  # decoded together, which bounds memory, is fast, and changes no forecast


@final
class Member(nn.Module):
    """One decoder for every unit, the units' embeddings, and the unobserved neurons.

    Args:
        spec: The sessions.
        decoder: Builds the decoder; called with ``spec`` and ``embedding_dim``.
        embedding_dim: Size of a unit's latent embedding.
        n_unobserved: Number of unobserved neurons; 0 for none.
        dropout: Dropout of the unobserved neurons.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        decoder: Callable[..., Decoder],
        embedding_dim: int,
        n_unobserved: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.decoder = decoder(spec=spec, embedding_dim=embedding_dim)
        self.embeddings = nn.ParameterList(
            nn.Parameter(torch.randn(session.n_units, embedding_dim) * 0.3) for session in spec.sessions
        )
        self.unobserved: UnobservedNeurons | None = None
        if n_unobserved:
            self.unobserved = UnobservedNeurons(spec=spec, n_neurons=n_unobserved, dropout=dropout)

    def forward(
        self,
        inputs: Tensor,
        currents: Tensor,
        behavior: Tensor,
        session: int,
        slow: Tensor,
        units: Tensor | None = None,
    ) -> Tensor:
        """Drive of all units or of some, ``[batch, time, units]``.

        Args:
            inputs: Scaled past activity of all units, which unobserved neurons hear, ``[batch, time, all units]``.
            currents: Input currents of the units, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session.
            slow: Slow state of the units, ``[batch, time, units, traces]``.
            units: Their indices; None: all units.
        """
        embeddings, own = self.embeddings[session], inputs
        if units is not None:
            embeddings, own = embeddings[units], inputs[..., units]
        split = (torch.split(part, UNITS_AT_ONCE, dim=2) for part in (own, currents, slow))
        parts = zip(*split, torch.split(embeddings, UNITS_AT_ONCE), strict=True)
        drive = torch.cat([self.decoder(x, current, e, behavior, s) for x, current, s, e in parts], dim=2)
        if self.unobserved is not None:
            drive = drive + self.unobserved(inputs, behavior, session, units)
        return drive
