"""The members of a SynapsNet: decoders with embeddings and unobserved neurons of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.models.decoders.base import Decoder, Follower
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


def following(members: Sequence[Member], session: int, window_bins: int) -> Follower:
    """The decoders of members, in evaluation mode and with their weights of this moment, on a window that grows."""
    decoders = [member.decoder for member in members]
    embeddings = [member.embeddings[session] for member in members]
    return type(decoders[0]).following(decoders, embeddings, window_bins)


@final
class Speakers(nn.Module):
    """Who of the members forecasts; a part of the weights.

    Args:
        n_members: Number of members, all of which speak at first.

    Attributes:
        members: Their indices, as Python has them, because reading a buffer would make a GPU wait.
        heard: True if their unobserved neurons take part.
    """

    chosen: Tensor
    with_unobserved: Tensor

    def __init__(self, n_members: int) -> None:
        super().__init__()
        self.members, self.heard = tuple(range(n_members)), True
        self.register_buffer("chosen", torch.ones(n_members, dtype=torch.bool))
        self.register_buffer("with_unobserved", torch.tensor(True))
        self.register_load_state_dict_post_hook(_as_python_has_them)  # type: ignore[no-untyped-call]  # torch's

    def choose(self, members: Sequence[int], *, heard: bool) -> None:
        """Let only some members forecast, by their indices, with or without their unobserved neurons."""
        self.members, self.heard = tuple(members), heard
        self.chosen.copy_(torch.tensor([member in self.members for member in range(len(self.chosen))]))
        self.with_unobserved.fill_(heard)


def _as_python_has_them(speakers: Speakers, _: object) -> None:
    speakers.members = tuple(speakers.chosen.nonzero()[:, 0].tolist())
    speakers.heard = bool(speakers.with_unobserved)
