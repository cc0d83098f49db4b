"""The little that is kept of a recording to tell whether another one is a copy of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.audit.stretches import Hashes, of_bins, shortest_telling
from synapsnet.audit.subject import Recorded, Split, Values
from synapsnet.session import Intervals, Signal

SURE_BITS = 48.0
"""More than within a recording, because every stretch is compared with those of all others."""
_MOST_UNITS = 32
_FEWEST_STEPS = 20


@dataclass(frozen=True, eq=False)
class Sketch:
    """Hashes of the bins of a recording, and the steps of a few units.

    Attributes:
        name: Name of the session.
        signal: Its signal.
        hashes: Hash of every bin, ``[time]``.
        bits: Bits that the values of every bin carry, ``[time]``.
        segments: As of the session.
        pieces: Bin ranges ``[pieces, 2]`` of each split by name; empty if training would not take the recording.
        length: Length in bins of the stretches that can be told from others.
        steps: Steps from bin to bin of the units that change most, z-scored, ``[bins looked at, units]``.
    """

    name: str
    signal: Signal
    hashes: Hashes
    bits: Values
    segments: Intervals
    pieces: Mapping[Split, Intervals]
    length: int
    steps: npt.NDArray[np.float32]


def sketched(recorded: Recorded) -> Sketch:
    """Sketch a recording, with the units that training leaves out, because it may leave out others of a copy."""
    session = recorded.whole
    chosen = np.linspace(0, session.n_units - 1, min(session.n_units, recorded.effort.units))
    units = np.unique(np.round(chosen).astype(np.int64))
    hashes, bits = of_bins(session.activity, units)
    _, _, length = shortest_telling(hashes, bits, session.segments, SURE_BITS)
    return Sketch(
        name=session.session_id,
        signal=session.signal,
        hashes=hashes,
        bits=bits,
        segments=session.segments,
        pieces=recorded.pieces,
        length=length,
        steps=_steps(recorded, units),
    )


def _steps(recorded: Recorded, units: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    ranges = [recorded.whole.activity[a:b][:, units].astype(np.float64) for a, b in recorded.stretches]
    steps = np.concatenate([np.diff(values, axis=0, prepend=values[:1]) for values in ranges])
    spread = steps.std(0)
    moving = np.flatnonzero(((steps != 0).sum(0) >= _FEWEST_STEPS) & (spread > 0) & np.isfinite(spread))
    most = moving[np.argsort(-spread[moving], kind="stable")[:_MOST_UNITS]]
    z_scored: npt.NDArray[np.float64] = (steps[:, most] - steps[:, most].mean(0)) / spread[most]
    return z_scored.astype(np.float32)
