"""The members of a SynapsNet: decoders with embeddings and unobserved neurons of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.decoders.base import Decoder
from synapsnet.models.unobserved import UnobservedNeurons
from synapsnet.session import TaskSpec


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

    def decoded(self, features: Tensor, units: Tensor, behavior: Tensor, session: int, first: int) -> Tensor:
        """Drive of some units by the decoder, ``[batch, time - first, units]``.

        Args:
            features: Their features, see `Decoder.features`.
            units: Their indices.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session.
            first: The first step that is decoded.
        """
        drive: Tensor = self.decoder(features, self.embeddings[session][units], behavior, first)
        return drive
