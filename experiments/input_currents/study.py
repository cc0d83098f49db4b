"""SynapsNet on three recordings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from experiments._study import Job, Study, main, tiny
from synapsnet.data.training_command import quoted

MODELS = ("synapsnet",)
RECORDED: Mapping[str, tuple[str, ...]] = {
    "spikes_m1": ("data=neuropixels", "data.min_rate=0.02"),
    "calcium_worm": ("data=calcium",),
}
SIMULATED = "rate_heterogeneous"


def jobs(data: Path) -> list[Job]:
    """Every recording, with the defaults of the model."""
    settings = {name: (*given, f"data.root={quoted(str(data / name))}") for name, given in RECORDED.items()}
    settings[SIMULATED] = ("data=simulated", f"data/network={SIMULATED}")
    return [
        Job(Path(model, name), (0,), (f"model={model}", *given)) for name, given in settings.items() for model in MODELS
    ]


STUDY = Study("input_currents", jobs, quick=tiny(MODELS), recordings=tuple(RECORDED))

if __name__ == "__main__":
    sys.exit(main(STUDY))
