"""Connectivity of one session, as stored in ``connectivity.npz``.

Keys of a session: ``/unit_ids``; ``/effective``, ``/standard_error``, ``/evidence``, ``/positive``, ``/replication``,
``/via_unobserved``, ``/raw``, ``/inclusion`` ``[post, pre]`` and ``/per_lag`` ``[lags, post, pre]`` of the model;
``/strongest/senders``, ``/effective`` and ``/raw`` ``[post, edges]`` where there are too many units for matrices;
``/method/<name>`` of every model-free method, ``/unsigned`` the names of those that cannot tell excitation from
inhibition; ``/unit/<column>`` of the unit table; ``/truth`` of a simulation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.atomic import replacing
from synapsnet.errors import UserError
from synapsnet.results.files import UNREADABLE

Matrix = npt.NDArray[np.floating]

_METHOD, _UNIT, _STRONGEST, _NAMES = "method/", "unit/", "strongest/", "/unit_ids"
_OF_MODEL = (
    "effective",
    "standard_error",
    "evidence",
    "positive",
    "replication",
    "via_unobserved",
    "raw",
    "inclusion",
)


@dataclass(frozen=True, eq=False)
class Connectivity:
    """Connectivity of one session, validated on construction; matrices are ``[post, pre]``.

    Attributes:
        session_id: Name of the session.
        unit_ids: Names of the units, in the order of both axes.
        effective: Mean Jacobian of the model by direct connections, in activity of the receiver per activity of the
            sender; None where the model was not differentiated. For a model that claims no connectivity, by all paths.
        standard_error: Standard error of the effect as `synapsnet.analysis.evidence` estimates it, be it by direct
            connections or by unobserved neurons; 0 where nothing can be estimated. None for a model that claims no
            connectivity.
        evidence: That estimate in standard errors, so the estimate is ``evidence * standard_error``. It is not
            ``effective``, which is what the model learned, and may differ in sign.
        positive: Probability that the effect is above zero, see `synapsnet.analysis.odds`.
        replication: Probability that another recording of the same length gives an estimate of the same sign.
        via_unobserved: Mean Jacobian by way of unobserved neurons; None if the model has none. The total effect is
            the sum of both.
        raw: The model's own parameters, without a meaningful sign or scale.
        inclusion: Probability that an edge exists, of a sparse connectivity.
        per_lag: ``effective`` by lag, the most recent bin first, ``[lags, post, pre]``; read only on request.
        methods: Matrices of model-free methods, by name.
        unsigned: Names of the methods that cannot tell excitation from inhibition.
        unit_table: Columns of the unit table, ``[units]`` each.
        truth: The known connectivity of a simulation.
        strongest: Of a session with too many units for matrices, the strongest edges to every unit, ``[post, edges]``
            each: ``senders`` (their indices), ``effective`` and ``raw``.

    Raises:
        UserError: if a shape does not fit, or an estimate is not finite.
    """

    session_id: str
    unit_ids: tuple[str, ...]
    effective: Matrix | None = None
    standard_error: Matrix | None = None
    evidence: Matrix | None = None
    positive: Matrix | None = None
    replication: Matrix | None = None
    via_unobserved: Matrix | None = None
    raw: Matrix | None = None
    inclusion: Matrix | None = None
    per_lag: Matrix | None = None
    methods: Mapping[str, Matrix] = field(default_factory=dict)
    unsigned: tuple[str, ...] = ()
    unit_table: Mapping[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    truth: Matrix | None = None
    strongest: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(len(values) != len(self.unit_ids) for values in self.strongest.values()):
            raise UserError(f"session {self.session_id!r}: the strongest edges are not those of its units")
        square = (len(self.unit_ids), len(self.unit_ids))
        for name in ("evidence", "positive", "replication", "via_unobserved", "raw", "inclusion", "truth"):
            values = getattr(self, name)
            if values is not None and values.shape != square:
                raise UserError(f"session {self.session_id!r}: {name} is {values.shape} for {square[0]} units")
        self.estimates("the model")

    @property
    def regions(self) -> list[str] | None:
        """Name of each unit's region; None where they are unknown."""
        column = self.unit_table.get("region")
        return None if column is None else [str(name) for name in column]

    def estimates(self, model: str) -> dict[str, ConnectivityEstimate]:
        """The matrix of the model, if there is one, and those of all methods, by name and in float64.

        Args:
            model: Name of the model.
        """
        matrices = {} if self.effective is None else {model: self.effective}
        return {
            name: ConnectivityEstimate(
                method=name,
                session_id=self.session_id,
                unit_ids=self.unit_ids,
                matrix=matrix.astype(np.float64),
                standard_error=self.standard_error if name in matrices else None,
                signed=name not in self.unsigned,
            )
            for name, matrix in {**self.methods, **matrices}.items()
        }

    def to_frame(self) -> pd.DataFrame:
        """One row per edge: ``post``, ``pre``, and every available matrix of the model.

        Edges are all pairs of different units, or the strongest ones where there are too many units.
        """
        if self.effective is None and self.strongest:
            given = {name: values.ravel() for name, values in self.strongest.items()}
            names, senders = np.array(self.unit_ids), given.pop("senders")
            post = np.repeat(names, len(senders) // len(names))
            return pd.DataFrame({"post": post, "pre": names[senders.astype(int)], **given})
        post, pre = np.nonzero(~np.eye(len(self.unit_ids), dtype=bool))
        units = np.array(self.unit_ids)
        matrices = {name: getattr(self, name) for name in (*_OF_MODEL, "truth")}
        columns = {name: matrix[post, pre] for name, matrix in matrices.items() if matrix is not None}
        return pd.DataFrame({"post": units[post], "pre": units[pre], **columns})


def write_connectivity(path: Path, sessions: Iterable[Connectivity]) -> None:
    """Write the connectivity of all sessions of a run."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for session in sessions:
        matrices = {name: getattr(session, name) for name in (*_OF_MODEL, "per_lag", "truth")}
        entries = {
            **{f"{_METHOD}{name}": matrix for name, matrix in session.methods.items()},
            **{f"{_STRONGEST}{name}": values for name, values in session.strongest.items()},
            "unsigned": np.array(session.unsigned, dtype=np.str_),
            **{name: matrix for name, matrix in matrices.items() if matrix is not None},
            "unit_ids": np.array(session.unit_ids),
            **{f"{_UNIT}{column}": np.asarray(values) for column, values in session.unit_table.items()},
        }
        arrays |= {f"{session.session_id}/{key}": array for key, array in entries.items()}
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]


def read_connectivity(path: Path, *, per_lag: bool = False) -> dict[str, Connectivity]:
    """Read the connectivity of all sessions of a run, by session id.

    Args:
        path: ``connectivity.npz`` of a run folder.
        per_lag: True to read the matrices by lag, which are most of the file.

    Raises:
        UserError: if the file cannot be read, or its arrays do not fit together.
    """
    try:
        # Opened here, because NumPy leaves the file of a torn archive open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            wanted = [key for key in archive.files if per_lag or not key.endswith("/per_lag")]
            arrays = {key: archive[key] for key in wanted}
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read ({type(error).__name__}: {error}); run it again") from error
    try:
        return {session_id: _connectivity(session_id, of) for session_id, of in _by_session(arrays).items()}
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _by_session(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Arrays by session id and name; a slash may also be part of a session id."""
    entries: dict[str, dict[str, npt.NDArray[Any]]] = {
        key.removesuffix(_NAMES): {} for key in arrays if key.endswith(_NAMES)
    }
    for key, array in arrays.items():
        session_id = max((name for name in entries if key.startswith(f"{name}/")), key=len, default=None)
        if session_id is None:
            raise UserError(f"no {key.rpartition('/')[0]}{_NAMES}; run it again")
        entries[session_id][key.removeprefix(f"{session_id}/")] = array
    return entries


def _connectivity(session_id: str, arrays: Mapping[str, npt.NDArray[Any]]) -> Connectivity:
    def below(prefix: str) -> dict[str, npt.NDArray[Any]]:
        return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

    return Connectivity(
        session_id=session_id,
        unit_ids=tuple(map(str, arrays["unit_ids"])),
        **{name: arrays.get(name) for name in (*_OF_MODEL, "per_lag", "truth")},
        methods=below(_METHOD),
        unsigned=tuple(map(str, arrays.get("unsigned", ()))),
        unit_table=below(_UNIT),
        strongest=below(_STRONGEST),
    )
