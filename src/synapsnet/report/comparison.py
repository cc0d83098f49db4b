"""Runs that can be compared: blocks of one task, and in each a row for every model, over its seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synapsnet.plain import Plain
from synapsnet.report.study import ending, scores
from synapsnet.results import Run

Settings = Mapping[str, Plain]

PRIMARY = "median_gain"
"""The score by which rows are sorted."""

_FREE = (
    *("data.root", "data.name", "data.in_memory"),
    *("trainer.accelerator", "trainer.cuda_graphs", "trainer.devices", "transfer.sha256"),
)
_OF_FIT = ("data.batch_size", "data.window_bins", "data.inputs", "data.slow_s", "data.train_part", "data.train_minutes")
_USUAL = {
    "data.train_part": "all",
    "data.train_minutes": None,
    "data.surrogate": "none",
    "transfer.checkpoint": None,
}
_UNSAID = object()
_SECTIONS = ("model", "likelihood", "optimizer", "trainer", "monitor", "transfer")
_STOPPING = "callbacks.early_stopping."
_MOST_LETTERS = 60


@dataclass(frozen=True)
class Row:
    """Runs of one model that differ by their seeds alone.

    Attributes:
        name: The model, and the settings by which it differs from other rows of that model.
        runs: The runs, by seed.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def cut(self) -> bool:
        """True if the clock ended one of them."""
        return any(of is not None and of.cut for of in map(ending, self.runs))

    def values(self, metric: str) -> list[float]:
        """A score of each run, averaged over sessions; NaN where undefined."""
        return [scores(run).get(metric, math.nan) for run in self.runs]

    def mean(self, metric: str) -> float:
        """A score averaged over seeds; undefined where it is in one of them."""
        return float(np.mean(self.values(metric)))

    @property
    def by_formula(self) -> bool:
        """True if the model is fitted by formula, so that its seed changes nothing."""
        endings = [ending(run) for run in self.runs]
        return all(of is not None and of.reason == "formula" for of in endings)


@dataclass(frozen=True)
class Block:
    """Runs on one recording whose settings of the data are the same.

    Attributes:
        title: The recording, and the settings by which it differs from other blocks of that recording.
        rows: One for each model and variant.
    """

    title: str
    rows: tuple[Row, ...]

    @property
    def ranked(self) -> list[Row]:
        """The rows, the largest median gain first; rows without one come last."""
        gains = {row: row.mean(PRIMARY) for row in self.rows}
        return sorted(self.rows, key=lambda row: (math.isnan(gains[row]), -gains[row], row.name))

    def flaws(self, row: Row) -> list[str]:
        """The reasons why a row cannot be the best: seeds are missing, or the clock ended a run."""
        planned = {run.seed for of in self.rows for run in of.runs}
        done = {run.seed for run in row.runs}
        short = [] if row.by_formula or done == planned else [f"{len(done)} of {len(planned)} seeds"]
        return [*short, *(["cut by the clock"] if row.cut else [])]


def blocks(runs: Iterable[Run]) -> list[Block]:
    """Sort runs into blocks, in order of their titles."""
    found = []
    for recording, of_recording in _by(runs, lambda run: run.recording).items():
        for title, task in _variants(recording, of_recording, _task).items():
            rows = []
            for model, of_model in _by(task, lambda run: run.model_name).items():
                variants = _variants(model, of_model, _variant)
                rows += [Row(name, tuple(sorted(of, key=lambda run: run.seed))) for name, of in variants.items()]
            found.append(Block(title, tuple(sorted(rows, key=lambda row: row.name))))
    return sorted(found, key=lambda block: block.title)


def _variants(name: str, runs: Sequence[Run], settings_of: Callable[[Run], Settings]) -> dict[str, list[Run]]:
    """Runs by a name that tells apart those of other settings."""
    settings = [settings_of(run) for run in runs]
    apart = _apart(settings)
    found: dict[str, list[Run]] = {}
    for run, of in zip(runs, settings, strict=True):
        said = ", ".join(f"{key}={of.get(key)}" for key in apart if of.get(key) != _USUAL.get(key, _UNSAID))
        found.setdefault(f"{name}, {said}" if said else name, []).append(run)
    return {_shortened(title, place): of for place, (title, of) in enumerate(found.items(), 1)}


def _apart(settings: Sequence[Settings]) -> list[str]:
    """Keys that tell settings apart; of those that do it alike, as a rate and one that follows it, the shortest."""
    shortest: dict[tuple[int, ...], str] = {}
    for key in dict.fromkeys(key for of in settings for key in of):
        values = [repr(of.get(key)) for of in settings]
        alike = tuple(values.index(value) for value in values)
        if any(alike) and len(key) < len(shortest.get(alike, f"{key} ")):
            shortest[alike] = key
    return list(shortest.values())


def _shortened(title: str, place: int) -> str:
    return title if len(title) <= _MOST_LETTERS else f"{title[:_MOST_LETTERS]}… (variant {place})"


def _task(run: Run) -> Settings:
    """Settings that decide which bins are scored, of what."""

    def kept(key: str) -> bool:
        return key.startswith("data.") and key not in (*_FREE, *_OF_FIT) and not key.endswith("seed")

    return run.settings(kept)


def _variant(run: Run) -> Settings:
    """Settings that decide how a model is fitted."""

    def kept(key: str) -> bool:
        of_section = key.partition(".")[0] in _SECTIONS and key not in _FREE
        return of_section or key in _OF_FIT or key.startswith(_STOPPING)

    return run.settings(kept)


def _by(runs: Iterable[Run], key: Callable[[Run], str]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return found
