"""Encode raw behavior into the columns that a model sees; training and loaded checkpoints share this code."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session import SessionSpec, TaskSpec


def fill_causally(series: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Replace each NaN by the last value observed before it; NaNs before the first observation stay.

    Args:
        series: ``[time, features]``.
    """
    observed = np.isfinite(series)
    last = np.where(observed, np.arange(len(series))[:, None], -1)
    np.maximum.accumulate(last, axis=0, out=last)
    filled = np.take_along_axis(series, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, filled, np.nan)


def encode_behavior(
    behavior: npt.NDArray[np.floating], task: TaskSpec, session: SessionSpec
) -> npt.NDArray[np.float32]:
    """Behavior as the models see it: filled causally, z-scored by the train split, plus masks of observed bins.

    A bin before the first observation holds the train mean (0). A series that the session lacks is all NaN and so
    becomes 0 throughout. The values up to bin t do not depend on behavior after t.

    Args:
        behavior: Raw series in the order of ``task.behavior_names``, ``[time, names]``; NaN where not measured.
        task: Names of the series, and of those with a mask.
        session: Train statistics of the series.

    Returns:
        float32 ``[time, task.n_behavior]``.

    Raises:
        UserError: if a value is too large for float32 once it is scaled.
    """
    if not task.n_behavior:
        return np.zeros((len(behavior), 0), dtype=np.float32)
    scaled = (fill_causally(behavior) - session.behavior_mean) / session.behavior_scale
    masked = [task.behavior_names.index(name) for name in task.masked_behavior]
    mask = np.isfinite(behavior[:, masked])
    with np.errstate(over="ignore"):
        encoded = np.concatenate([np.nan_to_num(scaled, nan=0.0), mask], axis=1).astype(np.float32)
    if np.isinf(encoded).any():
        time, series = np.argwhere(np.isinf(encoded))[0]
        raise UserError(
            f"session {session.session_id!r}: {task.behavior_names[series]} is {behavior[time, series]:.3g} at bin "
            f"{time}, too far from the rest to be scaled; use NaN where nothing was measured"
        )
    return encoded
