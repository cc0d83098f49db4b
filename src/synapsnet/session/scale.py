"""Scales of activity: raw, target (as scored), and input (as models see it).

*Raw* activity is the recording. A *target* is the scored value: a count, or calcium z-scored by the train split.
*Inputs* are past targets in the form that models see. Each kind of task has a class that converts between these, and
`scale_of` selects it. (`synapsnet.session` does not export it, because importing torch is slow, and reading recordings
does not need it.)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import ClassVar, Self, final

import torch
from torch import Tensor, nn

from synapsnet.session.spec import SessionSpec, TaskSpec

SLOW_CHANGES = 10.0
"""Changes from bin to bin that a level typically is from its recent mean."""
LEAST_SLOW_ACTIVITY = 0.1
"""Recent mean activity, over the train mean, below which the slow state of counts hardly falls further."""


class Scale(nn.Module, ABC):
    """Scales of one session, from the statistics of its train split; sizes and means are ``[units]``.

    Args:
        info: The session.
        slow_rates: Bin width over each time constant of the slow state, ``[traces]``.
        dtype: Dtype of the statistics; activity in float64 needs float64.
    """

    of_counts: ClassVar[bool]
    """True if targets are counts, which are never negative; False if they are z-scored."""
    of_levels: ClassVar[bool]
    """True if inputs are levels of activity; False if they are only its changes."""

    def __init__(self, info: SessionSpec, slow_rates: Sequence[float], dtype: torch.dtype) -> None:
        super().__init__()

        def keep(name: str, values: object) -> None:
            self.register_buffer(name, torch.as_tensor(values, dtype=dtype), persistent=False)

        self.raw_mean: Tensor
        self.raw_sd: Tensor
        self.input_mean: Tensor
        self.input_sd: Tensor
        self.increment_sd: Tensor
        self.raw_zero: Tensor
        self.raw_size: Tensor
        self.slow_rates: Tensor
        keep("raw_mean", info.mean)
        keep("raw_sd", info.scale)
        keep("input_mean", info.input_mean)
        keep("input_sd", info.input_scale)
        keep("increment_sd", info.increment_scale)
        keep("raw_zero", info.mean * (not self.of_counts))  # raw activity at target 0
        keep("raw_size", info.scale ** (not self.of_counts))  # raw activity per unit of the target
        keep("slow_rates", slow_rates)
        self._least_mean = 0.5 / info.n_train_bins

    @final
    def of(self, units: Tensor) -> Self:
        """The scale of some units, by their indices."""
        chosen = copy(self)
        chosen._buffers = {
            name: values if name == "slow_rates" or values is None else values[units]
            for name, values in self._buffers.items()
        }
        return chosen

    @final
    def target(self, raw: Tensor) -> Tensor:
        """Raw activity as the task scores it, ``[..., units]``."""
        return (raw - self.raw_zero) / self.raw_size

    @final
    def to_raw(self, target: Tensor) -> Tensor:
        """Inverse of `target`."""
        return target * self.raw_size + self.raw_zero

    @final
    def z_scored(self, target: Tensor) -> Tensor:
        """Targets with zero mean and unit variance on the train split, ``[..., units]``."""
        return (target - self.target_mean) / self.target_sd

    @final
    @property
    def target_mean(self) -> Tensor:
        """Train mean of the target."""
        return self.target(self.raw_mean)

    @final
    @property
    def target_sd(self) -> Tensor:
        """Train standard deviation of the target."""
        return self.raw_sd / self.raw_size

    @property
    def resting(self) -> Tensor:
        """Target of a unit without any drive."""
        return self.target_mean

    @property
    def drive_size(self) -> Tensor:
        """Location (before the link) per unit of a model's drive."""
        return self.target_sd

    @property
    def spread(self) -> Tensor | None:
        """Typical distance of the target from its baseline; None if it is of order one."""
        return None

    @abstractmethod
    def inputs(self, past: Tensor) -> Tensor:
        """Targets as every model sees them, ``[batch, time, units]``, with about unit variance on the train split."""

    @abstractmethod
    def input_gain(self, past: Tensor) -> Tensor:
        """Derivative of a unit's input with respect to its raw activity, ``[batch, time, units]``.

        If inputs are changes, the derivative is with respect to the *change* of raw activity. A response to a level is
        a response to the change that led to it; summed over the lags of a level, it would vanish.
        """

    def level(self, past: Tensor) -> Tensor:
        """Activity that the traces of the slow state average, ``[batch, time, units]``; see `slow`."""
        return self.inputs(past)

    def slow(self, traces: Tensor, past: Tensor, n_bins: Tensor) -> Tensor:
        """Slow state of every unit as models see it, of order one, ``[batch, time, units, traces]``.

        Args:
            traces: `leaky_traces` of `level` since the segment's first bin, at ``slow_rates``, ``[batch, traces, time,
                units]``.
            past: Targets on the same bins, ``[batch, time, units]``.
            n_bins: Bins of the segment up to each of these, itself included, ``[batch, time]``.
        """
        return traces.movedim(1, -1)

    def add_baseline(self, departure: Tensor, past: Tensor) -> Tensor:
        """A forecast from its departure from the baseline; the baseline is 0, or the last bin for increments."""
        return departure

    def less_baseline(self, target: Tensor, past: Tensor) -> Tensor:
        """Inverse of `add_baseline`."""
        return target

    def lasting(self, response: Tensor) -> Tensor:
        """Response to a lasting step of the level at a bin, from the response to that bin's input, ``[lags, ...]``."""
        return response


