"""Bins that occur twice: test bins in train, a recording that repeats itself, windows that overlap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from synapsnet.audit.finding import VERDICTS, Finding, above, graded, unmeasured
from synapsnet.audit.stretches import Hashes, of_bins, shortest_telling
from synapsnet.audit.subject import Recorded

_SURE_BITS = 32.0
_FEWEST = 3  # repetitions
_LEAST_PERIOD = 20  # bins
_ALIKE = (0.5, 0.9)  # correlation of the population's steps with itself, a period later
_FILLED = 0.01  # share of bins


def test_in_train(recorded: Recorded) -> Finding:
    """Share of the test and validation stretches whose exact values occur in train."""
    check = "test bins that occur in train"
    if not recorded.pieces:
        return unmeasured(check, "training would not take the recording")
    hashes, sure, length = _stretches(recorded)
    if not sure.any():
        return unmeasured(check, "too few active units to tell one bin from another")
    owner = np.full(len(hashes), "", dtype="U10")
    for split, ranges in recorded.pieces.items():
        for start, stop in ranges:
            owner[start : max(stop - length + 1, start)] = split
    train = np.unique(hashes[(owner == "train") & sure])
    held_out = np.flatnonzero((owner != "train") & (owner != "") & sure)
    again = held_out[np.isin(hashes[held_out], train)]
    bins = "bin" if length == 1 else f"stretch of {length} bins"
    example = ""
    if len(again):
        first = np.flatnonzero((owner == "train") & sure & (hashes == hashes[again[0]]))[0]
        example = f", such as bin {again[0]:,}, which repeats bin {first:,}"
    return graded(
        check,
        above(len(again), _FEWEST, max(2 * _FEWEST, 0.005 * len(held_out))),
        f"{len(again):,} of {len(held_out):,} held-out values of a {bins} occur in train{example}",
        "what is to be forecast was seen in training, value by value: bins were shuffled, copied or resampled before "
        "the split.",
        "give each bin once, in the order of time.",
    )


def repeated(recorded: Recorded) -> Finding:
    """Exact repetitions of stretches, and the correlation of the population with itself a period later."""
    check = "a recording that repeats itself"
    hashes, sure, length = _stretches(recorded)
    places = np.flatnonzero(sure)
    _, inverse = np.unique(hashes[places], return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    gaps = np.diff(places[order])[np.diff(inverse[order]) == 0]
    n_again = int((gaps >= _LEAST_PERIOD).sum())
    period, r = _period(recorded)
    exact = above(n_again, _FEWEST, max(2 * _FEWEST, 0.005 * len(places)))
    near = above(r, *_ALIKE)
    said = f"{n_again:,} of {len(places):,} stretches of {length} bin{'s' if length > 1 else ''} occur earlier"
    if n_again:
        said += f", most often {np.median(gaps[gaps >= _LEAST_PERIOD]):,.0f} bins earlier"
    return graded(
        check,
        max(exact, near, key=VERDICTS.index),
        f"{said}; the population correlates with itself at most at r = {r:.2f}"
        + (f", {period:,} bins later" if period else ""),
        "a stretch was pasted or tiled, or every trial is the same. Train and test then hold the same events; a "
        "stimulus that repeats evokes similar, never equal, responses.",
        "keep the first of each stretch.",
    )


def filled(recorded: Recorded) -> Finding:
    """Share of bins that equal the one before them in every unit."""
    check = "bins filled by copying"
    hashes, sure, length = _stretches(recorded)
    same = sure[1:] & (hashes[1:] == hashes[:-1])
    share = float(same.mean()) if length == 1 and len(same) else 0.0
    return graded(
        check,
        "suspicious" if share >= _FILLED else "clean",
        f"{share:.1%} of the bins equal the one before them in every unit",
        "dropped frames were filled with the last one, or activity was resampled to a faster clock. Copying the last "
        "bin forecasts these bins perfectly.",
        "end a segment where frames are missing, and use the clock of the recording.",
    )


def overlapping_windows(recorded: Recorded) -> Finding:
    """Share of the segments whose first bins are the last ones of the segment before."""
    check = "overlapping windows"
    segments = recorded.session.segments
    if len(segments) < 2:
        return unmeasured(check, "one segment")
    hashes, sure, length = _stretches(recorded)
    told = overlaps = 0
    for (start, stop), (following, end) in zip(segments[:-1].tolist(), segments[1:].tolist(), strict=True):
        if end - following >= length and stop - start >= length and sure[following]:
            told += 1
            overlaps += bool((hashes[start : stop - length + 1] == hashes[following]).any())
    if not told:
        return unmeasured(check, "no segment begins with bins that can be told from others")
    return graded(
        check,
        above(overlaps / told, 0.01, 0.1),
        f"{overlaps:,} of {told:,} segments begin with bins of the segment before",
        "segments are windows that were cut with a stride shorter than they are, so the splits share bins.",
        "give the recording as it was, with segments that share no bin; windows are cut after the split.",
    )


def _stretches(recorded: Recorded) -> tuple[Hashes, npt.NDArray[np.bool_], int]:
    """Hash of the stretch at every bin, whether it can be told from others, and the length of a stretch in bins."""
    hashes, bits = of_bins(recorded.session.activity, recorded.units)
    return shortest_telling(hashes, bits, recorded.session.segments, _SURE_BITS)


def _period(recorded: Recorded) -> tuple[int, float]:
    """The shift at which the population's steps correlate most with themselves, and that correlation beyond chance."""
    segments = recorded.parts
    steps = np.concatenate(
        [np.diff(segment, axis=0, prepend=segment[:1]) for segment in segments] or [np.zeros((0, 0))]
    )
    scale = steps.std(0) if len(steps) else np.zeros(0)
    steps = steps[:, scale > 0] / scale[scale > 0]
    lags = np.arange(_LEAST_PERIOD, int(0.8 * len(steps)))
    if not steps.size or not len(lags):
        return 0, 0.0
    size = 2 ** int(np.ceil(np.log2(2 * len(steps))))
    product = sum(
        np.fft.irfft(np.abs(np.fft.rfft(column, size)) ** 2, size)[: len(steps)] for column in np.asarray(steps).T
    )
    energy = np.concatenate([[0], np.cumsum((steps**2).sum(1))])
    early, late = energy[len(steps) - lags], energy[-1] - energy[lags]
    r = np.asarray(product)[lags] / np.sqrt(np.maximum(early * late, 1e-12))
    r = r - 5 / np.sqrt((len(steps) - lags) * min(steps.shape[1], 4))  # by chance
    best = int(r.argmax())
    return int(lags[best]), float(r[best])


RECORDING_CHECKS = (test_in_train, repeated, filled, overlapping_windows)
