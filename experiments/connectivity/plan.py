"""The runs of the study: which model on which part of which recording, with which seeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

METHODS = ("correlation", "lagged_correlation", "partial_correlation", "granger", "transfer_entropy")
HALVES = ("first_half", "second_half")
SURROGATE = "circular_shift"


@dataclass(frozen=True)
class Recording:
    """A recording of the study.

    Attributes:
        name: Its folder, and its name in tables.
        settings: Overrides of the section ``data``.
        models: Those that are fitted to it, of `MODELS`.
        seeds: Seeds of the gradient-trained models on the whole.
    """

    name: str
    settings: tuple[str, ...]
    models: tuple[str, ...]
    seeds: tuple[int, ...]


ALL = ("var", "lasso_var", "synapsnet", "glm", "synapsnet_sparse")
FEWER = ("var", "synapsnet", "synapsnet_sparse")
RECORDINGS = (
    Recording("calcium_worm", ("data=calcium",), ALL, (0, 1, 2)),
    Recording("spikes_m1", ("data=neuropixels", "data.min_rate=0.02"), ALL, (0, 1, 2)),
    Recording("calcium_a1", ("data=calcium",), FEWER, (0, 1)),
    Recording("neuropixels_v1", ("data=neuropixels", "data.bin_width_s=0.02"), FEWER, (0, 1)),
)
RING = "ring"  # the simulated network whose units have a place


@dataclass(frozen=True)
class Fit:
    """How a model is fitted.

    Attributes:
        trained: Whether by gradient, and then with several seeds; what is fitted by formula, or converges, has no luck
            of the seed to average.
        surrogates: Seeds of the surrogates; the fit has the same.
        methods: Methods without a model to estimate beside it.
    """

    trained: bool
    surrogates: tuple[int, ...]
    methods: tuple[str, ...] = ()


MODELS: Mapping[str, Fit] = {
    "var": Fit(trained=False, surrogates=(0, 1, 2), methods=METHODS),
    "lasso_var": Fit(trained=False, surrogates=()),
    "synapsnet": Fit(trained=True, surrogates=(0, 1)),
    "glm": Fit(trained=False, surrogates=()),
    "synapsnet_sparse": Fit(trained=True, surrogates=(0, 1)),
}


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
    """Every run of the study; more seeds of what is there already come last.

    Args:
        data: Folder of the recordings.
    """
    runs, more = [], []
    for model, fit in MODELS.items():
        for recording in RECORDINGS:
            if model not in recording.models:
                continue
            root = (*recording.settings, f"data.root={data / recording.name}")
            given = (*root, f"method=[{','.join(fit.methods)}]")
            runs += [_run(model, recording.name, 0, given)]
            runs += [_run(model, recording.name, 0, given, part=part) for part in HALVES]
            runs += [_run(model, recording.name, seed, given, surrogate=SURROGATE) for seed in fit.surrogates]
            more += [_run(model, recording.name, seed, given) for seed in recording.seeds[1:] if fit.trained]
    runs.append(_run("synapsnet_sparse", RING, 0, ("data=simulated", f"data/network={RING}")))
    return runs + more


def _run(
    model: str, recording: str, seed: int, given: tuple[str, ...], *, part: str = "all", surrogate: str = "none"
) -> Run:
    settings = (f"model={model}", *given, f"data.train_part={part}", f"data.surrogate={surrogate}", f"seed={seed}")
    return Run(model, recording, part, surrogate, seed, settings)
