"""Smoothing before the split: the spectrum of the activity has zeros, or falls faster than an indicator makes it fall.

A moving average of k bins has zeros at multiples of 1/k cycles per bin, and a Gaussian kernel takes nearly all power at
high frequencies. Neurons do neither: decay and rise of an indicator are an autoregressive filter of first or second
order, whose spectrum has no zero and falls by a factor of 16 at most from a frequency to its double, and every detector
adds noise. Smoothing of the past and of both sides have the same spectrum, so the check finds both. It cannot tell an
exponential filter that runs forward and backward from an indicator with rise and decay.
"""

from __future__ import annotations

import numpy as np

from synapsnet.audit.finding import VERDICTS, Finding, above, graded, unmeasured
from synapsnet.audit.subject import Recorded, Values

_LONGEST = 256  # bins of a taper
_SHORTEST = 16
_BESIDE = 0.12  # cycles per bin, on both sides of a dip
_DIP = (1.2, 2.0)  # nats; real recordings reach 0.9
_FALL = (1.4, 3.0)  # nats from a quarter of the sampling rate to a half; two poles can make 1.4
_OCTAVE = (3.5, 5.0)  # nats from a frequency to its double; two poles can make 2.8
_INDEPENDENT = 4  # units whose spectra err independently, at least, if there are as many
_AVERAGED = 8  # tapers side by side, at least
_HELD = (0.03, 0.15)  # share of the bins


def smoothing(recorded: Recorded) -> Finding:
    """Zeros and fall of the spectrum of the typical unit."""
    check = "smoothing before the split"
    spectra = _log_spectra(recorded)
    if spectra is None:
        return unmeasured(check, f"too few active units, or no segment of {_SHORTEST} bins")
    frequencies, levels, n_averaged = spectra
    depth, place = _deepest(frequencies, np.median(levels, axis=1))
    chance = 3 / np.sqrt(n_averaged * min(levels.shape[1], _INDEPENDENT))
    depth -= chance
    middle, high = (frequencies >= 0.2) & (frequencies < 0.3), frequencies >= 0.4
    levels = levels - np.log(2 - 2 * np.cos(2 * np.pi * frequencies))[:, None]  # of activity, not of its differences
    fall = float(np.median(levels[middle].mean(0) - levels[high].mean(0))) - chance
    octave = _steepest(frequencies, np.median(levels, axis=1)) - chance
    verdict = max(above(depth, *_DIP), above(fall, *_FALL), above(octave, *_OCTAVE), key=VERDICTS.index)
    zero = f"the deepest dip, at {place:.3f} cycles per bin, has {_percent(depth)} of the power beside it"
    return graded(
        check,
        verdict,
        f"{zero}; the power falls to {_percent(octave)} from a frequency to its double, and to "
        f"{_percent(fall)} from 0.25 to 0.45",
        "activity was averaged, filtered, or interpolated over bins. Noise treated so is 'forecast' with r near 1, "
        "because neighbouring bins share samples"
        + ("." if verdict == "leak" else "; optics or a slow sensor could do so, too."),
        "give raw counts or raw fluorescence; a wider bin (data.bin_width_s) averages without sharing samples.",
    )


def _percent(nats: float) -> str:
    return f"{100 * np.exp(-max(nats, 0)):.3g} %"


def _log_spectra(recorded: Recorded) -> tuple[Values, Values, int] | None:
    """Frequencies, log power of differences ``[frequencies, units]``, and the number of averaged stretches."""
    segments = recorded.parts
    longest = max((len(segment) for segment in segments), default=0)
    length = min(_LONGEST, longest - 1, max(sum(map(len, segments)) // _AVERAGED, _SHORTEST))
    if length < _SHORTEST or not len(recorded.units):
        return None
    taper = np.hanning(length + 2)[1:-1, None]
    power, n_averaged = np.zeros((length // 2 + 1, len(recorded.units))), 0
    for segment in segments:
        steps = np.diff(segment, axis=0)
        for start in range(0, len(steps) - length + 1, max(length // 2, 1)):
            piece = steps[start : start + length]
            power += np.abs(np.fft.rfft((piece - piece.mean(0)) * taper, axis=0)) ** 2
            n_averaged += 1
    power = power[1:, power.sum(0) > 0]
    frequencies = np.fft.rfftfreq(length)[1:].astype(np.float64)
    return frequencies, np.log(np.maximum(power / power.sum(0), 1e-30)), n_averaged


def _deepest(frequencies: Values, level: Values) -> tuple[float, float]:
    """Depth (nats) and place of the deepest dip between two higher stretches; the end of the spectrum has one side."""
    width = max(round(_BESIDE / (frequencies[1] - frequencies[0])), 2)
    best = (0.0, 0.0)
    for index in range(1, len(level)):
        if frequencies[index] < 0.04:
            continue
        left = level[max(index - width, 0) : index].max()
        right = level[index + 1 : index + 1 + width].max(initial=-np.inf)
        beside = left if index >= len(level) - 2 else min(left, right)
        best = max(best, (float(beside - level[index]), float(frequencies[index])))
    return best


def _steepest(frequencies: Values, level: Values) -> float:
    """The largest fall (nats) from a band of frequencies to the band at their doubles."""
    falls = [0.0]
    for low in frequencies[(frequencies >= 0.03) & (frequencies <= 0.17)]:
        band, double = ((frequencies >= at) & (frequencies < 1.4 * at) for at in (low, 2 * low))
        falls.append(float(level[band].mean() - level[double].mean()))
    return max(falls)


def held_values(recorded: Recorded) -> Finding:
    """Share of the bins in which a unit of a finely resolved signal keeps its value exactly while others change.

    A unit at rest, at its least or its middle value, does not count.
    """
    check = "values held over bins"
    if recorded.session.signal == "spikes":
        return unmeasured(check, "counts")
    values = np.concatenate(recorded.parts)
    distinct = [len(np.unique(unit)) / len(unit) for unit in values.T]
    fine = values[:, np.array(distinct, dtype=float) > 0.2]
    if fine.shape[1] < 2:
        return unmeasured(check, "values of a coarse scale")
    same = (np.diff(fine, axis=0) == 0) & (fine[1:] != np.median(fine, axis=0)) & (fine[1:] != fine.min(0))
    same[same.all(1)] = False
    share = float(np.median(same.mean(0)))
    return graded(
        check,
        above(share, *_HELD),
        f"the typical unit keeps its value exactly in {share:.1%} of the bins",
        "a median filter looks at the bins that follow; a value that was held until the next sample looks the same.",
        "give activity before the filter, on the clock of the recording.",
    )


RECORDING_CHECKS = (smoothing, held_values)
