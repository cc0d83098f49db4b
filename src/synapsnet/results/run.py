"""A finished run: opened, read, found below a folder and compared with others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from synapsnet.errors import UserError, one_line
from synapsnet.plain import Plain, read_plain_yaml
from synapsnet.results import files
from synapsnet.results.connectivity import Connectivity, read_connectivity
from synapsnet.results.ending import Ending
from synapsnet.results.traces import Traces, read_traces
from synapsnet.session import Signal

if TYPE_CHECKING:
    from synapsnet.metrics import TimeBlocks

BUDGET = ("trainer.max_steps", "trainer.max_epochs", "trainer.limit_train_batches")
"""Settings that determine how long a model is trained."""


@dataclass(frozen=True)
class Run:
    """A finished run, or an evaluation of one; files are read on demand.

    Attributes:
        folder: Its folder.

    Raises:
        UserError: from any attribute whose file is missing or cannot be read.
    """

    folder: Path

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        object.__setattr__(self, "folder", Path(folder))

    @cached_property
    def config(self) -> Mapping[str, Plain]:
        """The resolved configuration."""
        path = self._file(files.CONFIG)
        config = read_plain_yaml(path)
        for section, names in (("choices", ("model",)), ("data", ("name", "root"))):
            settings = config.get(section)
            missing = [name for name in names if not isinstance(settings, dict) or name not in settings]
            if missing:
                raise UserError(f"{path}: no {section}.{missing[0]}; it is not the configuration of a run")
        return config

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return str(self.config["choices"]["model"])

    @property
    def data(self) -> Mapping[str, Any]:
        """Settings of the recording and of the part that was fitted."""
        data: Mapping[str, Any] = self.config["data"]
        return data

    @property
    def recording(self) -> str:
        """Name of the recording."""
        return str(self.data["name"])

    @property
    def signal(self) -> Signal | None:
        """Kind of recording; None for a simulated network, because its settings do not say."""
        signal: Signal | None = self.data.get("signal")
        return signal

    @property
    def seed(self) -> int:
        """Seed of the fit."""
        return int(self.config.get("seed", 0))

    @property
    def is_evaluation(self) -> bool:
        """True if a checkpoint of another run was tested; the configuration does not describe what it was fitted to."""
        return self.config.get("mode") == "test"

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The content of ``test_metrics.json``."""
        path = self._file(files.SCORES)
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: cannot be read: {one_line(error)}") from error
        if not isinstance(facts, dict):
            raise UserError(f"{path}: not the scores of a run")
        return facts

    def fact(self, name: str) -> Any:
        """One entry of ``test_metrics.json``, such as ``fit_seconds``.

        Raises:
            UserError: if it does not exist.
        """
        if name not in self.facts:
            raise UserError(f"{self.folder / files.SCORES}: no {name}; run it again")
        return self.facts[name]

    @property
    def scores(self) -> pd.DataFrame:
        """Scores of the test split: one row per session, one column per metric, NaN where undefined."""
        return pd.DataFrame.from_dict(self.fact("sessions"), orient="index", dtype=float).rename_axis("session")

    @property
    def summary(self) -> pd.DataFrame:
        """Scores over sessions: one row per metric, columns ``mean`` and ``sem`` (standard error)."""
        return pd.DataFrame({name: self.fact(name) for name in ("mean", "sem")}, dtype=float).rename_axis("metric")

    @property
    def unit_scores(self) -> pd.DataFrame:
        """Scores of the test split: one row per unit, with columns ``session`` and ``unit_id``."""
        return _read_table(self._file(files.UNIT_SCORES))

    @property
    def has_time_blocks(self) -> bool:
        """True if the log-likelihood was kept in blocks of time."""
        return (self.folder / files.TIME_BLOCKS).is_file()

    @property
    def time_blocks(self) -> dict[str, TimeBlocks]:
        """Log-likelihood of every unit in blocks of time, by session id."""
        from synapsnet.results.time_blocks import read_time_blocks  # slow, because of torch

        return read_time_blocks(self._file(files.TIME_BLOCKS))

    @property
    def has_traces(self) -> bool:
        """True if recorded and forecast activity was kept."""
        return (self.folder / files.TRACES).is_file()

    @property
    def traces(self) -> list[Traces]:
        """Recorded and forecast activity of a few units of each session."""
        return read_traces(self._file(files.TRACES))

    @property
    def recovery(self) -> pd.DataFrame:
        """Scores of the connectivity against a known truth: one row per session and method."""
        return _read_table(self._file(files.RECOVERY))

    @property
    def stopped(self) -> Ending | None:
        """The reason why training ended; None if the tested checkpoint was written before the end."""
        stopped = self.fact("stopped")
        return None if stopped is None else Ending.from_dict(stopped)

    @property
    def has_connectivity(self) -> bool:
        """True if a connectivity was estimated."""
        return (self.folder / files.CONNECTIVITY).is_file()

    def connectivities(self, *, per_lag: bool = False) -> dict[str, Connectivity]:
        """Connectivity of every session, by session id; see `read_connectivity`."""
        self._file(files.SCORES)
        if not self.has_connectivity:
            raise UserError(
                f"{self.folder}: {self.model_name} estimated no connectivity here, so there is none to read"
            )
        return read_connectivity(self._file(files.CONNECTIVITY), per_lag=per_lag)

    def connectivity(self, session_id: str) -> Connectivity:
        """Connectivity of one session, including the matrices by lag."""
        sessions = self.connectivities(per_lag=True)
        if session_id not in sessions:
            raise UserError(f"{self.folder}: no session {session_id!r} among {', '.join(sessions)}")
        return sessions[session_id]

    def checkpoint(self, name: str) -> Path:
        """The file of the ``best`` or the ``last`` checkpoint.

        Raises:
            UserError: if it does not exist; an evaluation has none.
        """
        return self._file(str(files.checkpoint(Path(), name)))

    @property
    def evaluations(self) -> list[Run]:
        """Tests of this run's checkpoints on other data or of another checkpoint, by name."""
        folder = self.folder / files.EVALUATIONS
        return [Run(path.parent) for path in sorted(folder.glob(f"*/{files.SCORES}"))]

    def settings(self, keep: Callable[[str], bool]) -> dict[str, Plain]:
        """Settings of the configuration by their dotted names, restricted to those for which ``keep`` returns True."""
        return {name: value for name, value in flat(self.config).items() if keep(name)}

    def _file(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise UserError(f"{self.folder}: not a whole run folder: no {name}")
        return path


def runs(*folders: str | os.PathLike[str]) -> list[Run]:
    """Every finished run at or below some folders, without evaluations, in order of their names.

    Raises:
        UserError: if a folder does not exist, or a configuration cannot be read.
    """
    return [run for run in map(Run, run_folders(*folders)) if not run.is_evaluation]


def run_folders(*folders: str | os.PathLike[str]) -> list[Path]:
    """Folders of finished runs and evaluations at or below some folders, in order of their names.

    Raises:
        UserError: if a folder does not exist.
    """
    found: set[Path] = set()
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; name run folders, or folders that hold them")
        inside = (path.relative_to(folder) for path in folder.rglob(files.SCORES))
        # Results of unfinished runs are in hidden folders.
        found |= {(folder / path).parent.resolve() for path in inside if not any(p.startswith(".") for p in path.parts)}
    return sorted(found)


def require_alike(first: Run, other: Run, keep: Callable[[str], bool]) -> None:
    """Refuse two runs that differ in any of the compared settings.

    Args:
        first: One run.
        other: The other.
        keep: Returns True if a setting, given by its dotted name, is compared.

    Raises:
        UserError: with the first setting that differs.
    """
    ours, theirs = first.settings(keep), other.settings(keep)
    for name in sorted(ours.keys() | theirs.keys()):
        values = ours.get(name), theirs.get(name)
        if values[0] != values[1]:
            raise UserError(
                f"{first.folder} and {other.folder} differ in {name} ({values[0]} and {values[1]}), so that their "
                "results cannot be compared; name runs of one setting alone, or run both alike"
            )


def flat(settings: Mapping[str, Plain], prefix: str = "") -> dict[str, Plain]:
    """Settings by their dotted names."""
    named: dict[str, Plain] = {}
    for name, value in settings.items():
        named |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return named


def _read_table(path: Path) -> pd.DataFrame:
    try:
        # A unit may be called NA.
        return pd.read_csv(path, dtype={"session": str, "unit_id": str}, keep_default_na=False, na_values=[""])
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {one_line(error)}") from error
