"""Models on recordings, on their halves and on surrogates, and the value of edges in each model."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from experiments._study import TINY, Job, Study, main, say, tiny
from experiments.connectivity.removal import FILE, write_edge_removal
from synapsnet.data.training_command import quoted
from synapsnet.results import Run

METHODS = ("correlation", "lagged_correlation", "partial_correlation", "granger", "transfer_entropy")
HALVES = ("first_half", "second_half")
SURROGATE = "circular_shift"


@dataclass(frozen=True)
class Recording:
    """A recording of the study.

    Attributes:
        name: Its folder, and its name in tables.
        settings: Overrides of the section ``data``.
        models: Names of the `MODELS` that are fitted to it.
        seeds: Seeds of the gradient-trained models on the whole recording.
    """

    name: str
    settings: tuple[str, ...]
    models: tuple[str, ...]
    seeds: tuple[int, ...]


ALL = ("var", "lasso_var", "synapsnet", "glm")
FEWER = ("var", "synapsnet")
RECORDINGS = (
    Recording("calcium_worm", ("data=calcium",), ALL, (0, 1, 2)),
    Recording("spikes_m1", ("data=neuropixels", "data.min_rate=0.02"), ALL, (0, 1, 2)),
    Recording("calcium_a1", ("data=calcium",), FEWER, (0, 1)),
    Recording("neuropixels_v1", ("data=neuropixels", "data.bin_width_s=0.02"), FEWER, (0, 1)),
)
RING = "ring"  # the simulated network whose units have a place
REMOVED = ("spikes_m1", "neuropixels_v1", "calcium_a1")  # recordings for edge removal
CONNECTOME = "connectome_worm"  # folder of the anatomy, in the folder of recordings


@dataclass(frozen=True)
class Fit:
    """Settings for fitting a model.

    Attributes:
        trained: True if trained by gradient, and then with several seeds. A model that is fitted by formula, or that
            converges, does not depend on the seed, so there is nothing to average.
        surrogates: Seeds of the surrogates; each fit uses the seed of its surrogate.
        methods: Model-free methods to estimate in the same runs.
    """

    trained: bool
    surrogates: tuple[int, ...]
    methods: tuple[str, ...] = ()


MODELS: Mapping[str, Fit] = {
    "var": Fit(trained=False, surrogates=(0, 1, 2), methods=METHODS),
    "lasso_var": Fit(trained=False, surrogates=()),
    "synapsnet": Fit(trained=True, surrogates=(0, 1)),
    "glm": Fit(trained=False, surrogates=()),
}


def jobs(data: Path) -> list[Job]:
    """Every model on every recording, its halves and its surrogates; additional seeds come last."""
    first, more = [], []
    for model, fit in MODELS.items():
        methods = f"method=[{','.join(fit.methods)}]"
        for recording in RECORDINGS:
            if model in recording.models:
                given = (*recording.settings, f"data.root={quoted(str(data / recording.name))}", methods)
                first += _parts(model, recording.name, given, fit.surrogates)
                more += [_job(model, recording.name, given, recording.seeds[1:])] if fit.trained else []
    return [*first, _job("synapsnet", RING, ("data=simulated", f"data/network={RING}"), (0,)), *more]


def _parts(model: str, recording: str, given: tuple[str, ...], surrogates: tuple[int, ...]) -> list[Job]:
    """The whole, both halves and the surrogates of a recording."""
    jobs = [_job(model, recording, given, (0,), part=part) for part in ("all", *HALVES)]
    return jobs + ([_job(model, recording, given, surrogates, surrogate=SURROGATE)] if surrogates else [])


def _job(
    model: str,
    recording: str,
    given: tuple[str, ...],
    seeds: tuple[int, ...],
    *,
    part: str = "all",
    surrogate: str = "none",
) -> Job:
    settings = (f"model={model}", *given, f"data.train_part={part}", f"data.surrogate={surrogate}")
    # As conf/experiment/connectivity.yaml names it.
    return Job(Path(model, f"{recording}-{part}-{surrogate}"), seeds, settings)


def value_of_edges(out: Path) -> None:
    """Remove edges of SynapsNet on recordings of cortex (seed 0), where this has not been done yet."""
    torch.set_num_threads(1)
    for recording in (*REMOVED, TINY):
        for folder in sorted(out.glob(f"synapsnet*/{recording}-all-none/seed0")):
            if not (folder / FILE).is_file():
                say(f"removing edges of {folder}")
                write_edge_removal(Run(folder))


def _quick() -> list[Job]:
    methods = f"method=[{','.join(METHODS)}]"
    given = tiny(["synapsnet"], methods)[0].settings[1:]
    return _parts("synapsnet", TINY, given, (0, 1))


STUDY = Study(
    "connectivity",
    jobs,
    quick=_quick(),
    recordings=(*(recording.name for recording in RECORDINGS), CONNECTOME),
    by_recording=True,
)

if __name__ == "__main__":
    sys.exit(main(STUDY, then=value_of_edges))
