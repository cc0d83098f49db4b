"""Series for the methods, and their lagged moments; neither crosses a gap in the recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from synapsnet.data.splits import Split
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.linear import DESIGN_NUMBERS
from synapsnet.models.moments import Moments
from synapsnet.session.scale import kind_of_scale, scale_of

TINY = 1e-9  # fraction of a unit's train variance; less is rounding error, or a unit that never varies


@dataclass(frozen=True, eq=False)
class Piece:
    """A part of a split that was recorded without a gap.

    Attributes:
        inputs: Activity as the models see it, float64 ``[time, units]``.
        behavior: Encoded behavior on the same bins, float64 ``[time, features]``.
    """

    inputs: Tensor
    behavior: Tensor


def pieces_of(task: Task, session: int, split: Split) -> list[Piece]:
    """The pieces of a split in order; with increments, each lacks its first bin, because that change is unknown."""
    tensors, scale = task.sessions[session], scale_of(task.spec, session, torch.float64)
    skip = 0 if scale.of_levels else 1
    pieces = []
    for first, stop in task.pieces[session][split].tolist():
        inputs = scale.inputs(tensors.activity[first:stop].double()[None])[0]
        pieces.append(Piece(inputs[skip:], tensors.behavior[first + skip : stop].double()))
    return pieces


def lags_that_fit(lags: Sequence[int], task: Task, session: int, method: str) -> list[int]:
    """A method's numbers of lags, ascending, that fit into the models' context and the pieces of train and validation.

    Raises:
        UserError: if no number of lags fits.
    """
    parts = task.pieces[session]
    longest = [int((part[:, 1] - part[:, 0]).max()) for part in (parts["train"], parts["validation"])]
    room = min(longest) - (1 if kind_of_scale(task.spec).of_levels else 2)
    fitting = [n_lags for n_lags in sorted(lags) if 1 <= n_lags <= min(task.spec.context_bins, room)]
    if not fitting:
        raise UserError(
            f"methods.{method}.lags={list(lags)}: no number of lags is between 1 and "
            f"data.context_bins={task.spec.context_bins} and fits into the pieces of session "
            f"{task.spec.sessions[session].session_id!r}, which allow {room} lags"
        )
    return fitting


def lagged_moments(sources: Sequence[Tensor], targets: Sequence[Tensor], lags: Sequence[int]) -> Moments:
    """Moments in float64 of targets at bin t and sources at bins t - lag, which are all in the same piece.

    Args:
        sources: One array ``[time, channels]`` per piece.
        targets: One array ``[time, units]`` per piece, on the same bins.
        lags: Lags in bins; 0 is the same bin. Features are ordered by lag, then by channel.
    """
    longest, n_channels = max(lags), sources[0].shape[1]
    moments = Moments(1, len(lags) * n_channels, targets[0].shape[1])
    step = max(1, DESIGN_NUMBERS // (len(lags) * n_channels))
    for source, target in zip(sources, targets, strict=True):
        for low in range(longest, len(target), step):
            high = min(low + step, len(target))
            design = torch.cat([source[low - lag : high - lag] for lag in lags], dim=1)
            moments.update(design[None], target[None, low:high])
    return moments


def correlation(pieces: Sequence[Piece], lag: int) -> Tensor:
    """Pearson correlation of every receiver at bin t with every sender at bin t - lag, ``[post, pre]``.

    Zero for a unit that never varies.
    """
    inputs = [piece.inputs for piece in pieces]
    moments = lagged_moments(inputs, inputs, [lag])
    gram, cross, square = (moment[0] for moment in moments.about(*moments.means(inputs[0].shape[1])))
    sender, receiver = gram.diagonal(), square
    varies = (receiver[:, None] > TINY) & (sender > TINY)
    scale = (receiver.clamp(min=TINY)[:, None] * sender.clamp(min=TINY)).sqrt()
    return torch.where(varies, cross.T / scale, 0.0).clamp(-1, 1)
