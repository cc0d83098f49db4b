"""Every model on five recordings."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from experiments._study import Job, Study, main, tiny
from synapsnet.configuration import conf_folder
from synapsnet.data.training_command import quoted

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


def first_runs(data: Path, recordings: Collection[str]) -> list[Job]:
    """The runs of every model on some recordings, of the first seed, for studies that go on with them."""
    return [replace(job, seeds=SEEDS[:1]) for job in jobs(data) if job.folder.name in recordings]


STUDY = Study("forecasting", jobs, quick=tiny(MODELS), recordings=tuple(RECORDINGS))

if __name__ == "__main__":
    sys.exit(main(STUDY))
