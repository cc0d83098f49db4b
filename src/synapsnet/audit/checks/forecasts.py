"""Forecasts that know the future: they change when the bins to be forecast are exchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from synapsnet.audit.finding import Finding, graded
from synapsnet.audit.subject import Ran
from synapsnet.session import Session, TaskSpec

_CUTS = (0.31, 0.5, 0.64, 0.77, 0.93)  # shares of the recording after which it is exchanged
_TOLERANCE = 1e-3  # of a unit's deviation; the order of sums differs between machines


def targets_inside_inputs(ran: Ran) -> Finding:
    """The largest change of forecasts up to a bin, when activity and behavior after it are exchanged."""
    rng = np.random.default_rng(0)
    worst, n_changed, n_compared = 0.0, 0, 0
    for index in range(len(ran.spec.sessions)):
        first, other = _noise(ran.spec, index, rng), _noise(ran.spec, index, rng)
        scale = np.maximum(first.activity.std(0), 1e-6)
        forecasts = ran.forecast(first)
        for share in _CUTS:
            cut = int(share * first.n_bins)
            change = np.abs(ran.forecast(_exchanged(first, other, cut)) - forecasts)[:cut] / scale
            change = change[np.isfinite(change)]
            worst = max(worst, float(change.max(initial=0)))
            n_changed += int((change > _TOLERANCE).sum())
            n_compared += change.size
    return graded(
        "targets inside inputs",
        "leak" if n_changed else "clean",
        f"{n_changed:,} of {n_compared:,} forecasts changed when what follows them was exchanged, by at most "
        f"{worst:.2g} standard deviations",
        "the model sees the bins that it forecasts, so its scores are no forecasts.",
        "find the operation that looks ahead: a centred convolution, a norm over time, or a mask that is missing.",
    )


def _noise(spec: TaskSpec, index: int, rng: np.random.Generator) -> Session:
    """Independent activity and behavior with the moments of a session, three windows long."""
    info = spec.sessions[index]
    n_bins = 3 * spec.window_bins + spec.context_bins
    shape = (n_bins, info.n_units)
    counts = spec.signal == "spikes"
    activity = rng.poisson(np.clip(info.mean, 0.05, 50), shape) if counts else rng.normal(info.mean, info.scale, shape)
    return Session(
        session_id=info.session_id,
        activity=activity,
        bin_width_s=spec.bin_width_s,
        unit_ids=info.unit_ids,
        signal=spec.signal,
        behavior=rng.normal(info.behavior_mean, info.behavior_scale, (n_bins, len(spec.behavior_names))),
        behavior_names=spec.behavior_names,
    )


def _exchanged(first: Session, other: Session, cut: int) -> Session:
    """The first recording up to a bin, and the other from there on."""
    assert first.behavior is not None  # filled in on construction
    assert other.behavior is not None
    return replace(
        first,
        activity=np.concatenate([first.activity[:cut], other.activity[cut:]]),
        behavior=np.concatenate([first.behavior[:cut], other.behavior[cut:]]),
    )


RUN_CHECKS = (targets_inside_inputs,)
