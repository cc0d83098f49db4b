"""All fits of one model to one session: which belong together, and what they say together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.analysis.edge_selection import Null
from synapsnet.analysis.runs import CONNECTIVITY, Fit, Role, Run, read_fits
from synapsnet.analysis.stability import Stability, measure_stability
from synapsnet.errors import UserError

TOP_K = 100
"""Strongest edges to compare between the halves; a tenth of all where there are few."""

_APART = ("data.name", "data.train_part", "data.surrogate", "data.surrogate_seed", "data.network_seed")
"""What tells the fits of an ensemble apart, or is told by other settings."""
BUDGET = ("trainer.max_steps", "trainer.max_epochs", "trainer.limit_train_batches")


@dataclass(frozen=True)
class Ensemble:
    """Fits of one model to one session that differ by seed, part of the recording and surrogate alone.

    Attributes:
        whole: Fits of the whole train split, by seed.
        first_half: Fits of its first half.
        second_half: Fits of its second half.
        surrogates: Fits of surrogates.
        notes: Runs that were left out, and why.
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
        """All of them, those of the whole first."""
        return [*self.whole, *self.first_half, *self.second_half, *self.surrogates]

    @property
    def null(self) -> Null:
        """What can be divided out of so few surrogates, see `select_edges`."""
        return "units" if len(self.surrogates) > 1 else "pooled"

    @property
    def standard_error(self) -> npt.NDArray[np.float64] | None:
        """Over blocks of time, root mean square over seeds, ``[post, pre]``: these do not make the data more."""
        errors = [fit.estimate.standard_error for fit in self.whole]
        known = [np.square(error.astype(np.float64)) for error in errors if error is not None]
        return np.sqrt(np.mean(known, axis=0)) if known and len(known) == len(errors) else None

    @property
    def inclusion(self) -> npt.NDArray[np.float64] | None:
        """Probability that an edge is there, mean over seeds, ``[post, pre]``."""
        known = [fit.inclusion for fit in self.whole if fit.inclusion is not None]
        return np.mean(known, axis=0, dtype=np.float64) if known and len(known) == len(self.whole) else None

    def half(self, role: Role) -> npt.NDArray[np.float64] | None:
        """Mean over the fits of a half, ``[post, pre]``; None without any."""
        matrices = [fit.estimate.matrix for fit in self.of(role)]
        return np.mean(matrices, axis=0, dtype=np.float64) if matrices else None

    def stability(self, false_discovery_rate: float) -> Stability:
        """Whether the matrix comes back, and its edges.

        Raises:
            UserError: without a fit of the whole.
        """
        n_units = len(self.fits[0].estimate.unit_ids)
        return measure_stability(
            [fit.estimate for fit in self.whole],
            halves=([fit.estimate for fit in self.first_half], [fit.estimate for fit in self.second_half]),
            surrogates=[fit.estimate for fit in self.surrogates],
            top_k=max(1, min(TOP_K, n_units * (n_units - 1) // 10)),
            false_discovery_rate=false_discovery_rate,
            null=self.null,
        )


def gather(runs: Iterable[Run]) -> Iterator[Ensemble]:
    """Ensembles by model, recording and session; those of one model and recording are in memory at a time.

    Raises:
        UserError: if runs of a session differ in their units or in settings that make another matrix, or if none of
            them has the matrix of a model.
    """
    empty = True
    for _, block in groupby(sorted(runs, key=_name), key=_name):
        sessions: dict[str, list[Fit]] = {}
        for run in block:
            for fit in read_fits(run, methods=False):
                sessions.setdefault(fit.estimate.session_id, []).append(fit)
        for ensemble in map(_ensemble, sessions.values()):
            if ensemble.fits:
                empty = False
                yield ensemble
    if empty:
        raise UserError(f"no {CONNECTIVITY} there has the matrix of a model; train one with connectivity")


def _name(run: Run) -> tuple[str, str]:
    return run.model, run.recording


def _ensemble(fits: Sequence[Fit]) -> Ensemble:
    ensemble = Ensemble()
    newest: dict[tuple[str, str, int], Fit] = {}
    for fit in sorted(fits, key=lambda fit: (fit.run.folder / CONNECTIVITY).stat().st_mtime, reverse=True):
        run = fit.run
        if run.role is None:
            ensemble.notes.append(f"left out {run.folder}: the surrogate of a part of the recording")
            continue
        _require_alike(fits[0], fit)
        same = newest.setdefault((run.role, run.surrogate, run.seed), fit)
        if same is not fit:
            ensemble.notes.append(f"left out {run.folder}: {same.run.folder} is the same, and newer")
    for fit in sorted(newest.values(), key=lambda fit: (fit.run.seed, fit.run.surrogate)):
        if fit.run.role is not None:
            ensemble.of(fit.run.role).append(fit)
    return ensemble


def _require_alike(first: Fit, other: Fit) -> None:
    where = f"{first.run.model} on {first.run.recording}, session {first.estimate.session_id!r}"
    folders = f"{first.run.folder} and {other.run.folder}"
    units = (first.estimate.unit_ids, other.estimate.unit_ids)
    if units[0] != units[1]:
        how = f"{len(units[0])} and {len(units[1])}" if len(units[0]) != len(units[1]) else "of other names or order"
        raise UserError(f"{where}: {folders} are of different units ({how}); name runs of one recording and settings")
    settings = (_settings(first.run), _settings(other.run))
    for name in sorted(settings[0].keys() | settings[1].keys()):
        values = [of.get(name) for of in settings]
        if values[0] != values[1]:
            raise UserError(
                f"{where}: {folders} differ in {name} ({values[0]} and {values[1]}), and so do their matrices; name "
                "folders with one setting alone"
            )


def _settings(run: Run) -> dict[str, Any]:
    """Settings that make another matrix, by name."""
    sections = {name: run.config.get(name) for name in ("data", "model", "likelihood", "optimizer", "trainer")}
    return {
        name: value
        for name, value in flat(sections).items()
        if name not in _APART and (not name.startswith("trainer.") or name in BUDGET)
    }


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found
