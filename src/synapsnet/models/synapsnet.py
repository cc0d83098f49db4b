"""SynapsNet: a decoder shared by units that interact through a learnable connectivity (arXiv 2411.08221)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import final

import torch
from torch import Tensor, nn

from synapsnet.likelihoods import Likelihood
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.decoders.base import Decoder
from synapsnet.models.evaluating import evaluating
from synapsnet.models.hooks import Refining
from synapsnet.models.lags import by_lag
from synapsnet.models.trained import TrainedForecaster
from synapsnet.session import Batches, TaskSpec


@final
class SynapsNet(TrainedForecaster, ConnectivityForecaster, Refining):
    """``I_t = A_s x_t`` and ``y_t+1 = decoder(x_<=t, I_<=t, b_<=t, e, s_t)`` for each unit separately.

    Each session has its own ``A_s``, each unit its own embedding ``e`` and slow state ``s``, and all share the decoder.
    ``A_s`` is the only path by which one unit's activity can reach another's forecast.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        connectivity: Builds the connectivity; called with ``spec``.
        decoder: Builds the decoder; called with ``spec`` and ``embedding_dim``.
        embedding_dim: Size of a unit's latent embedding.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        connectivity: Callable[..., Connectivity],
        decoder: Callable[..., Decoder],
        embedding_dim: int,
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.connectivity = connectivity(spec=spec)
        self.decoder = decoder(spec=spec, embedding_dim=embedding_dim)
        self.embeddings = nn.ParameterList(
            nn.Parameter(torch.randn(session.n_units, embedding_dim) * 0.3) for session in spec.sessions
        )

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self.departure(inputs, self.connectivity(inputs, session), behavior, session, slow)

    def departure(self, inputs: Tensor, currents: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Output of the decoder for the given currents, ``[batch, time, units]``; see `Decoder.forward`."""
        departure: Tensor = self.decoder(inputs, currents, self.embeddings[session], behavior, slow)
        return departure

    @property
    def n_refinements(self) -> int:
        return self.connectivity.n_refinements

    def refine(self, train: Batches, validation: Batches) -> None:
        self.connectivity.refine(self, train, validation)

    def penalty(self) -> Tensor:
        return self.connectivity.penalty()

    def raw_connectivity(self, session: int) -> Tensor:
        return self.connectivity.matrix(session)

    def inclusion(self, session: int) -> Tensor | None:
        return self.connectivity.inclusion(session)

    def without_edges(self, session: int, removed: Tensor) -> AbstractContextManager[None]:
        return self.connectivity.without_edges(session, removed)

    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        """Mean Jacobian through the current.

        ``W_lij = E[ dŷ_i,t+1/dI_i,t-l · dx_j,t-l/da_j,t-l ] · A_ij`` for raw activity ``a`` and its scaled form ``x``.
        This is exact, because the decoder sees one unit at a time, and one backward pass serves all pairs. Raw A is not
        identified: if its sign and the sign of the decoder's response are flipped, or if one is scaled up and the other
        down, the forecast is unchanged.
        """
        # cuDNN cannot differentiate a recurrent decoder in evaluation mode.
        with evaluating(self), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            inputs = self.inputs(past, session)
            currents = self.connectivity(inputs, session).detach().requires_grad_()
            drive = self.departure(inputs.detach(), currents, behavior, session, slow)
            mean = self.expected(drive, past, session)[:, -1]
            (response,) = torch.autograd.grad(mean.sum(), currents)
        scale = self.scale(session)
        gain = scale.input_gain(past)
        first_near = max(past.shape[1] - n_lags + 1, 0)
        # One matrix per separate lag; earlier lags in a single product, because a matrix for each would fill memory.
        by_bin = torch.einsum("bti,btj->tij", response[:, first_near:], gain[:, first_near:]).flip(0)
        rest = torch.einsum("bti,btj->ij", response[:, :first_near], gain[:, :first_near])[None]
        slopes = by_lag(torch.cat([by_bin, rest]), n_lags) / len(past)
        return scale.raw_size[:, None] * slopes * self.connectivity.matrix(session).detach()
