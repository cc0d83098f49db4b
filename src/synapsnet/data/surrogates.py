"""Surrogate recordings: each unit keeps its own dynamics, and the relations between units are destroyed.

A matrix fitted on a surrogate reflects only chance: it is the null that edges are selected against (see
`synapsnet.analysis.stability`). Every split is its own surrogate, so that train statistics stay as they are and nothing
moves between splits. Behavior stays in place, so the relation of units to behavior is destroyed as well.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synapsnet.data.splits import Pieces, rows
from synapsnet.errors import UserError
from synapsnet.session import Session

log = logging.getLogger(__name__)

Surrogate = Literal["none", "circular_shift", "phase_shuffle"]

MANY_PIECES = 20
"""Minimum number of equally long pieces to permute: two units then keep at most a twentieth of them in step."""


def surrogate_session(session: Session, splits: Iterable[Pieces], *, kind: Surrogate, seed: int) -> Session:
    """The recording with every unit's activity moved in time, independently of the other units.

    ``circular_shift`` moves a unit round the bins of a split, its pieces taken as one stretch. The offsets of the units
    are spread evenly over the split in random order, so that no two units stay in step by chance as long as there are
    more bins than units. Every value is kept, and so is a unit's autocorrelation except at one seam per piece. Offsets
    must exceed the autocorrelation time of the signals: with slow signals in a short recording some pairs stay
    correlated, and the null is too wide rather than too narrow.

    In short pieces (trials) that seam would stand in every window. Where 20 or more pieces have the same length, each
    unit's pieces are permuted whole instead, which keeps its autocorrelation within a piece exactly. Activity that
    repeats in every trial then stays, such as a response locked to its start: an edge has to exceed it.

    ``phase_shuffle`` gives every Fourier component of a unit over a split a random phase (Theiler et al. 1992): mean,
    variance and circular autocorrelation are kept exactly, but values become Gaussian, which sparse signals are not.

    Args:
        session: The recording.
        splits: Pieces of every split, ``[pieces, 2]`` each; bins outside of them stay as they are.
        kind: The way to move activity.
        seed: Seed; the same seed gives the same surrogate.

    Raises:
        UserError: for ``phase_shuffle`` of spikes, whose counts would not stay counts.
    """
    if kind == "none":
        return session
    if kind == "phase_shuffle" and session.signal == "spikes":
        raise UserError("data.surrogate=phase_shuffle is for calcium; spike counts take data.surrogate=circular_shift")
    rng = np.random.default_rng([seed, *session.session_id.encode()])
    activity = session.activity.copy()
    for pieces in splits:
        if kind == "phase_shuffle":
            bins = rows(pieces)
            activity[bins] = _phase_shuffled(activity[bins], rng)
        else:
            _shift(activity, pieces, rng)
    log.info("session %s: SURROGATE by %s, seed %d", session.session_id, kind, seed)
    return replace(session, activity=activity)


def _shift(activity: npt.NDArray[Any], pieces: Pieces, rng: np.random.Generator) -> None:
    """Permute pieces of a length that many share, and shift the activity of the other pieces, in place."""
    lengths = pieces[:, 1] - pieces[:, 0]
    distinct, counts = np.unique(lengths, return_counts=True)
    for length in distinct[counts >= MANY_PIECES]:
        bins = pieces[lengths == length, :1] + np.arange(length)
        activity[bins] = _permuted(activity[bins], rng)
    others = pieces[np.isin(lengths, distinct[counts < MANY_PIECES])]
    if len(others):
        bins = rows(others)
        activity[bins] = _shifted(activity[bins], rng)


def _permuted(blocks: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Each unit's pieces in an order of its own, ``[pieces, time, units]``."""
    n_pieces, _, n_units = blocks.shape
    order = rng.permuted(np.tile(np.arange(n_pieces)[:, None], n_units), axis=0)
    return np.take_along_axis(blocks, order[:, None], axis=0)


def _shifted(values: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Each unit moved round by an offset of its own, ``[time, units]``."""
    n_bins, n_units = values.shape
    offsets = rng.integers(n_bins) + rng.permutation(n_units) * n_bins // n_units
    return np.take_along_axis(values, (np.arange(n_bins)[:, None] + offsets) % n_bins, axis=0)


def _phase_shuffled(values: npt.NDArray[Any], rng: np.random.Generator) -> npt.NDArray[Any]:
    """Each unit with random phases of its own, ``[time, units]``; the mean and the highest frequency have none."""
    spectrum = np.fft.rfft(values.astype(np.float64), axis=0)
    turned = slice(1, (len(values) + 1) // 2)
    spectrum[turned] *= np.exp(2j * np.pi * rng.random(spectrum[turned].shape))
    return np.fft.irfft(spectrum, n=len(values), axis=0)
