"""Forecasts of raw recordings."""

from __future__ import annotations

import logging
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from synapsnet.covariates import encode_behavior
from synapsnet.errors import UserError
from synapsnet.likelihoods import Likelihood
from synapsnet.models.evaluating import HasModes, evaluating
from synapsnet.session import Session, TaskSpec
from synapsnet.session.recording import WIDTH_TOLERANCE
from synapsnet.session.scale import Scale
from synapsnet.session.traces import leaky_traces

log = logging.getLogger(__name__)

_STRETCHES = "forecast the stretches between them one by one"


class Servable(HasModes, Protocol):
    """A fitted model; see `Forecaster`."""

    spec: TaskSpec
    likelihood: Likelihood

    def __call__(self, past: Tensor, behavior: Tensor, session: int, slow: Tensor) -> Tensor:
        """Parameters of every next bin, ``[batch, time, units, n_params]``."""

    def scale(self, session: int) -> Scale:
        """The scales of a session."""


@torch.no_grad()
def forecast(
    model: Servable,
    activity: npt.NDArray[np.number],
    behavior: npt.NDArray[np.floating] | None,
    session: str | None,
) -> npt.NDArray[np.float32]:
    """One-step forecasts of a raw recording; see `Forecaster.forecast`."""
    spec = model.spec
    index = session_named(session, spec)
    info = spec.sessions[index]
    raw = np.asarray(activity)
    if raw.ndim != 2 or raw.shape[1] != info.n_units:
        raise UserError(f"activity must be [time, {info.n_units} units] for {info.session_id!r}, got {raw.shape}")
    names = spec.behavior_names
    series = np.full((len(raw), len(names)), np.nan) if behavior is None else np.asarray(behavior, dtype=float)
    if series.shape != (len(raw), len(names)):
        raise UserError(f"behavior must be [{len(raw)}, {len(names)}] ({', '.join(names)}), got {series.shape}")
    refuse_unusable(raw, spec)
    scale = model.scale(index)
    past = scale.target(torch.as_tensor(raw.astype(np.float32), device=scale.raw_mean.device))
    covariates = torch.as_tensor(encode_behavior(series, spec, info), device=past.device)
    forecasts = torch.full_like(past, torch.nan)
    skip = spec.context_bins - 1
    step = spec.window_bins - skip
    traces = past.new_zeros(1, len(spec.slow_s), info.n_units)
    with evaluating(model):
        for start in range(0, len(raw) - skip, step):
            window = past[None, start : start + spec.window_bins]
            ages = torch.arange(1, window.shape[1] + 1, device=past.device)[None]
            along = leaky_traces(scale.level(window), traces, scale.slow_rates, ages)
            slow = scale.slow(along, window, start + ages)
            traces = along[:, :, min(step, window.shape[1]) - 1]  # before the next window
            params = model(window, covariates[None, start : start + spec.window_bins], index, slow)
            forecasts[start + skip : start + window.shape[1]] = model.likelihood.mean(params)[0, skip:]
    return scale.to_raw(forecasts).cpu().numpy()


def forecast_session(model: Servable, recording: Session, name: str) -> npt.NDArray[np.float32]:
    """One-step forecasts of a session, each segment by itself; see `Forecaster.forecast`."""
    spec = model.spec
    info = spec.sessions[spec.session_index(name)]
    if recording.signal != spec.signal or abs(recording.bin_width_s / spec.bin_width_s - 1) > WIDTH_TOLERANCE:
        raise UserError(
            f"session {recording.session_id!r} is {recording.signal} in bins of {recording.bin_width_s:g} s, and the "
            f"model forecasts {spec.signal} in bins of {spec.bin_width_s:g} s"
        )
    place = {unit: index for index, unit in enumerate(recording.unit_ids)}
    missing = [unit for unit in info.unit_ids if unit not in place]
    if missing:
        raise UserError(f"session {recording.session_id!r} has no unit {missing[0]!r}, which the model forecasts")
    activity = recording.activity.take([place[unit] for unit in info.unit_ids], axis=1)
    behavior = np.full((recording.n_bins, len(spec.behavior_names)), np.nan)
    for column, series in enumerate(spec.behavior_names):
        if recording.behavior is not None and series in recording.behavior_names:
            behavior[:, column] = recording.behavior[:, recording.behavior_names.index(series)]
    unseen = [series for column, series in enumerate(spec.behavior_names) if np.isnan(behavior[:, column]).all()]
    if unseen:
        log.warning("session %s is forecast without %s, which it lacks", recording.session_id, ", ".join(unseen))
    forecasts = np.full(activity.shape, np.nan, dtype=np.float32)
    for start, stop in recording.segments:
        forecasts[start:stop] = forecast(model, activity[start:stop], behavior[start:stop], name)
    return forecasts


def refuse_unusable(
    activity: npt.NDArray[np.number], spec: TaskSpec, first_bin: int = 0, advice: str = _STRETCHES
) -> None:
    """Refuse NaN, Inf and negative counts. A slow state would never forget a NaN.

    Args:
        activity: Raw activity, ``[time, units]``.
        spec: The model's task.
        first_bin: The number of the first bin, for the message.
        advice: The way on besides other values, for the message.

    Raises:
        UserError: for NaN, Inf, negative counts, and what is no number.
    """
    if activity.dtype.kind not in "iubf":
        raise UserError(f"activity must be numeric, got dtype {activity.dtype}")
    with np.errstate(over="ignore"):
        unusable = ~np.isfinite(activity.astype(np.float32))  # as the model takes it
    kind = "NaN or Inf values"
    if spec.signal == "spikes" and not unusable.any():
        unusable, kind = activity < 0, "negative spike counts"
    if unusable.any():
        bin_, unit = np.argwhere(unusable)[0]
        raise UserError(
            f"activity has {int(unusable.sum())} {kind}, the first at bin {first_bin + bin_}, unit {unit}: fill them "
            f"in, or {advice}"
        )


def session_named(session: str | None, spec: TaskSpec) -> int:
    """Index of a session by its name, which may be left out if there is only one."""
    if session is None and len(spec.sessions) > 1:
        raise UserError(f"name the session: this model has {', '.join(spec.session_ids)}")
    return 0 if session is None else spec.session_index(session)
