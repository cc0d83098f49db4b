"""Interface of all decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Decoder(nn.Module, ABC):
    """One decoder for every unit."""

    @abstractmethod
    def forward(self, inputs: Tensor, currents: Tensor, embeddings: Tensor, behavior: Tensor, slow: Tensor) -> Tensor:
        """Departure of each unit's next bin from its baseline; causal.

        Args:
            inputs: Scaled past activity, ``[batch, time, units]``.
            currents: Input currents, ``[batch, time, units]``.
            embeddings: One latent vector per unit, ``[units, embedding]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            slow: Slow state of every unit, ``[batch, time, units, traces]``.

        Returns:
            ``[batch, time, units]``.
        """
