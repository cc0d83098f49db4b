"""A model of another lab, one that claims connectivity, and either with one fault each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from synapsnet.likelihoods import default_likelihood
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.lags import by_lag
from synapsnet.models.trained import TrainedForecaster
from synapsnet.session import Batch, Batches, TaskSpec


class Own(TrainedForecaster):
    """Another lab's model: a shared network on each unit's last bins, slow state and gain, and the behavior."""

    def __init__(self, spec: TaskSpec, width: int = 6) -> None:
        super().__init__(spec=spec, likelihood=default_likelihood(signal=spec.signal))
        self.gains = nn.ParameterList(nn.Parameter(torch.ones(session.n_units)) for session in spec.sessions)
        self.read_in = nn.Linear(2 + len(spec.slow_s) + spec.n_behavior, width)
        self.read_out = nn.Linear(width, 1)

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        before = nn.functional.pad(inputs, (0, 0, 1, 0))[:, :-1]
        shared = behavior[:, :, None].expand(-1, -1, inputs.shape[2], -1)
        hidden = torch.tanh(self.read_in(torch.cat([torch.stack([inputs, before], -1), slow, shared], -1)))
        drive: Tensor = self.read_out(hidden)[..., 0] * self.gains[session]
        return drive


class Coupled(Own, ConnectivityForecaster):
    """The same, with a matrix from each unit's last bin to the drive of the others."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.weights = nn.ParameterList(nn.Parameter(0.1 * torch.randn(s.n_units, s.n_units)) for s in spec.sessions)
        self.removed: Tensor | None = None

    def raw_connectivity(self, session: int) -> Tensor:
        weights: Tensor = self.weights[session]
        weights = weights * (1 - torch.eye(len(weights)))
        return weights if self.removed is None else weights.masked_fill(self.removed, 0)

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) + inputs @ self.raw_connectivity(session).T

    @contextmanager
    def without_edges(self, session: int, removed: Tensor) -> Iterator[None]:
        self.removed = removed
        yield
        self.removed = None

    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        scale = self.scale(session)
        inputs = self.inputs(past, session)
        current = torch.zeros_like(inputs, requires_grad=True)
        with torch.enable_grad():
            drive = self.drive(inputs.detach(), behavior, session, slow) + current
            (slope,) = torch.autograd.grad(self.expected(drive, past, session)[:, -1].sum(), current)
        joint = torch.einsum("bi,bj->ij", slope[:, -1] * scale.raw_size, scale.input_gain(past)[:, -1]) / len(past)
        return by_lag((joint * self.raw_connectivity(session).detach())[None], n_lags)


class Acausal(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) + 0.1 * inputs.roll(-1, 1)


class Leaking(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) + 0.1 * inputs.mean(2, keepdim=True)


class Foreseeing(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow.roll(-1, 1))


class Blending(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow + slow.mean(2, keepdim=True))


class Hoarding(Own):
    """Its read-in belongs to a session, and is claimed to be shared."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.offsets = nn.ModuleList(nn.Linear(1, 1) for _ in spec.sessions)

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self.offsets[session](super().drive(inputs, behavior, session, slow)[..., None])[..., 0]


class Misshapen(Own):
    """Forecasts of the last bin alone, but for training."""

    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        params = super().forward(past, behavior, session, slow)
        return params if self.training else params[:, -1:]


class Tardy(Own):
    def last(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        params: Tensor = self(past, behavior, session, slow)[:, -2]
        return params


class Infinite(Own):
    def forward(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        params = super().forward(past, behavior, session, slow)
        return params if self.training else params / 0


class Blind(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs * 0, behavior * 0, session, slow * 0)


class Random(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) + 0.01 * torch.randn(())


class Batchwise(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs - inputs.mean(0), behavior, session, slow)


class Ordered(Own):
    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs * torch.linspace(0.5, 1.5, inputs.shape[2]), behavior, session, slow)


class Short(Own):
    """No forecast for windows as short as the end of a recording may be."""

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) + (torch.nan if inputs.shape[1] < 12 else 0.0)


class Unscored(Own):
    def training_loss(self, batch: Batch) -> Tensor:
        params = self(batch.past, batch.behavior, batch.session, batch.slow)
        return self.likelihood.loss(params, batch.target).mean()


class Penalised(Own):
    def penalty(self) -> Tensor:
        return torch.zeros(1)


class Reading(Own):
    def training_loss(self, batch: Batch) -> Tensor:
        loss = super().training_loss(batch)
        return loss if float(loss.detach()) < 1e6 else loss.clamp(max=1e6)


class Annealed(Own):
    """A loss that grows from step to step, by a number that Python counts."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.n_steps = 0

    def training_loss(self, batch: Batch) -> Tensor:
        self.n_steps += 1
        return super().training_loss(batch) * (1 + 0.01 * self.n_steps)


class LeftBehind(Own):
    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.damping = [torch.full((session.n_units,), 0.9) for session in spec.sessions]  # unknown to torch

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) * self.damping[session]


class Idle(Own):
    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.forgotten = nn.Parameter(torch.ones(3))


class Unseeded(Own):
    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.gains[0].data += torch.as_tensor(np.random.default_rng().normal(size=len(self.gains[0])))


class Unsaved(Own):
    """Weights that are neither parameters nor buffers."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self.hidden_gain = torch.rand(())

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) * (1 + self.hidden_gain)


class Claiming(Own):
    def effective_connectivity(self) -> None:
        """An answer without the claim."""


class Rereading(ClosedFormForecaster):
    """A formula that reads the train split twice."""

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec=spec, likelihood=default_likelihood(signal=spec.signal))

    def fit_closed_form(self, train: Batches, validation: Batches) -> None:
        list(train)
        super().fit_closed_form(train, validation)

    def fit_session(self, session: int, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Nothing to fit."""

    def predicted(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return self.scale(session).target_mean.expand_as(past)


class Mirrored(Coupled):
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        return -super().effective_connectivity(past, behavior, session, slow, n_lags)


class Transposed(Coupled):
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        return super().effective_connectivity(past, behavior, session, slow, n_lags).transpose(1, 2)


class Diagonal(Coupled):
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        return super().effective_connectivity(past, behavior, session, slow, n_lags) + torch.eye(past.shape[2])


class Certain(Coupled):
    def inclusion(self, session: int) -> Tensor:
        return 2 * torch.ones_like(self.weights[session])


class Repeated(Coupled):
    def effective_connectivity(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor, n_lags: int) -> Tensor:
        return super().effective_connectivity(past, behavior, session, slow, 1).expand(n_lags, -1, -1)


class Detour(Coupled):
    """A path between units that is not a connection."""

    def drive(self, inputs: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        return super().drive(inputs, behavior, session, slow) + 0.1 * inputs.mean(2, keepdim=True)


class Forgetful(Coupled):
    """Edges that never come back."""

    @contextmanager
    def without_edges(self, session: int, removed: Tensor) -> Iterator[None]:
        self.weights[session].data.masked_fill_(removed, 0)
        yield


class Relative(Coupled):
    """Weights relative to the largest, which are undefined once all edges are removed."""

    def raw_connectivity(self, session: int) -> Tensor:
        weights = super().raw_connectivity(session)
        return weights / weights.abs().max()
