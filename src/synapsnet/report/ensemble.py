"""All fits of one model or method to one session: grouping them, and summarising each group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import numpy.typing as npt

from synapsnet.analysis.edge_selection import Null
from synapsnet.analysis.stability import Stability, measure_stability
from synapsnet.errors import UserError
from synapsnet.report.fits import Fit, Role, fits, role, surrogate
from synapsnet.results import Run
from synapsnet.results.files import CONNECTIVITY
from synapsnet.results.run import BUDGET, require_alike
from synapsnet.session import Signal

Matrix = npt.NDArray[np.float64]

TOP_K = 100
"""Number of strongest edges to compare between the halves; a tenth of all edges if there are few."""

_APART = ("data.name", "data.train_part", "data.surrogate", "data.surrogate_seed", "data.network_seed")
"""Settings that may differ within an ensemble, or that follow from other settings."""


@dataclass(frozen=True)
class Ensemble:
    """Fits of one model or method to one session that differ only by seed, part of the recording and surrogate.

    Attributes:
        whole: Fits of the whole train split, by seed.
        first_half: Fits of its first half.
        second_half: Fits of its second half.
        surrogates: Fits of surrogates.
        notes: Runs that were left out, with the reason.
    """

    whole: list[Fit] = field(default_factory=list)
    first_half: list[Fit] = field(default_factory=list)
    second_half: list[Fit] = field(default_factory=list)
    surrogates: list[Fit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, role: Role) -> list[Fit]:
        """The fits of a role."""
        return {
            "whole": self.whole,
            "first_half": self.first_half,
            "second_half": self.second_half,
            "surrogates": self.surrogates,
        }[role]

    @property
    def fits(self) -> list[Fit]:
        """All fits, those of the whole first."""
        return [*self.whole, *self.first_half, *self.second_half, *self.surrogates]

    @property
    def recording(self) -> str:
        """Name of the recording."""
        return self.fits[0].run.recording

    @property
    def method(self) -> str:
        """Name of the model or method."""
        return self.fits[0].estimate.method

    @property
    def session_id(self) -> str:
        """Name of the session."""
        return self.fits[0].estimate.session_id

    @property
    def unit_ids(self) -> tuple[str, ...]:
        """Names of the units, in the order of both axes."""
        return self.fits[0].estimate.unit_ids

    @property
    def signal(self) -> Signal:
        """Kind of recording; calcium stands for any kind of activity if the settings do not say."""
        return self.fits[0].run.signal or "calcium"

    @property
    def regions(self) -> list[str] | None:
        """Name of each unit's region; None where they are unknown."""
        return self.fits[0].connectivity.regions

    @property
    def null(self) -> Null:
        """The null that this number of surrogates allows, see `select_edges`."""
        return "units" if len(self.surrogates) > 1 else "pooled"

    def of_model(self, name: str, role: Role) -> npt.NDArray[np.float64] | None:
        """A matrix that only a model has: its mean over the fits of a role, ``[post, pre]``.

        Seeds do not add data, so the mean of standard errors, evidence or odds is that of one typical seed. None if a
        fit lacks the matrix, if there are no fits, or if the ensemble is of a model-free method.

        Args:
            name: Its name in `Connectivity`.
            role: The role of the fits.
        """
        if any(fit.run.model_name != self.method for fit in self.of(role)):
            return None
        matrices = [getattr(fit.connectivity, name) for fit in self.of(role)]
        known = [matrix for matrix in matrices if matrix is not None]
        return np.mean(known, axis=0, dtype=np.float64) if known and len(known) == len(matrices) else None

    @property
    def promise(self) -> tuple[Matrix, Matrix, Matrix] | None:
        """``replication`` and ``evidence`` of the first half and ``evidence`` of the second; None where one is missing.

        `replication_table` compares them.
        """
        replication, first = (self.of_model(name, "first_half") for name in ("replication", "evidence"))
        second = self.of_model("evidence", "second_half")
        if replication is None or first is None or second is None:
            return None
        return replication, first, second

    def mean(self, role: Role) -> npt.NDArray[np.float64] | None:
        """Mean over the fits of a role, ``[post, pre]``; None if there are none."""
        matrices = [fit.estimate.matrix for fit in self.of(role)]
        return np.mean(matrices, axis=0, dtype=np.float64) if matrices else None

    def stability(self, false_discovery_rate: float) -> Stability:
        """Judge the reproducibility of the matrix, and select its edges.

        Raises:
            UserError: without a fit of the whole.
        """
        n_units = len(self.unit_ids)
        return measure_stability(
            [fit.estimate for fit in self.whole],
            halves=([fit.estimate for fit in self.first_half], [fit.estimate for fit in self.second_half]),
            surrogates=[fit.estimate for fit in self.surrogates],
            top_k=max(1, min(TOP_K, n_units * (n_units - 1) // 10)),
            false_discovery_rate=false_discovery_rate,
            null=self.null,
        )


def gather(runs: Iterable[Run], *, methods: bool = False) -> Iterator[Ensemble]:
    """Ensembles by model, recording and session; only those of one model and recording are in memory at a time.

    Args:
        runs: The runs.
        methods: True if model-free methods form ensembles of their own.

    Raises:
        UserError: if runs of a session differ in their units or in settings that change the matrix.
    """
    for _, block in groupby(sorted(runs, key=_name), key=_name):
        sessions: dict[tuple[str, str], list[Fit]] = {}
        for run in block:
            for fit in fits(run, methods=methods):
                sessions.setdefault((fit.estimate.session_id, fit.estimate.method), []).append(fit)
        for ensemble in map(_ensemble, sessions.values()):
            if ensemble.fits:
                yield ensemble


def _name(run: Run) -> tuple[str, str]:
    return run.model_name, run.recording


def _ensemble(found: Sequence[Fit]) -> Ensemble:
    ensemble = Ensemble()
    newest: dict[tuple[Role, str, int], Fit] = {}
    for fit in sorted(found, key=lambda fit: (fit.run.folder / CONNECTIVITY).stat().st_mtime, reverse=True):
        run, of = fit.run, role(fit.run)
        if of is None:
            ensemble.notes.append(f"left out {run.folder}: the surrogate of a part of the recording")
            continue
        _require_alike(found[0], fit)
        same = newest.setdefault((of, surrogate(run), run.seed), fit)
        if same is not fit:
            ensemble.notes.append(f"left out {run.folder}: {same.run.folder} is the same, and newer")
    for (of, *_), fit in sorted(newest.items(), key=lambda item: (item[1].run.seed, item[0][1])):
        ensemble.of(of).append(fit)
    return ensemble


def _require_alike(first: Fit, other: Fit) -> None:
    where = f"{first.run.model_name} on {first.run.recording}, session {first.estimate.session_id!r}"
    folders = f"{first.run.folder} and {other.run.folder}"
    units = (first.estimate.unit_ids, other.estimate.unit_ids)
    if units[0] != units[1]:
        how = f"{len(units[0])} and {len(units[1])}" if len(units[0]) != len(units[1]) else "of other names or order"
        raise UserError(f"{where}: {folders} are of different units ({how}); name runs of one recording and settings")
    require_alike(first.run, other.run, makes_another_matrix)


def makes_another_matrix(name: str) -> bool:
    """Return True if fits that differ in a setting, given by its dotted name, are of different matrices."""
    section = name.partition(".")[0]
    return name in BUDGET or (section in ("data", "model", "likelihood", "optimizer") and name not in _APART)
