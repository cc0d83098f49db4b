"""Conversion of a model's coefficients to units of raw activity, for effective connectivity."""

from __future__ import annotations

import torch
from torch import Tensor

from synapsnet.models.base import Forecaster


def input_gain(model: Forecaster, past: Tensor, session: int) -> Tensor:
    """How much a unit's input moves per unit of its raw activity, ``[batch, time, units]``.

    With ``increments``, per unit of the *change* of raw activity: a response to a level is a response to the change
    that led to it, and summed over the lags of a level it would vanish. The change into a window's first bin is not
    seen, so the gain is 0 there.

    Args:
        model: The model whose inputs are meant.
        past: ``[batch, time, units]``, as the model is given it.
        session: Index of the session.
    """
    if model.spec.inputs == "increments":
        gain = (1 / model.statistic("increment_scale", session)).repeat(*past.shape[:2], 1)
        gain[:, 0] = 0
    elif model.spec.signal == "spikes":
        gain = 1 / ((1 + past) * model.statistic("input_scale", session))
    else:
        gain = torch.ones_like(past)
    return gain / raw_scale(model, session)


def raw_scale(model: Forecaster, session: int) -> Tensor:
    """Raw activity per unit of a target, ``[units]``: the train standard deviation of calcium, 1 for counts."""
    scale = model.statistic("scale", session)
    return scale if model.spec.signal == "calcium" else torch.ones_like(scale)


def by_lag(jacobian: Tensor, n_lags: int) -> Tensor:
    """Tell ``n_lags`` lags apart and add what lies further back to the last of them, ``[n_lags, post, pre]``.

    Args:
        jacobian: By lag, the present bin first, ``[lags, post, pre]``; zeros are added where it has fewer.
        n_lags: At least 1.
    """
    missing = n_lags - len(jacobian)
    if missing > 0:
        return torch.cat([jacobian, jacobian.new_zeros(missing, *jacobian.shape[1:])])
    return torch.cat([jacobian[: n_lags - 1], jacobian[n_lags - 1 :].sum(0, keepdim=True)])
