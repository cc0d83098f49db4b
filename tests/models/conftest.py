"""Planted recordings as tasks by hand: specs and batches without the data layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from laws import Listed

from synapsnet.session import Batch, SessionSpec, TaskSpec


@dataclass(frozen=True)
class Planted:
    """One recording cut in train (first three quarters) and validation; each is a single long window."""

    spec: TaskSpec
    train: Listed
    validation: Listed


def make_task(
    activity: np.ndarray,
    *,
    signal: str,
    context_bins: int = 4,
    behavior: np.ndarray | None = None,
    inputs: str = "levels",
) -> Planted:
    """A task of one session; calcium is z-scored as the data layer would."""
    n_train = 3 * len(activity) // 4
    behavior = np.zeros((len(activity), 0)) if behavior is None else behavior
    raw = activity[:n_train].astype(float)
    transformed = np.log1p(raw) if signal == "spikes" else raw
    mean, scale = raw.mean(0), raw.std(0)
    target = (activity - mean) / scale if signal == "calcium" else activity
    session = SessionSpec(
        session_id="planted",
        unit_ids=tuple(f"u{i}" for i in range(activity.shape[1])),
        mean=mean,
        scale=scale,
        input_mean=transformed.mean(0),
        input_scale=transformed.std(0),
        increment_scale=np.diff(target[:n_train], axis=0).std(0),
        behavior_mean=np.zeros(behavior.shape[1]),
        behavior_scale=np.ones(behavior.shape[1]),
        n_train_bins=n_train,
    )
    spec = TaskSpec(
        sessions=(session,),
        signal=signal,
        bin_width_s=0.1,
        context_bins=context_bins,
        window_bins=len(activity),
        behavior_names=tuple(f"b{i}" for i in range(behavior.shape[1])),
        inputs=inputs,
    )

    def batch(low: int, high: int) -> Batch:
        bins = torch.as_tensor(target[low:high], dtype=torch.float32)[None]
        covariates = torch.as_tensor(behavior[low:high], dtype=torch.float32)[None]
        scored = torch.arange(high - low - 1)[None] >= context_bins - 1
        return Batch(bins[:, :-1], covariates[:, :-1], bins.new_zeros(*bins[:, 1:].shape, 0), bins[:, 1:], scored, 0)

    return Planted(spec, Listed([batch(0, n_train)]), Listed([batch(n_train, len(activity))]))


@pytest.fixture
def planted_task() -> Callable[..., Planted]:
    return make_task


@pytest.fixture(scope="session")
def planted_var() -> tuple[np.ndarray, np.ndarray]:
    """A stable VAR(2) of 6 units with unequal scales, ``[4000, 6]``, and its coefficients ``[lag, post, pre]``."""
    rng = np.random.default_rng(1)
    coefficients = 0.3 * rng.normal(size=(2, 6, 6)) / np.sqrt(6)
    coefficients[0] += 0.4 * np.eye(6)
    series = np.zeros((4100, 6))
    for t in range(2, len(series)):
        series[t] = coefficients[0] @ series[t - 1] + coefficients[1] @ series[t - 2] + rng.normal(size=6)
    size = np.linspace(0.5, 3.0, 6)
    return series[100:] * size + 2.0, coefficients * size[:, None] / size
