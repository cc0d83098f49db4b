"""Linear recurrent unit (Orvieto et al. 2023, arXiv 2303.06349) over the population as a multichannel series."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from synapsnet.errors import UserError
from synapsnet.likelihoods import Likelihood
from synapsnet.models.own_past import OwnPast
from synapsnet.models.population import PopulationForecaster
from synapsnet.session import TaskSpec

SMALLEST = 1e-6  # distance of squared radii from 0 and 1, where the logarithms below are infinite


@final
class Lru(PopulationForecaster):
    """Read-in, blocks of linear recurrent units shared by all sessions, read-out.

    Args:
        spec: The sessions.
        likelihood: Likelihood of the next bin.
        width: Number of channels.
        states: Number of complex states of a block.
        layers: Number of blocks.
        min_radius: Smallest initial ``|λ|``, at least 0.
        max_radius: Largest initial ``|λ|``, at most 1.
        max_phase: Largest initial phase of λ, in radians per bin.
        dropout: Dropout on the encoder's input and output, and in the blocks.
        own_past: Builds the units' response to their own past; called with ``spec``.

    Raises:
        UserError: if the radii are not ascending between 0 and 1, or the phase is not positive.
    """

    def __init__(
        self,
        *,
        spec: TaskSpec,
        likelihood: Likelihood,
        width: int,
        states: int,
        layers: int,
        min_radius: float,
        max_radius: float,
        max_phase: float,
        dropout: float,
        own_past: Callable[..., OwnPast],
    ) -> None:
        super().__init__(spec=spec, likelihood=likelihood, width=width, dropout=dropout, own_past=own_past)
        if not (0 <= min_radius < max_radius <= 1 and max_phase > 0):
            raise UserError(
                "model.min_radius and model.max_radius must ascend between 0 and 1, and model.max_phase be positive, "
                f"got {min_radius}, {max_radius} and {max_phase}"
            )
        self.blocks = nn.Sequential()
        for _ in range(layers):
            unit = LinearRecurrentUnit(
                width=width, states=states, min_radius=min_radius, max_radius=max_radius, max_phase=max_phase
            )
            self.blocks.append(LruBlock(unit=unit, width=width, dropout=dropout))

    def encode(self, features: Tensor) -> Tensor:
        states: Tensor = self.blocks(features)
        return states


@final
class LruBlock(nn.Module):
    """Layer norm, recurrence, GELU and a gated linear unit, added to the input.

    The published block has batch normalisation, which would mix sessions and windows.

    Args:
        unit: The recurrence.
        width: Number of channels.
        dropout: Dropout before and after the gated linear unit.
    """

    def __init__(self, *, unit: LinearRecurrentUnit, width: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.LayerNorm(width),
            unit,
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, 2 * width),
            nn.GLU(),
            nn.Dropout(dropout),
        )

    def forward(self, features: Tensor) -> Tensor:
        """``[batch, time, width]`` to the same shape."""
        mixed: Tensor = features + self.mix(features)
        return mixed


@final
class LinearRecurrentUnit(nn.Module):
    """``x_t = λ ⊙ x_t-1 + γ ⊙ (B u_t)`` with complex states x, and ``y_t = Re(C x_t) + D ⊙ u_t``.

    As published, ``λ = exp(-exp(ν) + i exp(θ))`` stays inside the unit circle and starts uniform on a ring; γ starts at
    ``√(1 - |λ|²)``, so that states start with the variance of the input, and its logarithm is learned. The real and
    imaginary parts of B and C are the alternating rows and columns of two real matrices.

    Args:
        width: Number of channels of u and y.
        states: Number of complex states.
        min_radius: Smallest initial ``|λ|``.
        max_radius: Largest initial ``|λ|``.
        max_phase: Largest initial phase of λ, in radians per bin.
    """

    def __init__(self, *, width: int, states: int, min_radius: float, max_radius: float, max_phase: float) -> None:
        super().__init__()
        squares = torch.empty(states).uniform_(min_radius**2, max_radius**2).clamp(SMALLEST, 1 - SMALLEST)
        self.nu = nn.Parameter(torch.log(-0.5 * squares.log()))
        self.theta = nn.Parameter(torch.log(max_phase * torch.rand(states).clamp(min=SMALLEST)))
        self.gamma = nn.Parameter(0.5 * torch.log1p(-squares))
        self.into_states = nn.Linear(width, 2 * states, bias=False)
        self.out_of_states = nn.Linear(2 * states, width, bias=False)
        self.skip = nn.Parameter(torch.randn(width))
        nn.init.normal_(self.into_states.weight, std=1 / math.sqrt(2 * width))
        nn.init.normal_(self.out_of_states.weight, std=1 / math.sqrt(states))

    def forward(self, features: Tensor) -> Tensor:
        """``[batch, time, width]`` to the same shape; causal, with states of 0 before the window."""
        driven = torch.view_as_complex(self.into_states(features).unflatten(-1, (-1, 2))) * self.gamma.exp()
        states = recurrence(torch.exp(torch.complex(-self.nu.exp(), self.theta.exp())), driven)
        outputs: Tensor = self.out_of_states(torch.view_as_real(states).flatten(-2)) + self.skip * features
        return outputs


def recurrence(rates: Tensor, driven: Tensor) -> Tensor:
    """All steps of ``x_t = rates ⊙ x_t-1 + driven_t``, ``[batch, time, states]``.

    The reach of the past doubles with every pass (Hillis & Steele 1986), so 64 steps take 6 passes.
    """
    reach = 1
    while reach < driven.shape[1]:
        driven = driven + rates * F.pad(driven[:, :-reach], (0, 0, reach, 0))
        rates, reach = rates * rates, 2 * reach
    return driven
