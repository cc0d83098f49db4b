"""The one model interface, and the two kinds of model behind it: trained by gradient, and fitted by formula."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from synapsnet.covariates import encode_behavior
from synapsnet.errors import UserError
from synapsnet.likelihoods import RATE_FLOOR, Likelihood
from synapsnet.models.inputs import model_inputs
from synapsnet.session import Batch, TaskSpec

FLOOR_FRACTIONS = (0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5)  # of a unit's train mean rate


class Forecaster(nn.Module, ABC):
    """Predicts every unit's next bin from the past of a session.

    Args:
        spec: The sessions to serve, with their train statistics.
        likelihood: How the returned numbers describe the next bin.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__()
        self.spec = spec
        self.likelihood = likelihood
        for index, session in enumerate(spec.sessions):
            for name in ("mean", "scale", "input_mean", "input_scale", "increment_scale"):
                value = torch.as_tensor(getattr(session, name), dtype=torch.float32)
                self.register_buffer(f"{name}_{index}", value, persistent=False)

    @abstractmethod
    def forward(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        """Parameters of every next bin; causal, all steps of a window at once.

        Args:
            past: Counts, or z-scored calcium, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session in ``spec.sessions``.

        Returns:
            ``[batch, time, units, n_params]``; ``[:, t]`` describes bin t+1 and depends on bins ≤ t alone.
        """

    def penalty(self) -> Tensor:
        """Regulariser added to the mean negative log-likelihood per unit-bin, a scalar."""
        return torch.zeros((), device=self.statistic("mean", 0).device)

    def training_loss(self, batch: Batch) -> Tensor:
        """What gradient steps lower, beside `penalty`: the mean of `Likelihood.loss` per scored unit-bin."""
        params = self(batch.past, batch.behavior, batch.session)
        losses = self.likelihood.loss(params, batch.target).mean(-1)
        return (losses * batch.scored).sum() / batch.scored.sum()

    @property
    def n_refinements(self) -> int:
        """How often `refine` is to interrupt the gradient steps, at even shares of the training."""
        return 0

    def refine(self, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Fit without gradient steps what is better fitted so; both can be iterated again and again."""

    def select(self, validation: Iterable[Batch]) -> None:
        """Choose on validation what gradient steps cannot learn; called before every validation epoch."""

    @final
    def statistic(self, name: str, session: int) -> Tensor:
        """A train statistic of a session by its name in `SessionSpec`, float32 ``[units]``."""
        value: Tensor = getattr(self, f"{name}_{session}")
        return value

    @final
    def inputs(self, past: Tensor, session: int) -> Tensor:
        """Activity as every model sees it, see `model_inputs`, ``[batch, time, units]``."""
        return model_inputs(past, self.spec, lambda name: self.statistic(name, session))

    @final
    @torch.no_grad()
    def forecast(
        self,
        activity: npt.NDArray[np.number],
        behavior: npt.NDArray[np.floating] | None = None,
        session: str | None = None,
    ) -> npt.NDArray[np.float32]:
        """One-step forecasts of a raw recording.

        Args:
            activity: Raw activity of one session's kept units (``spec.sessions[...].unit_ids``), ``[time, units]``.
            behavior: Raw series in the order of ``spec.behavior_names``, ``[time, names]``; None if never observed.
            session: Name of the session; may be left out where the model knows only one.

        Returns:
            Expected activity in raw units, ``[time, units]``: row t forecasts bin t+1 from rows ≤ t. Rows with
            less than ``spec.context_bins`` of past hold NaN.

        Raises:
            UserError: for an unknown session or arrays of the wrong shape.
        """
        index = self._session_named(session)
        info = self.spec.sessions[index]
        raw = np.asarray(activity)
        if raw.ndim != 2 or raw.shape[1] != info.n_units:
            raise UserError(f"activity must be [time, {info.n_units} units] for {info.session_id!r}, got {raw.shape}")
        names = self.spec.behavior_names
        series = np.full((len(raw), len(names)), np.nan) if behavior is None else np.asarray(behavior, dtype=float)
        if series.shape != (len(raw), len(names)):
            raise UserError(f"behavior must be [{len(raw)}, {len(names)}] ({', '.join(names)}), got {series.shape}")
        device = self.statistic("mean", 0).device
        past = torch.as_tensor(raw.astype(np.float32), device=device)
        if self.spec.signal == "calcium":
            past = (past - self.statistic("mean", index)) / self.statistic("scale", index)
        covariates = torch.as_tensor(encode_behavior(series, self.spec, info), device=device)
        forecasts = torch.full_like(past, torch.nan)
        was_training = self.training
        self.eval()
        skip = self.spec.context_bins - 1
        for start in range(0, len(raw) - skip, self.spec.window_bins - skip):
            stop = min(start + self.spec.window_bins, len(raw))
            params = self(past[None, start:stop], covariates[None, start:stop], index)
            forecasts[start + skip : stop] = self.likelihood.mean(params)[0, skip:]
        self.train(was_training)
        if self.spec.signal == "calcium":
            forecasts = forecasts * self.statistic("scale", index) + self.statistic("mean", index)
        return forecasts.cpu().numpy()

    def _session_named(self, session: str | None) -> int:
        if session is None and len(self.spec.sessions) > 1:
            raise UserError(f"name the session: this model knows {', '.join(self.spec.session_ids)}")
        return 0 if session is None else self.spec.session_index(session)


class TrainedForecaster(Forecaster):
    """A model trained by gradient: it has only to say how the next bin departs from its baseline.

    The baseline is, per unit, a learnable offset that starts at the train mean (``levels``), or the last bin
    (``increments``). The shape of the likelihood is one learnable number a unit, so that models differ by their
    forecasts and not by how they dress them.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        self.offset = nn.ParameterList()
        self.shape = nn.ParameterList()
        for index, session in enumerate(spec.sessions):
            mean = self.statistic("mean", index).clamp(min=0.5 / session.n_train_bins)
            start = likelihood.location(mean) if spec.signal == "spikes" else torch.zeros(session.n_units)
            self.offset.append(nn.Parameter(start.clone()))
            self.shape.append(nn.Parameter(self._initial_shape(index)))

    @abstractmethod
    def drive(self, inputs: Tensor, behavior: Tensor, session: int) -> Tensor:
        """How each unit's next bin departs from its baseline, in units of order one, ``[batch, time, units]``.

        Args:
            inputs: What `inputs` returns, ``[batch, time, units]``.
            behavior: Encoded behavior, ``[batch, time, features]``.
            session: Index of the session.
        """

    def forward(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        return self.parameters_of(self.drive(self.inputs(past, session), behavior, session), past, session)

    def _initial_shape(self, session: int) -> Tensor:
        """Spread about the baseline, on the scale of what a unit does from bin to bin, ``[units, n_params - 1]``."""
        if self.spec.inputs == "increments":
            change = self.statistic("increment_scale", session)[None]
            return self.likelihood.fit_shape(torch.zeros_like(change), change)
        n_units = self.spec.sessions[session].n_units
        return torch.full((n_units, self.likelihood.n_params - 1), self.likelihood.initial_shape)

    @final
    def expected(self, drive: Tensor, past: Tensor, session: int) -> Tensor:
        """Mean of the next bin for a given drive, ``[batch, time, units]``."""
        return self.likelihood.mean(self.parameters_of(drive, past, session))

    @final
    def parameters_of(self, drive: Tensor, past: Tensor, session: int) -> Tensor:
        """Put a drive on its baseline: the likelihood's parameters, ``[batch, time, units, n_params]``."""
        location = self.offset[session] + drive * self.drive_scale(session)
        if self.spec.inputs == "increments":
            location = location + past
        shape = self.shape[session].expand(*location.shape, -1)
        return torch.cat([location[..., None], shape], dim=-1)

    @final
    def drive_scale(self, session: int) -> Tensor:
        """Size of a unit's departures in units of its location, ``[units]``.

        A busy unit's softplus is linear, so its location moves by its standard deviation in counts; a quiet one's is
        exponential, and its location moves by one.
        """
        if self.spec.inputs == "increments":
            return self.statistic("increment_scale", session)
        if self.spec.signal == "calcium":
            return torch.ones_like(self.statistic("scale", session))
        return self.statistic("scale", session).clamp(min=1.0)


class ClosedFormForecaster(Forecaster):
    """A model fitted by formula, without gradient steps, on the very windows the others are trained on.

    What it fits, it registers as buffers of fixed shape in the constructor, so that a checkpoint loads.
    """

    def __init__(self, *, spec: TaskSpec, likelihood: Likelihood) -> None:
        super().__init__(spec=spec, likelihood=likelihood)
        for index, session in enumerate(spec.sessions):
            self.register_buffer(f"floor_{index}", torch.zeros(session.n_units))
            self.register_buffer(f"shape_{index}", torch.zeros(session.n_units, likelihood.n_params - 1))

    @abstractmethod
    def fit_closed_form(self, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Fit on ``train``; choose every hyper-parameter on ``validation``. Both can be iterated again and again.

        Ends with `fit_spread`.
        """

    @abstractmethod
    def predicted(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        """Forecast of the next bin in units of the target, ``[batch, time, units]``."""

    def forward(self, past: Tensor, behavior: Tensor, session: int) -> Tensor:
        mean = self.predicted(past, behavior, session)
        if self.spec.signal == "spikes":
            mean = torch.maximum(mean, self.get_buffer(f"floor_{session}"))
        shape = self.get_buffer(f"shape_{session}").expand(*mean.shape, -1)
        return torch.cat([self.likelihood.location(mean)[..., None], shape], dim=-1)

    @final
    @torch.no_grad()
    def fit_spread(self, train: Iterable[Batch], validation: Iterable[Batch]) -> None:
        """Fit what a linear forecast lacks to be a likelihood: a floor for its rates, the spread of its residuals.

        The floor is a fraction of each unit's train mean, one fraction for all, chosen on ``validation``; the spread
        is that of the train residuals.
        """
        for index, session in enumerate(self.spec.sessions):
            mean_floor = self.statistic("mean", index).clamp(min=0.5 / session.n_train_bins)
            predicted, target = self._scored(train, index)
            held_out, held_target = self._scored(validation, index)
            self.get_buffer(f"shape_{index}").copy_(self.likelihood.fit_shape(predicted, target))
            if self.spec.signal == "spikes":
                losses = []
                for fraction in FLOOR_FRACTIONS:
                    floored = torch.maximum(held_out, fraction * mean_floor)
                    rate = floored.clamp(min=RATE_FLOOR)
                    losses.append(float((rate - held_target * rate.log()).mean()))
                chosen = FLOOR_FRACTIONS[int(np.argmin(losses))]
                self.get_buffer(f"floor_{index}").copy_(chosen * mean_floor)

    def _scored(self, batches: Iterable[Batch], session: int) -> tuple[Tensor, Tensor]:
        """Forecasts and targets of a session's scored bins, ``[bins, units]`` each."""
        chosen = [batch for batch in batches if batch.session == session]
        predicted = [self.predicted(b.past, b.behavior, b.session)[b.scored] for b in chosen]
        return torch.cat(predicted), torch.cat([b.target[b.scored] for b in chosen])
