"""Connectivity by the model and by model-free methods, and its scores where the truth is known."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from synapsnet.analysis.effective import effective_connectivity
from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.evidence import connection_evidence
from synapsnet.analysis.jacobian import differentiable
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.odds import effect_odds
from synapsnet.analysis.recovery import called_scores, evidence_scores, recovery_scores
from synapsnet.atomic import replacing
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.pairs import MOST_UNITS, too_many
from synapsnet.results.connectivity import Connectivity, write_connectivity
from synapsnet.results.files import CONNECTIVITY, RECOVERY, STAGE
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.loggers import log_table
from synapsnet.training.module import ForecastModule

log = logging.getLogger(__name__)

STRONGEST = 32  # edges to every unit that are kept where there are too many units for matrices
WINDOWS_OF_MANY = 16  # of sessions with too many units for matrices
MOST_DIFFERENTIATED = 64  # maximum number of windows if every receiver needs its own backward pass


class ConnectivityWriter(Callback):
    """Writes ``connectivity.npz`` and, where the truth is known, ``recovery.csv`` to the staging folder for results.

    The effective connectivity is a mean over held-out windows of the validation split. The test split is kept for
    scores; the weights were fitted on neither.

    Args:
        model: Name of the model.
        max_windows: Windows per session, spread evenly over the split.
        n_lags: Number of separate lags; the last also sums all earlier bins.
        any_model: True to differentiate models that claim no connectivity as well.
        methods: Model-free methods by name.
    """

    def __init__(
        self,
        *,
        model: str,
        max_windows: int,
        n_lags: int,
        any_model: bool,
        methods: Mapping[str, ConnectivityMethod],
    ) -> None:
        for name, number in (("max_windows", max_windows), ("n_lags", n_lags)):
            if not isinstance(number, int) or number < 1:  # fails now, before the fit
                raise UserError(f"callbacks.connectivity.{name} must be a whole number above 0, got {number!r}")
        self._model = model
        self._max_windows, self._n_lags = max_windows, n_lags
        self._any_model = any_model
        self._methods = list(methods.values())

    def check(self, task: Task) -> None:
        """Refuse, before the fit, a session that a method cannot do with."""
        for index, session in enumerate(task.spec.sessions):
            for method in [] if too_many(session.n_units) else self._methods:
                method.check(task, index)

    def writes(self, model: Forecaster, datamodule: ForecastDataModule) -> bool:
        """False for a model that claims no connectivity, where none is known either."""
        return isinstance(model, ConnectivityForecaster) or self._any_model or bool(datamodule.truth)

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, ForecastModule)
        model = pl_module.model
        claims = isinstance(model, ConnectivityForecaster)
        datamodule = trainer.datamodule  # type: ignore[attr-defined]  # set by Trainer.test
        if not self.writes(model, datamodule):
            return
        sessions: list[Connectivity] = []
        rows: list[dict[str, str | float]] = []
        for index, session in enumerate(model.spec.sessions):
            if too_many(session.n_units):
                sessions.append(self._of_many(model, datamodule, index))
                continue
            estimates = [method.estimate(datamodule.task, index) for method in self._methods]
            connectivity = Connectivity(
                session_id=session.session_id,
                unit_ids=session.unit_ids,
                methods={estimate.method: estimate.matrix for estimate in estimates},
                unsigned=tuple(estimate.method for estimate in estimates if not estimate.signed),
                unit_table=session.unit_table,
                truth=datamodule.truth.get(session.session_id),
            )
            if claims or self._any_model:
                estimates.insert(0, self._effective(model, datamodule, index))
                connectivity = _with_model(connectivity, model, index, estimates[0])
            if isinstance(model, ConnectivityForecaster):
                connectivity = replace(connectivity, via_unobserved=self._via_unobserved(model, datamodule, index))
                connectivity = _with_odds(connectivity, model, datamodule, index)
            sessions.append(connectivity)
            if connectivity.truth is not None:
                rows += [_row(estimate, connectivity, self._model) for estimate in estimates]
        write_connectivity(Path(trainer.default_root_dir) / STAGE / CONNECTIVITY, sessions)
        if rows:
            self._write_recovery(rows, trainer)

    def _of_many(self, model: Forecaster, datamodule: ForecastDataModule, session: int) -> Connectivity:
        """Connectivity of a session with too many units for matrices of all pairs."""
        info, strongest = model.spec.sessions[session], dict[str, npt.NDArray[Any]]()
        said = f"session {info.session_id}: {info.n_units:,} units, and matrices of all pairs stop at {MOST_UNITS:,}"
        if isinstance(model, ConnectivityForecaster):
            given = held_out_windows(datamodule, session, min(self._max_windows, WINDOWS_OF_MANY))
            with differentiable(model):
                past, behavior, slow = (part.clone().to(model.device) for part in given)
                found = model.strongest_effects(past, behavior, session, slow, STRONGEST)
            strongest = {name: values.detach().cpu().numpy() for name, values in found._asdict().items()}
            strongest["senders"] = strongest["senders"].astype(np.int32)
            said += f"; {CONNECTIVITY} keeps the {STRONGEST} strongest edges to each unit"
        log.info("%s; errors, odds, figures, recovery and model-free methods are left out", said)
        return Connectivity(
            session_id=info.session_id, unit_ids=info.unit_ids, unit_table=info.unit_table, strongest=strongest
        )

    def _effective(self, model: Forecaster, datamodule: ForecastDataModule, session: int) -> ConnectivityEstimate:
        claims = isinstance(model, ConnectivityForecaster)
        most = self._max_windows if claims else min(self._max_windows, MOST_DIFFERENTIATED)
        past, behavior, slow = held_out_windows(datamodule, session, most)
        return effective_connectivity(
            model,
            past.to(model.device),
            behavior.to(model.device),
            session,
            slow.to(model.device),
            n_lags=self._n_lags,
            n_blocks=1,
            method=self._model,
        )

    def _via_unobserved(
        self, model: Forecaster, datamodule: ForecastDataModule, session: int
    ) -> npt.NDArray[np.float32] | None:
        """Effects by way of unobserved neurons; None if the model has none."""
        assert isinstance(model, ConnectivityForecaster)
        windows = held_out_windows(datamodule, session, min(self._max_windows, MOST_DIFFERENTIATED))
        with differentiable(model):
            past, behavior, slow = (part.clone().to(model.device) for part in windows)
            effects = model.via_unobserved(past, behavior, session, slow, 1)[0].detach().cpu().numpy()
        return effects.astype(np.float32) if effects.any() else None

    def _write_recovery(self, rows: Sequence[Mapping[str, str | float]], trainer: Trainer) -> None:
        path = Path(trainer.default_root_dir) / STAGE / RECOVERY
        with replacing(path) as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            for row in rows:
                writer.writerow({name: "" if value != value else value for name, value in row.items()})
        table = pd.DataFrame(rows)
        own = table[table["method"] == self._model].drop(columns=["session", "method"]).mean().dropna()
        scalars = {f"recovery/{name}": value for name, value in own.items() if "called" not in str(name)}
        for logger in trainer.loggers:
            logger.log_metrics(scalars, step=trainer.global_step)
        log_table(trainer.loggers, "test/recovery", table)


def _with_model(
    connectivity: Connectivity, model: Forecaster, session: int, estimate: ConnectivityEstimate
) -> Connectivity:
    """A connectivity with the matrices of the model, as float32."""
    raw = inclusion = None
    if isinstance(model, ConnectivityForecaster):
        with model.as_read():
            raw, inclusion = model.raw_connectivity(session).detach().cpu().numpy(), model.inclusion(session)
    return replace(
        connectivity,
        effective=estimate.matrix.astype(np.float32),
        per_lag=None if estimate.per_lag is None else estimate.per_lag.astype(np.float32),
        raw=raw,
        inclusion=None if inclusion is None else inclusion.cpu().numpy(),
    )


def _with_odds(
    connectivity: Connectivity, model: Forecaster, datamodule: ForecastDataModule, session: int
) -> Connectivity:
    """A connectivity with the errors and odds of its effects, as float32; the diagonal has even odds."""
    evidence = connection_evidence(model, datamodule.task.loader("train", batch_size=datamodule.batch_size), session)
    estimate, error = (part.numpy() for part in (evidence.estimate, evidence.standard_error))
    edges = ~np.eye(len(estimate), dtype=bool)
    odds = effect_odds(estimate[edges], error[edges], evidence.degrees_of_freedom)
    positive, replication = np.full((2, *estimate.shape), 0.5, dtype=np.float32)
    positive[edges], replication[edges] = odds.positive, odds.replication
    return replace(
        connectivity,
        standard_error=error.astype(np.float32),
        evidence=np.divide(estimate, error, out=np.zeros_like(estimate), where=error > 0).astype(np.float32),
        positive=positive,
        replication=replication,
    )


def _row(estimate: ConnectivityEstimate, connectivity: Connectivity, model: str) -> dict[str, str | float]:
    assert connectivity.truth is not None
    odds = (connectivity.evidence, connectivity.inclusion, connectivity.replication)
    evidence, inclusion, replication = odds if estimate.method == model else (None, None, None)
    return {
        "session": estimate.session_id,
        "method": estimate.method,
        **recovery_scores(estimate, connectivity.truth),
        **evidence_scores(evidence, inclusion, connectivity.truth),
        **called_scores(replication, evidence, connectivity.truth),
    }


def held_out_windows(datamodule: ForecastDataModule, session: int, max_windows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Windows of the validation split whose last step has full context, with their behavior and slow state.

    Windows must have one length: those shorter than the median (at most half) are left out, the rest are cut to it.

    Returns:
        ``past [windows, time, units]``, ``behavior [windows, time, features]`` and ``slow [windows, time, units,
        traces]``.
    """
    batches = datamodule.val_dataloader().of_session(session)
    scored = torch.cat([batch.scored for batch in batches])
    lengths = scored.shape[1] - scored.flip(1).int().argmax(1)  # up to the last scored step
    stop = int(lengths.median())
    long_enough = (lengths >= stop).nonzero()[:, 0]
    chosen = long_enough[torch.linspace(0, len(long_enough) - 1, min(max_windows, len(long_enough))).long()]
    parts, first = [], 0
    for batch in batches:  # cut again, because all windows of thousands of units would fill memory
        of = chosen[(chosen >= first) & (chosen < first + len(batch.past))] - first
        parts.append((batch.past[of, :stop], batch.behavior[of, :stop], batch.slow[of, :stop]))
        first += len(batch.past)
    past, behavior, slow = (torch.cat(of_batches) for of_batches in zip(*parts, strict=True))
    return past, behavior, slow
