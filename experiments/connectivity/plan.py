"""The runs of the study: which model on which part of which recording, with which seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

METHODS = ("correlation", "lagged_correlation", "partial_correlation", "granger", "transfer_entropy")
HALVES = ("first_half", "second_half")


@dataclass(frozen=True)
class Recording:
    """A recording of the study.

    Attributes:
        name: Its folder, and its name in tables.
        settings: Overrides of the section ``data``.
        half_seeds: Seeds of the gradient-trained models on each half.
    """

    name: str
    settings: tuple[str, ...]
    half_seeds: tuple[int, ...]


RECORDINGS = (
    Recording("spikes_m1", ("data=neuropixels", "data.min_rate=0.02"), (0, 1, 2)),
    Recording("calcium_worm", ("data=calcium",), (0, 1, 2)),
    Recording("calcium_a1", ("data=calcium",), (0,)),
    Recording("neuropixels_v1", ("data=neuropixels", "data.bin_width_s=0.02"), (0,)),
)
RING = "ring"  # the simulated network whose units have a place


@dataclass(frozen=True)
class Fit:
    """Which fits of a recording a model is given; the seed of a surrogate is that of its fit."""

    whole: tuple[int, ...]
    halves: tuple[int, ...] | None
    surrogates: tuple[int, ...]
    methods: tuple[str, ...] = ()


MODELS: Mapping[str, Fit] = {
    "var": Fit(whole=(0,), halves=(0,), surrogates=(0, 1, 2, 3, 4), methods=METHODS),
    "synapsnet": Fit(whole=(0, 1, 2), halves=None, surrogates=(0, 1)),
    "synapsnet_sparse": Fit(whole=(0, 1, 2), halves=None, surrogates=(0, 1)),
    "lasso_var": Fit(whole=(0,), halves=(0,), surrogates=()),
    "glm": Fit(whole=(0,), halves=(0,), surrogates=()),
}
"""``halves=None`` leaves the seeds to the recording. What is fitted by formula has no luck of the seed to average."""


@dataclass(frozen=True)
class Run:
    """One run: the folder it makes below the study's, and the settings that make it."""

    model: str
    recording: str
    part: str
    surrogate: str
    seed: int
    settings: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """As ``conf/experiment/connectivity.yaml`` names it."""
        return Path(self.model) / f"{self.recording}-{self.part}-{self.surrogate}" / f"seed{self.seed}"


def planned(data: Path) -> list[Run]:
    """Every run of the study, recording by recording.

    Args:
        data: Folder of the recordings.
    """
    runs = []
    for recording in RECORDINGS:
        root = (*recording.settings, f"data.root={data / recording.name}")
        for model, fit in MODELS.items():
            given = (*root, f"connectivity_methods=[{','.join(fit.methods)}]")
            half_seeds = recording.half_seeds if fit.halves is None else fit.halves
            runs += [_run(model, recording.name, seed, given) for seed in fit.whole]
            runs += [_run(model, recording.name, seed, given, part=part) for part in HALVES for seed in half_seeds]
            runs += [_run(model, recording.name, s, given, surrogate="circular_shift") for s in fit.surrogates]
    return [*runs, _run("synapsnet_sparse", RING, 0, ("data=simulated", f"data/network={RING}"))]


def _run(
    model: str, recording: str, seed: int, given: tuple[str, ...], *, part: str = "all", surrogate: str = "none"
) -> Run:
    settings = (f"model={model}", *given, f"data.train_part={part}", f"data.surrogate={surrogate}", f"seed={seed}")
    return Run(model, recording, part, surrogate, seed, settings)
