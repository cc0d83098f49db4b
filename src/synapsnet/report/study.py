"""The runs below some folders: finished, unfinished, and those that cannot be read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapsnet.errors import UserError, one_line
from synapsnet.results import Run
from synapsnet.results.ending import Ending
from synapsnet.results.files import CONFIG, FAILURE, SCORES
from synapsnet.results.run import run_folders


@dataclass(frozen=True)
class Study:
    """All that was found.

    Attributes:
        folders: The folders that were named.
        runs: Finished runs, in order of their names.
        unfinished: Folders of runs without results, with a reason.
        left_out: Reasons why folders with results are not shown.
    """

    folders: Sequence[Path]
    runs: Sequence[Run]
    unfinished: Sequence[tuple[Path, str]]
    left_out: Sequence[str]

    def name(self, folder: Path) -> str:
        """A run folder as seen from the folder that was named."""
        for root in self.folders:
            if folder != root.resolve() and folder.is_relative_to(root.resolve()):
                return str(folder.relative_to(root.resolve()))
        return folder.name


def open_study(folders: Sequence[Path]) -> Study:
    """Find the runs at or below some folders.

    Raises:
        UserError: if a folder does not exist, or none holds a run that can be read.
    """
    found, left_out = [], []
    for run in map(Run, run_folders(*folders)):
        try:
            if not run.is_evaluation:
                found.append(_checked(run))
        except (UserError, ValueError, TypeError, OverflowError) as error:
            left_out.append(f"left out {run.folder}: {one_line(error)}")
    unfinished = _unfinished(folders)
    if not found and not unfinished:
        where = ", ".join(map(str, folders))
        raise UserError(left_out[0] if left_out else f"{where}: no run there; a run leaves {CONFIG} and {SCORES}")
    return Study(folders, found, unfinished, left_out)


def _checked(run: Run) -> Run:
    """Read what every section needs, so that a damaged file leaves out its run alone."""
    int(run.seed), run.facts
    if run.signal not in (None, "spikes", "calcium"):
        raise UserError(f"{run.folder / CONFIG}: data.signal is {run.signal!r}, neither spikes nor calcium")
    for name, section in (("trainer", run.config.get("trainer")), ("data.degradation", run.data.get("degradation"))):
        if section is not None and not isinstance(section, Mapping):
            raise UserError(f"{run.folder / CONFIG}: {name} is no section")
    return run


def _unfinished(folders: Sequence[Path]) -> list[tuple[Path, str]]:
    found = {}
    for folder in {path.parent.resolve() for name in (CONFIG, FAILURE) for path in _visible(folders, name)}:
        if not (folder / SCORES).is_file():
            failure = folder / FAILURE
            try:
                if failure.is_file():
                    lines = failure.read_text(encoding="utf-8", errors="replace").split("\n")
                    found[folder] = f"failed: {next((line for line in reversed(lines) if line.strip()), 'no reason')}"
                elif Run(folder).config:
                    found[folder] = "not finished; the command that began it continues it"
            except (UserError, OSError):  # the configuration of something else
                continue
    return sorted(found.items())


def _visible(folders: Sequence[Path], name: str) -> list[Path]:
    inside = [(folder, path.relative_to(folder)) for folder in folders for path in folder.rglob(name)]
    return [folder / path for folder, path in inside if not any(part.startswith(".") for part in path.parts)]


def scores(run: Run) -> dict[str, float]:
    """Mean over sessions of each score of a run; NaN where undefined, and nothing where there are none."""
    return _numbers(run.facts.get("mean"))


def fact(run: Run, name: str) -> float:
    """A number among the facts of a run; NaN where there is none."""
    return _numbers(run.facts).get(name, math.nan)


def ending(run: Run) -> Ending | None:
    """The reason why training ended; None where it is not said."""
    try:
        return run.stopped
    except (UserError, KeyError, TypeError, ValueError):
        return None


def n_sessions(run: Run) -> int:
    """Number of sessions that were scored; 0 where it is not said."""
    sessions = run.facts.get("sessions")
    return len(sessions) if isinstance(sessions, Mapping) else 0


def texts(run: Run, name: str) -> dict[str, str]:
    """A mapping of texts among the facts of a run, such as ``versions``; empty where there is none."""
    found = run.facts.get(name)
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}


def _numbers(values: Any) -> dict[str, float]:
    if not isinstance(values, Mapping):
        return {}
    numbers = {str(name): math.nan if value is None else value for name, value in values.items()}
    return {name: float(value) for name, value in numbers.items() if type(value) is int or isinstance(value, float)}
