"""NetFormer (Lu et al. 2025, ICLR): linear attention over units, whose weights are a claim of connectivity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.models.lagged_forecaster import LaggedForecaster
from synapsnet.models.lags import by_lag, lagged
from synapsnet.models.own_past import OwnPast
from synapsnet.models.pairs import check_pairs
from synapsnet.models.per_session import PerSession
from synapsnet.models.population import READOUT_SD
from synapsnet.session import Batch, Batches, TaskSpec


@final
class Netformer(LaggedForecaster, ConnectivityForecaster):
    """``drive_i = Σ_j a_ij x_j``, with attention ``a_ij = (Q z_i) · (K z_j) / √size`` at every bin, without a softmax.

    The token ``z_j`` is the layer norm of the last ``spec.context_bins`` bins of unit j together with its embedding;
    ``x_j`` is its last bin. Behavior series are tokens that send and do not receive. Because there is no softmax, the
    sum over senders is taken first, so time and memory are linear in the number of units.

    The paper has ``x_t+1 = x_t + A_t x_t``; its code normalises values and outputs as well, and has no behavior. Here
    the baseline and a linear response to the own past, see `OwnPast`, take the place of the first ``x_t``, because the
    last count is a poor forecast. Values and outputs keep their sizes. The query starts near 0, and so do all drives.

    Raw connectivity is the paper's estimate: the mean attention over the train split. Effective connectivity also
    counts that a sender's activity changes the attention to it.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        embedding_dim: Size of a unit's embedding.
        own_past: Builds the units' response to their own past; called with ``spec``.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        embedding_dim: int,
        own_past: Callable[..., OwnPast],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        check_pairs(spec, "model=netformer")
        size = spec.context_bins + embedding_dim
        self.embeddings = nn.ParameterList(
            nn.Parameter(torch.randn(session.n_units + spec.n_behavior, embedding_dim)) for session in spec.sessions
        )
        self.norm = nn.LayerNorm(size)
        self.query = nn.Linear(size, size, bias=False)
        self.key = nn.Linear(size, size, bias=False)
        nn.init.normal_(self.query.weight, std=READOUT_SD)
        self.own_past = own_past(spec=spec)
        self.mean_attention = PerSession(torch.zeros(s.n_units, s.n_units) for s in spec.sessions)
        self._kept: dict[int, Tensor] = {}  # of sessions without some of their edges, [post, senders]

    def drive_of(self, windows: Tensor, session: int, slow: Tensor) -> Tensor:
        tokens = self.tokens(windows, session)
        messages = tokens * windows[..., -1:]
        kept = self._kept.get(session)
        received = messages.sum(2, keepdim=True) if kept is None else kept @ messages
        receivers = tokens[:, :, : slow.shape[2]]
        drive: Tensor = (self.sought(receivers) * received).sum(-1)
        return drive

    def tokens(self, windows: Tensor, session: int) -> Tensor:
        """Tokens from last bins, ``[..., senders, bins]`` to ``[..., senders, size]``; units, then any behavior."""
        embeddings = self.embeddings[session][: windows.shape[-2]].expand(*windows.shape[:-1], -1)
        tokens: Tensor = self.norm(torch.cat([windows, embeddings], dim=-1))
        return tokens

    def sought(self, receivers: Tensor) -> Tensor:
        """The vector whose product with a sender's token is the attention, for each of the receivers' tokens."""
        sought: Tensor = self.query(receivers) @ self.key.weight / self.key.in_features**0.5
        return sought

    def finish(self, train: Batches, validation: Batches, shuffled: Iterable[Batch], budget: int) -> list[str]:
        chosen = super().finish(train, validation, shuffled, budget)
        self._average_attention(train)
        return chosen

    @torch.no_grad()
    def _average_attention(self, train: Batches) -> None:
        for session in range(len(self.spec.sessions)):
            total, n_bins = torch.zeros_like(self.mean_attention[session]), 0
            with evaluating(self):
                for batch in train.of_session(session):
                    here = batch.to(self.device)
                    windows = lagged(self.inputs(here.past, session), self.spec.context_bins)[here.scored]
                    tokens = self.tokens(windows, session)
                    total += torch.einsum("bid,bjd->ij", self.sought(tokens), tokens)
                    n_bins += len(windows)
            self.mean_attention[session].copy_(total / n_bins).fill_diagonal_(0)

    def raw_connectivity(self, session: int) -> Tensor:
        """Mean attention over the train split, once training is finished; before, 0."""
        return self.mean_attention[session]

    @contextmanager
    def without_edges(self, session: int, removed: Tensor) -> Iterator[None]:
        kept = (~removed).float()
        self._kept[session] = torch.cat([kept, kept.new_ones(len(kept), self.spec.n_behavior)], dim=1)
        try:
            yield
        finally:
            del self._kept[session]

    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        """Mean Jacobian by way of the messages.

        A message depends on the past of its sender alone, so one derivative for each lag serves all pairs.
        """
        n_units, bins = past.shape[2], self.spec.context_bins
        scale = self.scale(session)
        with evaluating(self), torch.enable_grad():
            inputs = self.inputs(past, session).detach()
            drive = self.drive(inputs, behavior, session, slow).detach().requires_grad_()
            (link_slope,) = torch.autograd.grad(self.expected(drive, past, session)[:, -1].sum(), drive)
            windows = lagged(inputs, bins)[:, -1].requires_grad_()
            tokens = self.tokens(windows, session)
            # The second backward pass of two goes forward, from a lag to all features of the messages.
            along = torch.zeros_like(tokens, requires_grad=True)
            (back,) = torch.autograd.grad(tokens * windows[..., -1:], windows, along, create_graph=True)
            lags = torch.eye(bins, device=past.device).flip(0)  # the present bin first
            slopes = [torch.autograd.grad(back, along, lag.expand_as(back), retain_graph=True)[0] for lag in lags]
        sent = torch.stack(slopes) * scale.input_gain(past)[:, -bins:].flip(1).movedim(1, 0)[..., None]
        sought = self.sought(tokens).detach() * link_slope[:, -1, :, None]
        jacobian = torch.einsum("bid,lbjd->lij", sought, sent) / len(past)
        off_diagonal = 1 - torch.eye(n_units, device=past.device)
        return by_lag(jacobian * scale.raw_size[:, None] * off_diagonal, n_lags)
