"""Copies across recordings: bins that occur in two, and recordings that are nearly the same."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.audit.finding import VERDICTS, Finding, above, graded, unmeasured
from synapsnet.audit.sketch import SURE_BITS, Sketch
from synapsnet.audit.stretches import of_stretches

_FEWEST = 3  # stretches
_SHARE = 0.005  # of the stretches of a recording
_ALIKE = (0.8, 0.9)  # correlation of the steps of most units
_FEWEST_UNITS = 5
_LEAST_OVERLAP = 200  # bins, and half of the shorter recording
_POPULATION = 0.3  # correlation of the populations below which their units are not compared
_MOST_PAIRS = 0.9
_MOST_RECORDINGS = 100  # are compared pair by pair
_MOST_NAMED = 3
_MEANING = (
    "a recording was copied, or cut into parts that overlap. A model then trains on what it is tested on, and the "
    "standard error over sessions counts the same data twice."
)
_ADVICE = "keep one of each recording, and cut recordings into parts that share no bin."


@dataclass(frozen=True)
class _Again:
    """Stretches of a recording that occur in others.

    Attributes:
        name: Name of the recording.
        other: The recording that shares most stretches with it.
        n_again: Number of stretches that occur in others.
        n_told: Number of stretches that can be told from others.
        n_seen: Number of held-out stretches that occur in the train split of others.
        n_held_out: Number of held-out stretches.
    """

    name: str
    other: str
    n_again: int
    n_told: int
    n_seen: int
    n_held_out: int

    @property
    def verdict_order(self) -> int:
        """Place of the verdict in `VERDICTS`."""
        return max(
            VERDICTS.index(above(n, _FEWEST, max(2 * _FEWEST, _SHARE * of)))
            for n, of in ((self.n_again, self.n_told), (self.n_seen, self.n_held_out))
        )

    def __str__(self) -> str:
        seen = f", and {self.n_seen:,} of {self.n_held_out:,} held-out ones in the train split of another"
        return (
            f"{self.n_again:,} of {self.n_told:,} stretches of {self.name} occur in others, most in {self.other}"
            + seen * (self.n_seen > 0)
        )


def copied_bins(sketches: Sequence[Sketch]) -> Finding:
    """Share of the stretches whose exact values occur in another recording, and in its train split."""
    check = "bins that occur in two recordings"
    of_lengths = [_again(sketches, length) for length in sorted({sketch.length for sketch in sketches})]
    found = [max(of_one, key=lambda one: one.n_again / max(one.n_told, 1)) for of_one in zip(*of_lengths, strict=True)]
    if not any(one.n_told for one in found):
        return unmeasured(check, "too few active units to tell one bin from another")
    alarms = [one for one in found if one.verdict_order]
    more = f"; {len(alarms) - _MOST_NAMED} more" if len(alarms) > _MOST_NAMED else ""
    return graded(
        check,
        VERDICTS[max(one.verdict_order for one in found)],
        "; ".join(map(str, alarms[:_MOST_NAMED])) + more
        if alarms
        else f"{sum(one.n_again for one in found):,} of {sum(one.n_told for one in found):,} stretches of the "
        f"{len(sketches):,} recordings occur in another",
        _MEANING,
        _ADVICE,
    )


def near_copies(sketches: Sequence[Sketch]) -> Finding:
    """The largest correlation between the units of two recordings, one of which may begin later."""
    check = "recordings that are nearly the same"
    told = [sketch for sketch in sketches if sketch.steps.shape[1] >= _FEWEST_UNITS]
    if len(told) < 2:
        return unmeasured(check, f"fewer than two recordings with {_FEWEST_UNITS} active units")
    chosen = np.linspace(0, len(told) - 1, min(len(told), _MOST_RECORDINGS))
    told = [told[index] for index in chosen.round().astype(int).tolist()]
    size = 2 ** int(np.ceil(np.log2(2 * max(len(sketch.steps) for sketch in told))))
    spectra = [np.fft.rfft(sketch.steps.sum(1), size).astype(np.complex64) for sketch in told]
    compared = [
        (*_alike(one, other, np.fft.irfft(of_one * of_other.conj(), size)), one.name, other.name)
        for (one, of_one), (other, of_other) in itertools.combinations(zip(told, spectra, strict=True), 2)
        if one.signal == other.signal
    ]
    compared.sort(key=lambda pair: -pair[0])
    named = [
        f"{one} and {other} at r = {r:.2f}" + f", {abs(lag):,} bins apart" * (lag != 0)
        for r, lag, one, other in compared[:_MOST_NAMED]
        if r > 0
    ]
    n_alarms = sum(r >= _ALIKE[0] for r, *_ in compared)
    more = f"; {n_alarms - _MOST_NAMED} more pairs" if n_alarms > _MOST_NAMED else ""
    none = f"no two populations correlate above r = {_POPULATION}"
    return graded(
        check,
        above(compared[0][0] if compared else 0.0, *_ALIKE),
        f"of {len(told):,} recordings, {'the likest units are those of ' + '; '.join(named) if named else none}{more}",
        _MEANING,
        _ADVICE,
    )


def _again(sketches: Sequence[Sketch], length: int) -> list[_Again]:
    """The stretches of each recording that occur in others; those that it repeats itself tell nothing."""
    told = [_told(sketch, length) for sketch in sketches]
    n = len(told)
    hashes, of_held_out, of_train = (np.concatenate(parts) for parts in zip(*told, strict=True))
    owner = np.repeat(np.arange(n), [len(of_one) for of_one, _, _ in told])
    order = np.argsort(hashes, kind="stable")
    owner, of_held_out, of_train = owner[order], of_held_out[order], of_train[order]
    _, starts, sizes = np.unique(hashes[order], return_index=True, return_counts=True)
    other = _other(owner, owner, owner, starts, sizes)
    trained = _other(owner, np.where(of_train, owner, n), np.where(of_train, owner, -1), starts, sizes)
    again, seen = other >= 0, of_held_out & (trained >= 0)
    shared = np.bincount(owner[again] * n + other[again], minlength=n * n).reshape(n, n)
    n_told, n_seen, n_held_out = (
        np.bincount(owner[which], minlength=n).tolist() for which in (slice(None), seen, of_held_out)
    )
    return [
        _Again(
            name=sketch.name,
            other=sketches[int(shared[index].argmax())].name,
            n_again=int(shared[index].sum()),
            n_told=n_told[index],
            n_seen=n_seen[index],
            n_held_out=n_held_out[index],
        )
        for index, sketch in enumerate(sketches)
    ]


def _told(sketch: Sketch, length: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Hashes of the stretches that a recording has once, and whether each is held out and in train."""
    chained, sure = of_stretches(sketch.hashes, sketch.bits, sketch.segments, length, SURE_BITS)
    masks = {split: np.zeros(len(chained), dtype=np.bool_) for split in ("train", "held out")}
    for split, ranges in sketch.pieces.items():
        for start, stop in ranges:
            masks["train" if split == "train" else "held out"][start : max(stop - length + 1, start)] = True
    places = np.flatnonzero(sure)
    _, first, counts = np.unique(chained[places], return_index=True, return_counts=True)
    once = places[first[counts == 1]]
    return chained[once], masks["held out"][once], masks["train"][once]


