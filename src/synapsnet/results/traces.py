"""Recorded and forecast activity of a few units of each session, as stored in ``traces.npz``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.atomic import replacing
from synapsnet.errors import UserError, one_line
from synapsnet.results.files import UNREADABLE


@dataclass(frozen=True, eq=False)
class Traces:
    """The start of a session's test split, of units from the best forecast to the poorest.

    Attributes:
        session_id: Name of the session.
        unit_ids: Names of the units.
        places: Place of each unit in the ranking by ``pearson_r``, such as ``best``.
        pearson_r: Score of each unit on the whole split, ``[units]``.
        recorded: Activity as the task scores it, ``[time, units]``; NaN leaves a gap.
        forecast: Forecasts of the same bins, ``[time, units]``.
        start_s: Time of the first bin in seconds.
        bin_width_s: Width of a bin in seconds.

    Raises:
        UserError: if a shape does not fit.
    """

    session_id: str
    unit_ids: tuple[str, ...]
    places: tuple[str, ...]
    pearson_r: npt.NDArray[np.floating]
    recorded: npt.NDArray[np.floating]
    forecast: npt.NDArray[np.floating]
    start_s: float
    bin_width_s: float

    def __post_init__(self) -> None:
        n_units = len(self.unit_ids)
        fits = self.recorded.ndim == 2 and self.recorded.shape == self.forecast.shape
        if not fits or {len(self.places), len(self.pearson_r), self.recorded.shape[1]} != {n_units}:
            raise UserError(f"session {self.session_id!r}: traces do not fit {n_units} units")


_NAMES = tuple(field.name for field in fields(Traces) if field.name != "session_id")


def write_traces(path: Path, sessions: Iterable[Traces]) -> None:
    """Write the traces of all sessions of a run."""
    arrays: dict[str, Any] = {
        f"{index}/{name}": np.asarray(getattr(session, name))
        for index, session in enumerate(sessions)
        for name in ("session_id", *_NAMES)
    }
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays)


def read_traces(path: Path) -> list[Traces]:
    """Read the traces of all sessions of a run.

    Raises:
        UserError: if the file cannot be read, or its arrays do not fit together.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            indices = dict.fromkeys(key.partition("/")[0] for key in archive.files)
            return [
                _traces({name: archive[f"{index}/{name}"] for name in ("session_id", *_NAMES)}) for index in indices
            ]
    except (*UNREADABLE, UserError) as error:
        raise UserError(f"{path}: cannot be read ({one_line(error)}); run it again") from error


def _traces(arrays: dict[str, npt.NDArray[Any]]) -> Traces:
    return Traces(
        session_id=str(arrays["session_id"]),
        unit_ids=tuple(map(str, arrays["unit_ids"])),
        places=tuple(map(str, arrays["places"])),
        pearson_r=arrays["pearson_r"].astype(np.float64),
        recorded=arrays["recorded"].astype(np.float64),
        forecast=arrays["forecast"].astype(np.float64),
        start_s=float(arrays["start_s"]),
        bin_width_s=float(arrays["bin_width_s"]),
    )
