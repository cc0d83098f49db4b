"""Every model on five recordings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from experiments._study import Job, Study, add_to_runs, main, tiny
from synapsnet.configuration import conf_folder
from synapsnet.data.training_command import quoted
from synapsnet.results import Run

MODELS = sorted(path.stem for path in (conf_folder() / "model").glob("*.yaml"))
BY_FORMULA = ("ar", "glm", "lasso_var", "mean", "persistence", "var")  # no seed changes them, so one run each
SEEDS = (0, 1, 2)
RECORDINGS: Mapping[str, tuple[str, ...]] = {
    "spikes_m1": ("data=neuropixels", "data.min_rate=0.02"),
    "neuropixels_v1": ("data=neuropixels", "data.bin_width_s=0.02"),
    "calcium_worm": ("data=calcium",),
    "calcium_a1": ("data=calcium",),
    "calcium_ca1": ("data=calcium",),
}


def jobs(data: Path) -> list[Job]:
    """Every model on every recording, with its own default hyper-parameters."""
    return [
        Job(
            Path(model, name),
            SEEDS[:1] if model in BY_FORMULA else SEEDS,
            (f"model={model}", *settings, f"data.root={quoted(str(data / name))}"),
        )
        for name, settings in RECORDINGS.items()
        for model in MODELS
    ]


STUDY = Study("forecasting", jobs, quick=tiny(MODELS), recordings=tuple(RECORDINGS), by_recording=True)


def going_on(name: str, recordings: tuple[str, ...]) -> Study:
    """A study that goes on with the first seed of this one's runs on some recordings."""

    def first(data: Path) -> list[Job]:
        return [replace(job, seeds=SEEDS[:1]) for job in jobs(data) if job.folder.name in recordings]

    return Study(name, first, STUDY.quick, recordings, runs_of=STUDY.name, by_recording=True)


def main_of(study: Study, file: str, write: Callable[[Run], None]) -> int:
    """The command of a study that `going_on` made: do the missing runs, and add a file to each.

    Args:
        study: The study.
        file: Name of the file.
        write: Writes it into the folder of a run.
    """
    add = partial(add_to_runs, recordings=study.recordings, seed=SEEDS[0], file=file, write=write)
    return main(study, then=add)


if __name__ == "__main__":
    sys.exit(main(STUDY))
