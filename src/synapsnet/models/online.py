"""Forecasts while a recording is going on, one bin at a time."""

from __future__ import annotations

from collections import deque
from typing import Protocol, final

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.covariates import encode_behavior
from synapsnet.errors import UserError
from synapsnet.models.evaluating import evaluating
from synapsnet.models.serving import Servable, refuse_unusable
from synapsnet.models.windows import GrowingWindow


class Following(Servable, Protocol):
    """A fitted model that can follow a recording; see `Forecaster`."""

    def growing_window(self, session: int) -> GrowingWindow:
        """A window of a session, at first without bins."""


@final
class Online:
    """One-step forecasts of a session, each from the bins given so far: those of `Forecaster.forecast`, as they come.

    A closed loop calls `step` once a bin. Memory does not grow with time. Call `restart` after the model has changed.

    Windows of a whole recording overlap, because each begins with context. So the next ones are read here while the
    present one is forecast, and no bin takes longer because a window ends.

    Args:
        model: A fitted model.
        session: Index of the session in the model.
    """

    def __init__(self, model: Following, session: int) -> None:
        self._model, self._session = model, session
        self._info = model.spec.sessions[session]
        self._scale = model.scale(session)
        self.restart()

    def restart(self) -> None:
        """Forget all bins, because the next one does not follow the last: a new trial, or bins were lost."""
        spec = self._model.spec
        self._decays = torch.exp(-self._scale.slow_rates)[:, None]
        self._traces = self._scale.raw_mean.new_zeros(1, len(spec.slow_s), self._info.n_units)
        self._observed = np.full(len(spec.behavior_names), np.nan)
        self._n_bins = 0  # of the segment
        self._windows: deque[GrowingWindow] = deque()  # the first is forecast

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
            UserError: for arrays of the wrong shape, activity that is NaN, Inf or a negative count, or behavior that
                is too large. The bin then counts as not given.
        """
        model, spec, scale = self._model, self._model.spec, self._scale
        raw, measured = np.asarray(activity), np.full(len(spec.behavior_names), np.nan)
        if raw.shape != (self._info.n_units,):
            raise UserError(
                f"activity of a bin must be [{self._info.n_units} units], those in the unit_ids of the model's session "
                f"{self._info.session_id!r}, got {raw.shape}"
            )
        refuse_unusable(raw[None], spec, self._n_bins, "restart after them")
        if behavior is not None:
            given, names = np.asarray(behavior), ", ".join(spec.behavior_names)
            if given.shape != measured.shape:
                raise UserError(f"behavior of a bin must be [{len(measured)}] ({names}), got {given.shape}")
            if given.dtype.kind not in "iubf":
                raise UserError(f"behavior of a bin must be numeric, got dtype {given.dtype}")
            measured = given.astype(float)
        rows = np.stack([self._observed, measured])  # the last observation, for what is not measured now
        encoded = torch.as_tensor(encode_behavior(rows, spec, self._info)[-1:]).to(self._traces.device)[None]
        past = scale.target(torch.as_tensor(raw.astype(np.float32)).to(self._traces.device))[None, None]
        level = scale.level(past)
        self._traces = level + self._decays * (self._traces - level)  # as `leaky_traces`, of one bin
        slow = scale.slow(self._traces[:, :, None], past, past.new_full((1, 1), self._n_bins + 1))
        self._observed = np.where(np.isfinite(measured), measured, self._observed)
        step = spec.window_bins - spec.context_bins + 1  # as windows of a whole recording follow each other
        if self._n_bins % step == 0:
            self._windows.append(model.growing_window(self._session))
        since_first = self._n_bins - spec.window_bins
        if since_first >= 0 and since_first % step == 0:
            self._windows.popleft()
        self._n_bins += 1
        with evaluating(model):
            for window in self._windows:
                window.add(past, encoded, slow)
            if self._n_bins < spec.context_bins:
                return np.full(self._info.n_units, np.nan, dtype=np.float32)
            params = self._windows[0].params()
        forecast: npt.NDArray[np.float32] = scale.to_raw(model.likelihood.mean(params)[0]).cpu().numpy()
        return forecast
