"""Interface of all decoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias, final

import torch
from torch import Tensor, nn

from synapsnet.models.windows import Series

Decoding: TypeAlias = Callable[[Tensor, Tensor, int], Tensor]


class Follower(Protocol):
    """Several decoders that follow a window, bin by bin."""

    def add(self, inputs: Tensor, currents: Tensor, behavior: Tensor, slow: Tensor) -> None:
        """Take one more bin of inputs, currents, behavior and slow state, ``[1, 1, ...]``; see `Decoder.features`."""

    def drives(self) -> Tensor:
        """`Decoder.forward` of each at the last bin, ``[decoders, 1, 1, units]``."""


class Decoder(nn.Module, ABC):
    """One decoder for every unit."""

    @abstractmethod
    def features(self, inputs: Tensor, currents: Tensor, slow: Tensor, first: int) -> Tensor:
        """Everything that units differ in but their embeddings; without parameters, so that a committee shares it.

        Args:
            inputs: Scaled past activity, ``[batch, time, units]``.
            currents: Input currents, ``[batch, time, units]``.
            slow: Slow state of every unit, ``[batch, time, units, traces]``.
            first: The first step that `forward` returns.

        Returns:
            The first argument of `forward`.
        """

    @abstractmethod
    def forward(self, features: Tensor, embeddings: Tensor, behavior: Tensor, first: int) -> Tensor:
        """Departure of each unit's next bin from its baseline; causal.

        Args:
            features: Output of `features`.
            embeddings: One latent vector per unit, ``[units, embedding]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            first: The first step that is returned; earlier ones are context, whose work a decoder may spare itself.

        Returns:
            ``[batch, time - first, units]``.
        """

    @classmethod
    def together(cls, decoders: Sequence[Decoder], embeddings: Sequence[Tensor]) -> Decoding:
        """Several decoders of this kind, on the same features, in one function; with their weights of this moment.

        Args:
            decoders: The decoders, in evaluation mode.
            embeddings: Embeddings of the same units for each.

        Returns:
            `forward` of each, ``[decoders, batch, time - first, units]``, from features, behavior and first step.
        """

        def each(features: Tensor, behavior: Tensor, first: int) -> Tensor:
            pairs = zip(decoders, embeddings, strict=True)
            return torch.stack([decoder(features, of_units, behavior, first) for decoder, of_units in pairs])

        return each

    @classmethod
    def following(cls, decoders: Sequence[Decoder], embeddings: Sequence[Tensor], window_bins: int) -> Follower:
        """Several decoders of this kind that follow a window of at most ``window_bins``; arguments as for `together`.

        They read the window anew at every bin, unless a kind of decoder has a state to carry.
        """
        return _Rereading(decoders[0], cls.together(decoders, embeddings), window_bins)


@final
class _Rereading:
    """A `Follower` that keeps the window."""

    def __init__(self, decoder: Decoder, decode: Decoding, window_bins: int) -> None:
        self._decoder, self._decode = decoder, decode
        self._series = [Series(window_bins) for _ in range(4)]

    def add(self, inputs: Tensor, currents: Tensor, behavior: Tensor, slow: Tensor) -> None:
        for series, values in zip(self._series, (inputs, currents, behavior, slow), strict=True):
            series.add(values)

    def drives(self) -> Tensor:
        inputs, currents, behavior, slow = (series.last() for series in self._series)
        last = inputs.shape[1] - 1
        return self._decode(self._decoder.features(inputs, currents, slow, last), behavior, last)


def signals(inputs: Tensor, currents: Tensor, slow: Tensor) -> Tensor:
    """The features of a decoder that has a memory of its own, ``[batch, time, units, 2 + traces]``."""
    return torch.cat([inputs[..., None], currents[..., None], slow], dim=-1)
