"""Optimizers and learning-rate schedules, called by name from ``conf/optimizer``."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from synapsnet.errors import UserError
from synapsnet.plain import Plain, is_number

Schedule = Callable[[int, int], float]
"""Factor on the learning rate from ``(step, total_steps)``."""

OWN_GROUPS = ("connectivity", "unobserved")  # modules whose parameters have a learning rate of their own
_UNDECAYED = ("bias", "embedding", "offset", "shape")


class OptimizerRecipe(Protocol):
    """The interface that the training module expects from ``conf/optimizer``."""

    def __call__(self, model: nn.Module, *, total_steps: int) -> tuple[Optimizer, LambdaLR]:
        """Optimizer of a model's parameters and its schedule by steps."""


def adamw(
    model: nn.Module,
    *,
    total_steps: int,
    lr: float,
    weight_decay: float,
    connectivity: dict[str, float],
    unobserved: dict[str, float],
    schedule: Schedule,
) -> tuple[Optimizer, LambdaLR]:
    """AdamW (Loshchilov & Hutter 2019) with parameter groups of their own for connections and unobserved neurons.

    Args:
        model: The model; its parameters are optimized, except those that are frozen.
        total_steps: Steps the schedule spans.
        lr: Peak learning rate.
        weight_decay: Weight decay of the weights; biases, embeddings, offsets and other vectors are not decayed.
        connectivity: ``lr`` and ``weight_decay`` of the parameters under a ``connectivity`` module.
        unobserved: The same for an ``unobserved`` module.
        schedule: Factor on the learning rates.
    """
    if not callable(schedule):
        raise UserError(f"optimizer.schedule must be a schedule with its _target_, got {schedule!r}")
    groups: dict[str, dict[str, Any]] = {
        "weights": {"params": [], "lr": lr, "weight_decay": weight_decay},
        "undecayed": {"params": [], "lr": lr, "weight_decay": 0.0},
        "connectivity": {"params": [], **connectivity},
        "unobserved": {"params": [], **unobserved},
    }
    for section, settings in groups.items():
        for key in ("lr", "weight_decay"):
            if not is_number(settings.get(key)):
                where = f"optimizer.{section}" if section in OWN_GROUPS else "optimizer"
                raise UserError(f"{where}.{key} must be a number from 0, got {settings.get(key)!r}")
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        own = [group for group in OWN_GROUPS if group in name.split(".")]
        if own:
            group = own[0]
        elif parameter.ndim < 2 or any(word in name for word in _UNDECAYED):
            group = "undecayed"
        else:
            group = "weights"
        groups[group]["params"].append(parameter)
    filled = [{"name": name, **group} for name, group in groups.items() if group["params"]]
    optimizer = AdamW(filled, lr=lr, fused=True)
    # In mixed precision, gradients are unscaled before they are clipped, and not in the step.
    optimizer._step_supports_amp_scaling = False
    return optimizer, LambdaLR(optimizer, partial(_factor, schedule, total_steps))


class Cosine:
    """Linear warm-up, then half a cosine down.

    Args:
        warmup_fraction: Share of the steps during which the rate rises.
        final_fraction: Final rate as a share of the peak rate.
    """

    def __init__(self, *, warmup_fraction: float, final_fraction: float) -> None:
        _require_fractions(warmup_fraction=warmup_fraction, final_fraction=final_fraction)
        self._warmup_fraction = warmup_fraction
        self._final_fraction = final_fraction

    def __call__(self, step: int, total_steps: int) -> float:
        rise = max(1.0, self._warmup_fraction * total_steps)
        if step < rise:
            return (step + 1) / (rise + 1)
        return _half_cosine(step - rise, total_steps - rise, 1.0, self._final_fraction)


class OneCycle:
    """One cycle (Smith & Topin 2018): half a cosine up, half a cosine down.

    Args:
        warmup_fraction: Share of the steps during which the rate rises.
        initial_fraction: Initial rate as a share of the peak rate.
        final_fraction: Final rate as a share of the peak rate.
    """

    def __init__(self, *, warmup_fraction: float, initial_fraction: float, final_fraction: float) -> None:
        _require_fractions(
            warmup_fraction=warmup_fraction, initial_fraction=initial_fraction, final_fraction=final_fraction
        )
        self._warmup_fraction = warmup_fraction
        self._initial_fraction = initial_fraction
        self._final_fraction = final_fraction

    def __call__(self, step: int, total_steps: int) -> float:
        rise = max(1.0, self._warmup_fraction * total_steps)
        if step < rise:
            return _half_cosine(step, rise, self._initial_fraction, 1.0)
        return _half_cosine(step - rise, total_steps - rise, 1.0, self._final_fraction)


def _require_fractions(**fractions: Plain) -> None:
    for name, fraction in fractions.items():
        if not is_number(fraction) or fraction > 1:
            raise UserError(f"optimizer.schedule.{name} must be a number between 0 and 1, got {fraction!r}")


def _factor(schedule: Schedule, total_steps: int, step: int) -> float:
    return schedule(min(step, total_steps), total_steps)


def _half_cosine(step: float, length: float, start: float, stop: float) -> float:
    done = min(step / max(length, 1.0), 1.0)
    return stop + (start - stop) * 0.5 * (1.0 + math.cos(math.pi * done))