@final
class Counts(Scale):
    """Spike counts. Inputs are z-scored ``log1p`` of counts.

    The slow state is the logarithm of the recent mean activity over the train mean, because rates drift by factors.
    It is scaled such that small changes count as in the inputs. A slow state that is linear in the rate fails for a
    quiet unit that comes to fire eight times as much: the exponential part of softplus turns it into too high a rate.
    """

    of_counts = True
    of_levels = True

    @property
    def resting(self) -> Tensor:
        return self.raw_mean.clamp(min=self._least_mean)  # the rate of a silent unit is not 0

    @property
    def drive_size(self) -> Tensor:
        # For an active unit, softplus is linear and the location moves by its standard deviation in counts; for a quiet
        # unit, softplus is exponential and the location moves by one.
        return self.raw_sd.clamp(min=1.0)

    def inputs(self, past: Tensor) -> Tensor:
        return (torch.log1p(past) - self.input_mean) / self.input_sd

    def input_gain(self, past: Tensor) -> Tensor:
        return 1 / ((1 + past) * self.input_sd)

    def slow(self, traces: Tensor, past: Tensor, n_bins: Tensor) -> Tensor:
        usual = (self.input_mean / self.input_sd).clamp(min=1e-6)[:, None]  # above 0 also for a silent unit
        change = torch.maximum(traces.movedim(1, -1), -usual)  # by rounding, a trace may fall below no activity
        return usual * torch.log1p(change / ((1 + LEAST_SLOW_ACTIVITY) * usual))


@final
class CalciumLevels(Scale):
    """Z-scored calcium, which is its own input."""

    of_counts = False
    of_levels = True

    def inputs(self, past: Tensor) -> Tensor:
        return past

    def input_gain(self, past: Tensor) -> Tensor:
        return torch.ones_like(past) / self.raw_size


@final
class CalciumIncrements(Scale):
    """Z-scored calcium. Inputs are its changes from bin to bin; the baseline is the last bin.

    The change into a window's first bin is unknown, so its input and gain are 0. Increments (the idea of NLinear, Zeng
    et al. 2023) are not affected by slow drift of a level between train and test. Neither is the slow state, which is
    the distance from the present level to its recent means, in changes from bin to bin.
    """

    of_counts = False
    of_levels = False

    @property
    def drive_size(self) -> Tensor:
        return self.increment_sd

    @property
    def spread(self) -> Tensor:
        return self.increment_sd

    def inputs(self, past: Tensor) -> Tensor:
        return torch.diff(past, dim=1, prepend=past[:, :1]) / self.increment_sd

    def input_gain(self, past: Tensor) -> Tensor:
        gain = (1 / self.increment_sd).repeat(*past.shape[:2], 1)
        gain[:, 0] = 0
        return gain / self.raw_size

    def level(self, past: Tensor) -> Tensor:
        return past

    def slow(self, traces: Tensor, past: Tensor, n_bins: Tensor) -> Tensor:
        weights = -torch.expm1(-self.slow_rates[:, None, None] * n_bins[:, None, :, None])  # because traces start at 0
        return ((traces / weights - past[:, None]) / (SLOW_CHANGES * self.increment_sd)).movedim(1, -1)

    def add_baseline(self, departure: Tensor, past: Tensor) -> Tensor:
        return departure + past

    def less_baseline(self, target: Tensor, past: Tensor) -> Tensor:
        return target - past

    def lasting(self, response: Tensor) -> Tensor:
        return response.cumsum(0)


def kind_of_scale(spec: TaskSpec) -> type[Scale]:
    """The class of scale for a task's sessions."""
    if spec.signal == "spikes":
        return Counts
    return CalciumIncrements if spec.inputs == "increments" else CalciumLevels


def scale_of(spec: TaskSpec, session: int, dtype: torch.dtype = torch.float32) -> Scale:
    """The scale of a session by its index, with statistics in a dtype."""
    rates = [spec.bin_width_s / constant for constant in spec.slow_s]
    return kind_of_scale(spec)(spec.sessions[session], rates, dtype)
