"""Mean and standard error across sessions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def summarize(session_metrics: Mapping[str, Mapping[str, float]]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and standard error of each metric over sessions; every session counts once, regardless of its size.

    A metric that is NaN in one session is NaN in the mean, because a mean over fewer sessions would mislead.

    Args:
        session_metrics: Scores by session id and metric, as returned by `ForecastScores.session_metrics`; empty if
            nothing was scored.

    Returns:
        The means and the standard errors by metric; a standard error is NaN for a single session.
    """
    sessions = list(session_metrics.values())
    values = {name: np.array([session[name] for session in sessions]) for name in (sessions[0] if sessions else ())}
    n_sessions = len(sessions)
    mean = {name: float(per_session.mean()) for name, per_session in values.items()}
    if n_sessions == 1:
        return mean, dict.fromkeys(mean, float("nan"))
    sem = {name: float(per_session.std(ddof=1) / np.sqrt(n_sessions)) for name, per_session in values.items()}
    return mean, sem
