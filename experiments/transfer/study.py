"""One animal after the other is left out: train on the others, then transfer to it, against training from scratch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments._study import TINY, Job, Study, add_to_runs, main, tiny
from experiments.transfer.probe import FILE, write_probe
from synapsnet.command_line import quoted

MODEL = "synapsnet"
JOINT, TRANSFER, SCRATCH = "joint", "transfer", "scratch"
"""Ways of training: on all other animals; on the animal with the decoders of these; on the animal alone."""
BUDGET = ("trainer.max_steps=100", "callbacks.early_stopping=null")
"""That of one animal. An epoch of a minute is a single step, so patience in epochs would end within the warm-up."""


@dataclass(frozen=True)
class Recordings:
    """Recordings of several animals, or of several sessions.

    Attributes:
        animals: Names of the files, without suffix.
        minutes: Minutes of the train split that are used; None for all of them.
        settings: Overrides for ``train.py``.
    """

    animals: tuple[str, ...]
    minutes: tuple[float | None, ...]
    settings: tuple[str, ...]


RECORDINGS: Mapping[str, Recordings] = {
    "calcium_worm": Recordings(
        ("2022-07-26-31", "2022-07-26-38", "2022-07-27-31", "2022-07-27-38", "2022-07-27-45"),
        (1, 2, 4, None),
        ("data=calcium", "data.inputs=increments"),
    ),
    "neuropixels_v1": Recordings(
        ("Cori_2016-12-14", "Cori_2016-12-17", "Cori_2016-12-18", "Forssmann_2017-11-01"),
        (0.125, 0.25, 0.5, None),
        ("data=neuropixels", "data.inputs=levels", "data.bin_width_s=0.02"),
    ),
}


def jobs(data: Path) -> list[Job]:
    """For every animal, one run on all others, and two for each number of minutes."""
    found = []
    for name, of in RECORDINGS.items():
        files = {animal: str(data / name / f"{animal}.npz") for animal in of.animals}
        common = (f"model={MODEL}", *of.settings, f"data.name={name}")
        for animal, file in files.items():
            others = [path for path in files.values() if path != file]
            joint = Job(Path(JOINT, f"{name}-{animal}"), (0,), (*common, f"data.root={quoted(others)}"))
            found += [joint, *_of_animal(joint, of.minutes, (*common, *BUDGET, f"data.root={quoted(file)}"))]
    return found


def _of_animal(joint: Job, minutes: Sequence[float | None], settings: tuple[str, ...]) -> Iterator[Job]:
    for amount in minutes:
        name = f"{joint.folder.name}-{'all' if amount is None else f'{amount:g}min'}"
        given = (*settings, f"data.train_minutes={quoted(amount)}")
        yield Job(Path(SCRATCH, name), (0,), given)
        shared = ("mode=transfer", "ckpt_path={before}/checkpoints/best.ckpt")
        yield Job(Path(TRANSFER, name), (0,), (*given, *shared), before=joint.folder)


def _quick() -> list[Job]:
    """Two simulated networks, each of which is the other of the other."""
    small = ("model.unobserved=[0,4]", "data.inputs=levels", f"data.name={TINY}")
    found = []
    for animal, other in ((0, 1), (1, 0)):
        (one,), (left_out,) = (tiny([MODEL], *small, f"data.network_seed={network}") for network in (other, animal))
        joint = Job(Path(JOINT, f"{TINY}-{animal}"), (0,), one.settings)
        found += [joint, *_of_animal(joint, (0.2, None), left_out.settings)]
    return found


def add_probes(out: Path) -> None:
    """Probe the embeddings of every joint run."""
    joint = [path.name for path in sorted((out / JOINT).iterdir())]
    add_to_runs(out, joint, seed=0, file=FILE, write=write_probe)


STUDY = Study("transfer", jobs, quick=_quick(), recordings=tuple(RECORDINGS), by_recording=True)

if __name__ == "__main__":
    sys.exit(main(STUDY, then=add_probes))
