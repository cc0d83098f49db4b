"""Runs that can be compared: blocks of one task, and in each a row for every model, over its seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from synapsnet.plain import Plain
from synapsnet.report.study import ending
from synapsnet.results import Run

Settings = Mapping[str, Plain]

_FREE = ("data.root", "data.name", "data.in_memory", "trainer.accelerator", "trainer.devices", "transfer.sha256")
_OF_FIT = ("data.batch_size", "data.window_bins", "data.inputs", "data.slow_s", "data.train_part", "data.train_minutes")
_USUAL = {
    "data.train_part": "all",
    "data.train_minutes": None,
    "data.surrogate": "none",
    "transfer.checkpoint": None,
}
_UNSAID = object()
_SECTIONS = ("model", "likelihood", "optimizer", "trainer", "monitor", "transfer")
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
    keys = list(dict.fromkeys(key for of in settings for key in of))
    apart = [key for key in keys if len({repr(of.get(key)) for of in settings}) > 1]
    found: dict[str, list[Run]] = {}
    for run, of in zip(runs, settings, strict=True):
        said = ", ".join(f"{key}={of.get(key)}" for key in apart if of.get(key) != _USUAL.get(key, _UNSAID))
        found.setdefault(f"{name}, {said}" if said else name, []).append(run)
    return {_shortened(title, place): of for place, (title, of) in enumerate(found.items(), 1)}


def _shortened(title: str, place: int) -> str:
    return title if len(title) <= _MOST_LETTERS else f"{title[:_MOST_LETTERS]}… (variant {place})"


def _task(run: Run) -> Settings:
    """Settings that decide which bins are scored, of what."""

    def kept(key: str) -> bool:
        return key.startswith("data.") and key not in (*_FREE, *_OF_FIT) and not key.endswith("seed")

    return run.settings(kept)


def _variant(run: Run) -> Settings:
    """Settings that decide how a model is fitted."""
    return run.settings(lambda key: key in _OF_FIT or (key.partition(".")[0] in _SECTIONS and key not in _FREE))


def _by(runs: Iterable[Run], key: Callable[[Run], str]) -> dict[str, list[Run]]:
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(key(run), []).append(run)
    return found
