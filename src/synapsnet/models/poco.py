"""POCO (Duan et al. 2025): one MLP for each unit's past, conditioned on the population."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.likelihoods import Likelihood
from synapsnet.models.attention import AttentionBlock
from synapsnet.models.lagged_forecaster import LaggedForecaster
from synapsnet.models.population import READOUT_SD
from synapsnet.session import TaskSpec

EMBEDDING_SD = 0.02  # as in POYO


@final
class Poco(LaggedForecaster):
    """``drive_i = w · ((1 + α_i) ⊙ relu(W [past of i]) + β_i)``: an MLP shared by all units, with a FiLM of each unit.

    The past of a unit is its last ``spec.context_bins`` bins and its slow state. α and β are linear in the unit's
    condition, which a perceiver after POYO (Azabou et al. 2023) reads from the population at every bin. The last bins
    of each unit and behavior series are a token, with the embeddings of unit and session. A few latents attend to the
    tokens, then to each other. A unit's embedding attends to the latents and is added to what it reads.

    The reference (48 bins of past, 16 bins ahead) has 3 tokens a unit, told apart by rotary embeddings of time; here
    the context is one token, because one forecast a bin instead of one a window makes each token 64 times as costly.
    For the same reason it is narrower (reference: width 128, hidden 1024, 16 heads), and the feed-forward blocks after
    the cross-attentions are left out. The reference has the factor α, and a bias; with 1 + α and none, a forecast
    starts as the plain MLP.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        width: Size of a token and an embedding.
        latents: Number of latents.
        layers: Number of blocks of attention between latents.
        heads: Heads of these blocks; divides ``width``.
        hidden: Size of the MLP's hidden layer.
        dropout: Dropout in these blocks.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        width: int,
        latents: int,
        layers: int,
        heads: int,
        hidden: int,
        dropout: float,
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.own_past = None
        self.embeddings = nn.ParameterList(
            nn.Parameter(EMBEDDING_SD * torch.randn(session.n_units + spec.n_behavior, width))
            for session in spec.sessions
        )
        self.session_embeddings = nn.ParameterList(
            nn.Parameter(EMBEDDING_SD * torch.randn(width)) for _ in spec.sessions
        )
        self.latent_embeddings = nn.Parameter(EMBEDDING_SD * torch.randn(latents, width))
        self.tokens = nn.Linear(spec.context_bins, width)
        self.gather = CrossAttention(width=width)
        self.gathered = nn.Linear(width, width)
        self.blocks = nn.Sequential(
            *(AttentionBlock(width=width, heads=heads, dropout=dropout, causal=False) for _ in range(layers))
        )
        self.spread = CrossAttention(width=width)
        self.spread_values = nn.Linear(width, width)
        self.film = nn.Linear(width, 2 * hidden, bias=False)
        nn.init.zeros_(self.film.weight)
        self.own = nn.Linear(spec.context_bins + len(spec.slow_s), hidden)
        self.readout = nn.Parameter(READOUT_SD * torch.randn(hidden))

    def drive_of(self, windows: Tensor, session: int, slow: Tensor) -> Tensor:
        n_units = slow.shape[2]
        identities = self.embeddings[session] + self.session_embeddings[session]
        latents = self.latents(self.tokens(windows) + identities)
        weights, values = self.spread(identities[:n_units], latents)
        steady, steady_shift = self.films(identities[:n_units])  # [units, hidden] and [units]
        mixed, mixed_shift = self.films(self.spread_values(values))
        own = F.relu(self.own(torch.cat([windows[:, :, :n_units], slow], dim=-1)))
        unmixed = own @ mixed.transpose(-1, -2) + mixed_shift[:, :, None]  # [batch, time, units, latents]
        drive: Tensor = torch.einsum("btuh,uh->btu", own, self.readout + steady)
        drive = drive + steady_shift + (weights * unmixed).sum(-1)
        return drive

    def latents(self, tokens: Tensor) -> Tensor:
        """The population at every bin, ``[batch, time, latents, width]``, from ``[batch, time, tokens, width]``."""
        weights, values = self.gather(self.latent_embeddings, tokens)
        latents = self.latent_embeddings + self.gathered(weights @ values)
        states: Tensor = self.blocks(latents.flatten(0, 1)).view_as(latents)
        return states

    def films(self, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """``w ⊙ α`` and ``w · β`` of conditions, ``[..., width]`` to ``[..., hidden]`` and ``[...]``.

        They are linear, so that a unit's drive is the sum over its embedding and the latents that it reads. A film of
        every unit at every bin, which is never formed, would cost most of the time.
        """
        factor, shift = self.film(conditions).chunk(2, dim=-1)
        return factor * self.readout, shift @ self.readout


@final
class CrossAttention(nn.Module):
    """Weights of one head of attention from a set of constant queries to the tokens of every bin.

    Args:
        width: Size of a query and of a token.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(width)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)

    def forward(self, queries: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Weights ``[batch, time, queries, tokens]`` that sum to 1, and the normalised tokens to mix by them.

        Query and key are one matrix, because one head cannot tell them from their product.

        Args:
            queries: ``[queries, width]``.
            tokens: ``[batch, time, tokens, width]``.
        """
        normalized = self.norm(tokens)
        scores = self.query(self.query_norm(queries)) @ normalized.transpose(-1, -2)
        return torch.softmax(scores / queries.shape[-1] ** 0.5, dim=-1), normalized
