"""Widths of bins: wider bins of a recording, and advice for recordings whose bins differ in width."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session import Session
from synapsnet.session.recording import WIDTH_TOLERANCE

log = logging.getLogger(__name__)

_LONGEST_S = 2.0  # bins that are wider than this, and than twice the widest, are of little use
_EDGE_FRAMES = 1e-6  # a frame ends in a bin if it ends this much after it; float64 is far more exact


def rebin(session: Session, bin_width_s: float | None) -> Session:
    """Widen the bins within each segment; frames of a last bin that is not full are dropped.

    Counts are summed, which needs a whole factor. Calcium is averaged over the frames that end in a bin, two or three
    of them for a factor of 2.5, so that no bin knows a frame that ends later and no two share a frame. Behavior is
    averaged over its observed values.

    Args:
        session: The recording.
        bin_width_s: The new width; None keeps the recording's own.

    Raises:
        UserError: if the width is below the recording's own, or no whole multiple of the bins of counts.
    """
    if bin_width_s is None:
        return session
    factor = bin_width_s / session.bin_width_s
    is_whole = round(factor) >= 1 and abs(round(factor) / factor - 1) <= WIDTH_TOLERANCE
    if not is_whole and (session.signal == "spikes" or factor < 1):
        problem = "is not a whole multiple of" if session.signal == "spikes" else "is below"
        raise UserError(
            f"session {session.session_id!r}: data.bin_width_s={bin_width_s:g} {problem} its bins of "
            f"{session.bin_width_s:g} s"
        )
    if is_whole and round(factor) == 1:
        return session
    if is_whole:
        factor, bin_width_s = round(factor), session.bin_width_s * round(factor)
    else:
        log.info(
            "session %s: frames of %g s are averaged in bins of %g s, %d or %d in each",
            *(session.session_id, session.bin_width_s, bin_width_s, int(factor), int(factor) + 1),
        )
    lengths = np.floor(np.diff(session.segments, axis=1)[:, 0] / factor + _EDGE_FRAMES).astype(np.int64)
    if not lengths.any():
        raise UserError(f"session {session.session_id!r}: no segment is as long as one bin of {bin_width_s:g} s")
    edges = [
        start + np.floor(np.arange(length + 1) * factor + _EDGE_FRAMES).astype(np.int64)
        for start, length in zip(session.segments[:, 0], lengths, strict=True)
        if length
    ]
    firsts, stops = (np.concatenate(ends) for ends in zip(*((of[:-1], of[1:]) for of in edges), strict=True))
    new_stops = np.cumsum(lengths[lengths > 0])
    assert session.behavior is not None  # filled in by Session
    counts = session.signal == "spikes"
    activity = _summed(session.activity, firsts, stops, np.int64 if counts else np.float64)
    observed = np.isfinite(session.behavior)
    n_observed = _summed(observed, firsts, stops, np.int64)
    behavior = _summed(np.where(observed, session.behavior, 0.0), firsts, stops, np.float64)
    return replace(
        session,
        activity=activity if counts else activity / (stops - firsts)[:, None],
        bin_width_s=bin_width_s,
        segments=np.stack([new_stops - lengths[lengths > 0], new_stops], axis=1),
        tasks={},  # tasks are chosen before bins are widened, because their limits are not multiples of the new width
        behavior=np.where(n_observed > 0, behavior / np.maximum(n_observed, 1), np.nan).astype(np.float32),
    )


def ends_left_out(session: Session, wide: Session) -> dict[str, str]:
    """Bins at the ends of segments that `rebin` left out, in words by their reason; empty if there are none.

    Args:
        session: The recording.
        wide: The same with wider bins.
    """
    of_segments, of_wide = (np.diff(of.segments, axis=1)[:, 0] for of in (session, wide))
    n_bins = int(of_segments.sum())
    used = np.floor(of_wide * (wide.bin_width_s / session.bin_width_s) + _EDGE_FRAMES)
    left = n_bins - int(used.sum())
    reason = f"no full bin of {wide.bin_width_s:g} s at the end of a segment (data.bin_width_s)"
    return {reason: f"{left:,} of {n_bins:,} bins"} if left else {}


def common_width(widths_s: Collection[float], signals: Collection[str]) -> float | None:
    """A width for all: for calcium the widest, otherwise the least multiple of all widths; None if none is useful.

    Args:
        widths_s: Widths in seconds.
        signals: Signals of the recordings.
    """
    widest = max(widths_s, default=1.0)
    if set(signals) == {"calcium"}:
        return widest
    multiples = (of * widest for of in range(1, max(int(_LONGEST_S / widest), 2) + 1))
    return next((width for width in multiples if _is_multiple(width, widths_s)), None)


def advice(widths_s: Collection[float], signals: Collection[str]) -> str:
    """`common_width` as a setting, and what it means; arguments as there."""
    width = common_width(widths_s, signals)
    if width is None:
        return "no useful bin width is a multiple of them all, so train on each alone"
    averaged = "averages the frames of all in bins of the widest"
    meaning = "is a multiple of them all" if _is_multiple(width, widths_s) else averaged
    return f"data.bin_width_s={width:.6g} {meaning}"


def _is_multiple(width: float, widths_s: Collection[float]) -> bool:
    return all(abs(round(width / of) * of / width - 1) <= WIDTH_TOLERANCE for of in widths_s)


def _summed(
    values: npt.NDArray[np.generic], firsts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], dtype: type
) -> npt.NDArray[Any]:
    """Sums of ``values[first:stop]`` for each pair, ``[bins, ...]``."""
    sums = np.empty((len(firsts), *values.shape[1:]), dtype=dtype)
    lengths = stops - firsts
    for length in np.unique(lengths):  # one length, or two
        alike = lengths == length
        sums[alike] = values[firsts[alike, None] + np.arange(length)].sum(1, dtype=dtype)
    return sums
