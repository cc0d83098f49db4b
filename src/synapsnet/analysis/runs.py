"""Run folders that hold a connectivity: found, told apart and read."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.errors import UserError
from synapsnet.plain import read_plain_yaml
from synapsnet.session import Signal

CONFIG, CONNECTIVITY = "config.yaml", "connectivity.npz"
MODEL_KEY, METHOD_KEY = "effective", "method/"

Role = Literal["whole", "first_half", "second_half", "surrogates"]
"""What a fit is for: the matrix itself, one half against the other, or the null."""

_ROLES: Mapping[tuple[str, bool], Role] = {
    ("all", False): "whole",
    ("first_half", False): "first_half",
    ("second_half", False): "second_half",
    ("all", True): "surrogates",
}
# A lone array under this name is a TypeError: it cannot be opened as an archive.
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run.

    Attributes:
        folder: Its folder.
        config: Its resolved configuration.
    """

    folder: Path
    config: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.config["choices"]["model"])

    @property
    def data(self) -> Mapping[str, Any]:
        """Settings of the recording, and of which part of it was fitted."""
        data: Mapping[str, Any] = self.config["data"]
        return data

    @property
    def recording(self) -> str:
        """Name of the recording."""
        return str(self.data["name"])

    @property
    def signal(self) -> Signal | None:
        """Kind of recording; None for a simulated network, whose settings do not say."""
        signal: Signal | None = self.data.get("signal")
        return signal

    @property
    def seed(self) -> int:
        """Seed of the fit."""
        return int(self.config.get("seed", 0))

    @property
    def trained(self) -> bool:
        """Whether the model has a learning rate; what has none is fitted by formula, and its seed changes nothing."""
        return "tuned" in (self.config.get("model") or {})

    @property
    def surrogate(self) -> str:
        """Kind of surrogate with its seed; ``none`` for the recording as it is."""
        kind = str(self.data.get("surrogate", "none"))
        return kind if kind == "none" else f"{kind} {self.data.get('surrogate_seed', self.seed)}"

    @property
    def role(self) -> Role | None:
        """What the fit is for; None for the surrogate of a half, whose null is not that of the whole."""
        return _ROLES.get((str(self.data.get("train_part", "all")), self.surrogate != "none"))


@dataclass(frozen=True, eq=False)
class Fit:
    """What one run says of one session.

    Attributes:
        run: The run.
        estimate: By its model, or by a method without a model.
        inclusion: Probability that an edge is there, ``[post, pre]``; None where the model has none.
        regions: Name of each unit's region; None where the recording does not tell.
    """

    run: Run
    estimate: ConnectivityEstimate
    inclusion: npt.NDArray[np.float64] | None
    regions: list[str] | None


def find_runs(folders: Iterable[Path]) -> list[Run]:
    """Every run at or below the folders that trained a model and left a connectivity, in order of their names.

    Raises:
        UserError: if a folder is not there, a configuration cannot be read, or there is no run at all.
    """
    folders = list(folders)
    found: set[Path] = set()
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; name run folders, or folders that hold them")
        found |= {path.parent.resolve() for path in folder.rglob(CONNECTIVITY)}
    runs = [read_run(folder) for folder in sorted(found) if (folder / CONFIG).is_file()]
    # An evaluation was fitted elsewhere, and its configuration does not say on what.
    runs = [run for run in runs if run.config.get("mode", "train") == "train"]
    if not runs:
        raise UserError(
            f"{', '.join(map(str, folders))}: no run there; a finished one of a model with connectivity leaves "
            f"{CONFIG} and {CONNECTIVITY}"
        )
    return runs


def read_run(folder: Path) -> Run:
    """The run of a folder.

    Raises:
        UserError: if its configuration is not there or says nothing of model and data.
    """
    run = Run(folder, read_config(folder))
    for section, names in (("choices", ("model",)), ("data", ("name", "root"))):
        settings = run.config.get(section)
        missing = [name for name in names if not isinstance(settings, dict) or name not in settings]
        if missing:
            raise UserError(f"{folder / CONFIG}: no {section}.{missing[0]}; it is not the configuration of a run")
    return run


def read_config(folder: Path) -> dict[str, Any]:
    """The resolved configuration of a run.

    Raises:
        UserError: if there is none, or it cannot be read.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"{folder}: not a whole run folder: no {CONFIG}")
    return read_plain_yaml(path)


def read_fits(run: Run, *, methods: bool) -> list[Fit]:
    """The matrices of a run, session by session.

    Args:
        run: The run.
        methods: Whether those of methods without a model are wanted, too.

    Raises:
        UserError: if they cannot be read.
    """
    path = run.folder / CONNECTIVITY
    try:
        # Opened here, for NumPy leaves the file of a torn archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files if _wanted(name.partition("/")[2], methods)}
    except _UNREADABLE as error:
        raise UserError(f"{path}: cannot be read ({type(error).__name__}: {error}); run it again") from error
    fits = []
    for key in arrays:
        session, _, what = key.partition("/")
        if what != MODEL_KEY and not what.startswith(METHOD_KEY):
            continue
        if f"{session}/unit_ids" not in arrays:
            raise UserError(f"{path}: no {session}/unit_ids; run it again")
        try:
            fits.append(_fit(run, session, what, arrays))
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
    return fits


def _fit(run: Run, session: str, what: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Fit:
    def of_model(name: str) -> npt.NDArray[Any] | None:
        return arrays.get(f"{session}/{name}") if what == MODEL_KEY else None

    estimate = ConnectivityEstimate(
        method=run.model if what == MODEL_KEY else what.removeprefix(METHOD_KEY),
        session_id=session,
        unit_ids=tuple(map(str, arrays[f"{session}/unit_ids"])),
        matrix=arrays[f"{session}/{what}"].astype(np.float64),
        standard_error=of_model("standard_error"),
    )
    inclusion, regions = of_model("inclusion"), arrays.get(f"{session}/unit/region")
    if inclusion is not None and inclusion.shape != estimate.matrix.shape:
        raise UserError(f"session {session!r}: inclusion is {inclusion.shape}, the matrix {estimate.matrix.shape}")
    return Fit(run, estimate, inclusion, None if regions is None else [str(name) for name in regions])


def _wanted(what: str, methods: bool) -> bool:
    """Whether an array of ``connectivity.npz`` is read at all: those by lag are most of it."""
    read = (MODEL_KEY, "standard_error", "inclusion", "unit_ids", "unit/region")
    return what in read or (methods and what.startswith(METHOD_KEY))
