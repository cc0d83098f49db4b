"""Forecasts while a recording is going on, one bin at a time."""

from __future__ import annotations

from typing import Protocol, final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.covariates import encode_behavior
from synapsnet.errors import UserError
from synapsnet.models.evaluating import evaluating
from synapsnet.models.serving import Servable
from synapsnet.session.traces import leaky_traces


class Latest(Servable, Protocol):
    """A fitted model that can forecast the bin after a window; see `Forecaster`."""

    def latest(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Parameters of the bin after the window, ``[batch, units, n_params]``."""


@final
class Online:
    """One-step forecasts of a session, each from the bins given so far: those of `Forecaster.forecast`, as they come.

    A closed loop calls `step` once a bin. Memory does not grow with time.

    Args:
        model: A fitted model.
        session: Index of the session in the model.
    """

    def __init__(self, model: Latest, session: int) -> None:
        self._model, self._session = model, session
        self._info = model.spec.sessions[session]
        self._scale = model.scale(session)
        self.restart()

    def restart(self) -> None:
        """Forget all bins, because the next one does not follow the last: a new trial, or bins were lost."""
        spec, device = self._model.spec, self._scale.raw_mean.device
        n_units, length = self._info.n_units, spec.window_bins
        self._past = torch.zeros(1, length, n_units, device=device)
        self._slow = torch.zeros(1, length, n_units, len(spec.slow_s), device=device)
        self._behavior = torch.zeros(1, length, spec.n_behavior, device=device)
        self._traces = torch.zeros(1, len(spec.slow_s), n_units, device=device)
        self._observed = np.full(len(spec.behavior_names), np.nan)
        self._n_bins = 0  # of the segment
        self._held = 0  # of these, in the window

    @torch.no_grad()
    def step(
        self, activity: npt.NDArray[np.number], behavior: npt.NDArray[np.floating] | None = None
    ) -> npt.NDArray[np.float32]:
        """Take one bin, and forecast the next.

        Args:
            activity: Raw activity of the session's units, ``[units]``.
            behavior: Raw series in the order of ``spec.behavior_names``, ``[names]``, NaN where not measured; None if
                nothing was.

        Returns:
            Expected activity of the next bin in raw units, ``[units]``; NaN until ``spec.context_bins`` bins are known.

        Raises:
            UserError: for arrays of the wrong shape.
        """
        model, spec, scale = self._model, self._model.spec, self._scale
        raw, measured = np.asarray(activity), np.full(len(spec.behavior_names), np.nan)
        if raw.shape != (self._info.n_units,):
            raise UserError(f"activity of a bin must be [{self._info.n_units} units], got {raw.shape}")
        if behavior is not None and np.shape(behavior) != measured.shape:
            names = ", ".join(spec.behavior_names)
            raise UserError(f"behavior of a bin must be [{len(measured)}] ({names}), got {np.shape(behavior)}")
        measured = measured if behavior is None else np.asarray(behavior, dtype=float)
        if self._held == spec.window_bins:  # as windows of a whole recording follow each other
            kept = spec.context_bins - 1
            for series in (self._past, self._slow, self._behavior):
                series[:, :kept] = series[:, spec.window_bins - kept :].clone()
            self._held = kept
        at, self._held, self._n_bins = self._held, self._held + 1, self._n_bins + 1
        self._past[0, at] = scale.target(torch.as_tensor(raw.astype(np.float32)).to(self._past.device))
        present, age = self._past[:, at : at + 1], torch.ones(1, 1, device=self._past.device)
        along = leaky_traces(scale.level(present), self._traces, scale.slow_rates, age)
        self._traces = along[:, :, -1]
        self._slow[:, at : at + 1] = scale.slow(along, present, self._n_bins * age)
        rows = np.stack([self._observed, measured])  # the last observation, for what is not measured now
        self._behavior[0, at] = torch.as_tensor(encode_behavior(rows, spec, self._info)[-1]).to(self._past.device)
        self._observed = np.where(np.isfinite(measured), measured, self._observed)
        if self._held < spec.context_bins:
            return np.full(self._info.n_units, np.nan, dtype=np.float32)
        window = slice(0, self._held)
        with evaluating(model):
            params = model.latest(
                self._past[:, window], self._behavior[:, window], self._session, self._slow[:, window]
            )
        forecast: npt.NDArray[np.float32] = scale.to_raw(model.likelihood.mean(params)[0]).cpu().numpy()
        return forecast