def _other(
    owner: npt.NDArray[np.int64],
    low: npt.NDArray[np.int64],
    high: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """The first or the last owner in each group that is not the own one, or -1, ``[stretches]``."""
    if not len(owner):
        return owner
    first = np.repeat(np.minimum.reduceat(low, starts), sizes)
    last = np.repeat(np.maximum.reduceat(high, starts), sizes)
    other = np.where(first != owner, first, last)
    return np.where((last < 0) | (other == owner), -1, other)


def _alike(one: Sketch, other: Sketch, product: npt.NDArray[np.floating]) -> tuple[float, int]:
    """Correlation of the steps of units that are alike, in the median of the units, and bins by which one is later.

    Args:
        one: A recording.
        other: Another one.
        product: Cross-correlation of their populations, as the Fourier transform gives it.
    """
    ours, theirs = len(one.steps), len(other.steps)
    overlap = max(_LEAST_OVERLAP, min(ours, theirs) // 2)
    lags = np.arange(overlap - theirs, ours - overlap + 1)
    if not len(lags):
        return 0.0, 0
    starts, stops = np.maximum(lags, 0), np.minimum(ours, theirs + lags)
    energy, their_energy = (
        np.r_[0, np.cumsum(steps.sum(1, dtype=np.float64) ** 2)] for steps in (one.steps, other.steps)
    )
    norm = (energy[stops] - energy[starts]) * (their_energy[stops - lags] - their_energy[starts - lags])
    r = product[lags] / np.sqrt(np.maximum(norm, 1e-12))
    best = int(r.argmax())
    if r[best] < _POPULATION:
        return 0.0, 0
    lag, start, stop = int(lags[best]), int(starts[best]), int(stops[best])
    a, b = (_unit_length(steps) for steps in (one.steps[start:stop], other.steps[start - lag : stop - lag]))
    of_units = a.T @ b
    shared = max(float(np.quantile(of_units, _MOST_PAIRS)), 0.0) if min(of_units.shape) > 1 / (1 - _MOST_PAIRS) else 0.0
    beyond = (of_units - shared) / max(1 - shared, 1e-6)
    fewer = 1 if of_units.shape[0] <= of_units.shape[1] else 0
    return float(np.median(beyond.max(fewer))), lag


def _unit_length(steps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    centred = steps - steps.mean(0)
    scaled: npt.NDArray[np.float32] = centred / np.maximum(np.linalg.norm(centred, axis=0), np.float32(1e-6))
    return scaled


TOGETHER_CHECKS = (copied_bins, near_copies)
