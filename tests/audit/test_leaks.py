"""Every kind of leak, planted; its honest twin stays clean under every check."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from audited import averaged, calcium, counts, decaying, driven, findings, gaussian, noise, session, verdicts
from scipy import ndimage, signal

from synapsnet.audit import QUICK
from synapsnet.session import Session

SMOOTHED = "smoothing before the split"
SCALED = "scaling by the whole recording"
COMPONENTS = "denoising by components"
SHIFTED = "units shifted in time"
COPIED = "copies of units"
NEXT_BIN, NEXT_POPULATION = "behavior from the next bin", "behavior from the next population"
SEEN, AGAIN, OVERLAPPING = "test bins that occur in train", "a recording that repeats itself", "overlapping windows"
TRIALS, COUNTS = "means of trials", "means of counts"
SWAPPED = "axes swapped"


def trials(seed: int = 0) -> np.ndarray:
    """Counts of 50 trials under one curve of rates, [trials, 60 bins, 30 units]."""
    rng = np.random.default_rng(seed)
    return rng.poisson(np.exp(rng.normal(size=(60, 30)) * 0.7), (50, 60, 30))


def in_segments(cut: np.ndarray) -> Session:
    """A recording of segments, [segments, time, units]."""
    starts = np.arange(len(cut)) * cut.shape[1]
    return session(cut.reshape(-1, cut.shape[2]), segments=np.stack([starts, starts + cut.shape[1]], axis=1))


def z_scored(values: np.ndarray) -> np.ndarray:
    return (values - values.mean(0)) / values.std(0)


def of_components(values: np.ndarray, rank: int) -> np.ndarray:
    left, sizes, right = np.linalg.svd(values - values.mean(0), full_matrices=False)
    return left[:, :rank] * sizes[:rank] @ right[:rank] + values.mean(0)


def with_unit(values: np.ndarray, unit: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[:, 3] = unit
    return changed


def drawn_means(of_trials: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return np.stack([of_trials[rng.permutation(50)[:20]].mean(0) for _ in range(50)])


def pasted(values: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[2600:2900] = values[300:600]
    return changed


def resampled(values: np.ndarray) -> np.ndarray:
    changed = values.copy()
    changed[2600:] = values[np.random.default_rng(1).integers(0, 2000, 400)]
    return changed


def windows(values: np.ndarray, stride: int) -> np.ndarray:
    return np.stack([values[start : start + 40] for start in range(0, 2900, stride)])


def foretold(activity: np.ndarray, series: np.ndarray) -> Session:
    return session(activity, behavior={"speed": series})


weights = np.random.default_rng(2).normal(size=30)

LEAKS: dict[str, tuple[str, Callable[[], Session]]] = {
    "boxcar of 2": (SMOOTHED, lambda: session(averaged(noise(), np.ones(2)))),
    "boxcar of 5": (SMOOTHED, lambda: session(averaged(noise(), np.ones(5)))),
    "boxcar of 11": (SMOOTHED, lambda: session(averaged(calcium(), np.ones(11)))),
    "boxcar of trials": (SMOOTHED, lambda: in_segments(averaged(noise(), np.ones(3)).reshape(75, 40, 30))),
    "gaussian of 1 bin": (SMOOTHED, lambda: session(averaged(calcium(), gaussian(1)))),
    "gaussian of 5 bins": (SMOOTHED, lambda: session(averaged(counts(), gaussian(5)))),
    "one unit": (SMOOTHED, lambda: session(averaged(noise(3000, 1), gaussian(2)))),
    "butterworth both ways": (SMOOTHED, lambda: session(signal.filtfilt(*signal.butter(3, 0.3), noise(), axis=0))),
    "savitzky golay": (SMOOTHED, lambda: session(signal.savgol_filter(noise(), 5, 2, axis=0))),
    "interpolated": (SMOOTHED, lambda: session(signal.resample(calcium(1500), 3000))),
    "moving sums of counts": (
        SMOOTHED, lambda: session(ndimage.convolve1d(counts(), np.ones(5, dtype=int), axis=0))
    ),
    "median filter": ("values held over bins", lambda: session(ndimage.median_filter(calcium(), (3, 1)))),
    "z-scores": (SCALED, lambda: session(z_scored(calcium()))),
    "z-scores, n - 1": (SCALED, lambda: session((calcium() - calcium().mean(0)) / calcium().std(0, ddof=1))),
    "range 0 to 1": (SCALED, lambda: session((noise() - noise().min(0)) / np.ptp(noise(), axis=0))),
    "a few components": (COMPONENTS, lambda: session(of_components(calcium(), 5))),
    "most components": (COMPONENTS, lambda: session(of_components(calcium(), 27))),
    "a shifted unit": (SHIFTED, lambda: session(with_unit(counts(), np.roll(counts()[:, 7], -1)))),
    "a shifted trace": (SHIFTED, lambda: session(with_unit(calcium(), np.roll(calcium()[:, 7], -2)))),
    "a copy": (COPIED, lambda: session(with_unit(calcium(), calcium()[:, 7]))),
    "a near copy": (
        COPIED, lambda: session(with_unit(counts(), np.random.default_rng(1).binomial(counts()[:, 7], 0.95)))
    ),
    "behavior is a unit": (NEXT_BIN, lambda: foretold(counts(), np.roll(counts()[:, 7], -1))),
    "behavior is the logarithm of a unit": (
        NEXT_BIN, lambda: foretold(counts(), np.log1p(np.roll(counts()[:, 7], -1)))
    ),
    "behavior is a trace": (NEXT_BIN, lambda: foretold(calcium(), np.roll(calcium()[:, 7], -1))),
    "behavior is the mean": (NEXT_POPULATION, lambda: foretold(counts(), np.roll(counts().mean(1), -1))),
    "behavior is the mean 2 bins on": (NEXT_POPULATION, lambda: foretold(counts(), np.roll(counts().mean(1), -2))),
    "behavior is the mean of traces": (NEXT_POPULATION, lambda: foretold(calcium(), np.roll(calcium().mean(1), -1))),
    "behavior is the mean of many": (
        NEXT_POPULATION,
        lambda: foretold(counts(n_units=400), np.roll(counts(n_units=400).mean(1), -1)),
    ),
    "behavior is a weighted sum": (NEXT_POPULATION, lambda: foretold(counts(), np.roll(counts() @ weights, -1))),
    "test pasted from train": (SEEN, lambda: session(pasted(counts()))),
    "sparse test pasted from train": (SEEN, lambda: session(pasted(counts(n_units=60, rate=0.1)))),
    "traces pasted from train": (SEEN, lambda: session(pasted(calcium()))),
    "test bins drawn from train": (SEEN, lambda: session(resampled(counts()))),
    "shuffled with replacement": (
        SEEN, lambda: session(counts()[np.random.default_rng(1).integers(0, 3000, 3000)])
    ),
    "tiled": (AGAIN, lambda: session(np.tile(counts(600), (5, 1)))),
    "tiled with noise": (AGAIN, lambda: session(np.tile(noise(600), (5, 1)) + 0.1 * noise(seed=1))),
    "half repeated": (AGAIN, lambda: session(np.tile(calcium(1500), (2, 1)))),
    "windows of half a stride": (OVERLAPPING, lambda: in_segments(windows(counts(), 20))),
    "windows that share a quarter": (OVERLAPPING, lambda: in_segments(windows(calcium(), 30))),
    "means of drawn trials": (TRIALS, lambda: in_segments(drawn_means(trials()))),
    "means of drawn traces": (TRIALS, lambda: in_segments(drawn_means(trials() + noise(3000).reshape(50, 60, 30)))),
    "means of counts": (COUNTS, lambda: in_segments(drawn_means(trials()))),
    "counts [units, time]": (SWAPPED, lambda: session(counts(3000, 100).T.copy())),
    "short counts [units, time]": (SWAPPED, lambda: session(driven(400, 60).T.copy())),
    "traces [units, time]": (SWAPPED, lambda: session(calcium(3000, 100).T.copy())),
}  # fmt: skip

TWINS: dict[str, Callable[[], Session]] = {
    "noise": lambda: session(noise()),
    "counts": lambda: session(counts()),
    "sparse counts": lambda: session(counts(20_000, 60, rate=0.02)),
    "driven counts": lambda: session(driven()),
    "strongly driven counts": lambda: session(driven(strength=1.5)),
    "bursts of all units": lambda: session(
        np.random.default_rng(0).poisson(np.where(noise(6000, 1) > 6.6, 4, 0.02), (6000, 60))
    ),
    "up and down states": lambda: session(
        np.random.default_rng(0).poisson(2.0 * (decaying(noise(6000, 1) - 5, 0.9) > 0) + 0.02, (6000, 60))
    ),
    "calcium": lambda: session(calcium()),
    "calcium with little noise": lambda: session(calcium(noise_sd=0.03)),
    "calcium with a long decay": lambda: session(calcium(decay=0.995)),
    "calcium with rise and decay": lambda: session(decaying(decaying(noise() - 5, 0.95), 0.6)),
    "decay without measurement noise": lambda: session(decaying(noise() - 5, 0.99)),
    "scaled by the train split": lambda: session((calcium() - calcium()[:2100].mean(0)) / calcium()[:2100].std(0)),
    "components and noise of each unit": lambda: session(of_components(calcium(), 5) + 0.3 * noise()),
    "factors with little noise": lambda: session(
        decaying(noise(3000, 3) - 5, 0.9) @ weights.reshape(3, 10) + 0.1 * noise(3000, 10)
    ),
    "a short recording of one unit": lambda: session(calcium(150, 1)),
    "a short recording": lambda: session(driven(150, 100)),
    "a strong synapse": lambda: session(
        with_unit(counts(), np.random.default_rng(1).poisson(0.2 + np.roll(counts()[:, 7], 1)))
    ),
    "a similar unit": lambda: session(with_unit(counts(), np.random.default_rng(1).binomial(counts()[:, 7], 0.5))),
    "units that follow behavior": lambda: foretold(
        np.random.default_rng(0).poisson(3 * np.exp(np.roll(noise(3000, 1) - 5, 1, 0)), (3000, 60)),
        noise(3000, 1)[:, 0],
    ),
    "behavior of the same bin": lambda: foretold(driven(), driven().mean(1)),
    "behavior of the last bin": lambda: foretold(counts(), np.roll(counts()[:, 7], 1)),
    "behavior that persists, of traces": lambda: foretold(calcium(), calcium().mean(1)),
    "trials of one curve": lambda: in_segments(trials()),
    "a curve that repeats": lambda: session(trials().reshape(-1, 30)),
    "windows side by side": lambda: in_segments(windows(counts(), 40)),
    "more units than bins": lambda: session(counts(400, 600)),
    "more driven units than bins": lambda: session(driven(400, 600)),
    "more traces than bins": lambda: session(calcium(400, 600)),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found_in_full_and_in_the_quick_form(name: str) -> None:
    check, plant = LEAKS[name]
    recording = plant()
    found = findings(recording)[check]
    assert (found.verdict, bool(found.meaning), bool(found.advice)) == ("leak", True, True), found
    assert verdicts(recording, QUICK)[check] == "leak"


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_without_a_leak_is_clean(name: str) -> None:
    recording = TWINS[name]()
    assert verdicts(recording) == {}
    assert verdicts(recording, QUICK) == {}


@pytest.mark.parametrize(
    ("check", "recording"),
    [
        (SCALED, lambda: session(calcium() / calcium().mean(0))),
        (SWAPPED, lambda: session(noise(3000, 30).T.copy())),
        (SMOOTHED, lambda: session(averaged(noise(), gaussian(0.8)))),
        ("deconvolved calcium", lambda: session(counts(rate=0.2) * noise(seed=1))),
        ("denoised calcium", lambda: session(decaying(counts(rate=0.2) * noise(seed=1), 0.95))),
        ("bins filled by copying", lambda: session(np.repeat(calcium(1500), 2, axis=0)[np.arange(3000) % 20 > 1])),
        ("behavior scaled by the whole", lambda: foretold(counts(), z_scored(noise())[:, 0])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_could_also_be_signal_is_suspicious(check: str, recording: Callable[[], Session]) -> None:
    found = findings(recording())[check]
    assert found.verdict == "suspicious"
    assert found.meaning
    assert found.advice


def test_what_was_measured_names_units_bins_and_numbers() -> None:
    shifted = findings(LEAKS["a shifted trace"][1]())[SHIFTED].measured
    assert "r = 0.9" in shifted
    assert "u7 after u3 by 2" in shifted
    copied = findings(LEAKS["a copy"][1]())[COPIED].measured
    assert "u7 and u3" in copied
    seen = findings(LEAKS["test pasted from train"][1]())[SEEN].measured
    assert "such as bin 2,600, which repeats bin 300" in seen
    boxcar = findings(LEAKS["boxcar of 5"][1]())[SMOOTHED].measured
    assert "at 0.199" in boxcar or "at 0.4" in boxcar  # the zeros of five bins
    mean = findings(LEAKS["behavior is the mean"][1]())[NEXT_POPULATION].measured
    assert "speed leaves 0.0%" in mean
    averages = findings(LEAKS["means of counts"][1]())[COUNTS].measured
    assert averages == "every value is a multiple of 1/20"


@pytest.mark.parametrize(
    "recording",
    [
        lambda: session(counts(30, 3)),
        lambda: session(counts(3, 30)),
        lambda: session(noise(1, 1)),
        lambda: session(np.zeros((500, 4))),
        lambda: session(np.full((500, 4), 7)),
        lambda: session(np.eye(40, dtype=int)),
        lambda: session(with_unit(counts(), np.zeros(3000, dtype=int)), segments=[(0, 1), (5, 7), (10, 2000)]),
        lambda: foretold(counts(), np.full(3000, np.nan)),
        lambda: foretold(counts(), np.where(np.arange(3000) % 7, np.nan, 1.0)),
        lambda: session(1e30 * noise()),
        lambda: session(1e-30 * noise()),
    ],
)
def test_odd_recordings_are_no_leak_and_no_error(recording: Callable[[], Session]) -> None:
    assert "leak" not in verdicts(recording()).values()
