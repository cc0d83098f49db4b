"""Every model on five recordings."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from experiments._study import Job, Study, main, tiny
from synapsnet.configuration import conf_folder
from synapsnet.data.training_command import quoted

MODELS = sorted(path.stem for path in (conf_folder() / "model").glob("*.yaml"))
RECORDINGS: Mapping[str, tuple[tuple[str, ...], int]] = {  # settings and number of seeds
    "spikes_m1": (("data=neuropixels", "data.min_rate=0.02"), 3),
    "neuropixels_v1": (("data=neuropixels", "data.bin_width_s=0.02"), 1),
    "calcium_worm": (("data=calcium",), 3),
    "calcium_a1": (("data=calcium",), 1),
    "calcium_ca1": (("data=calcium",), 1),
}


def jobs(data: Path) -> list[Job]:
    """Every model on every recording, with its own default hyper-parameters."""
    return [
        Job(
            Path(model, name),
            tuple(range(n_seeds)),
            (f"model={model}", *settings, f"data.root={quoted(str(data / name))}"),
        )
        for name, (settings, n_seeds) in RECORDINGS.items()
        for model in MODELS
    ]


STUDY = Study("forecasting", jobs, quick=tiny(MODELS), recordings=tuple(RECORDINGS))

if __name__ == "__main__":
    sys.exit(main(STUDY))
