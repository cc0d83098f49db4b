"""Figures of a run, to the run folder and to the loggers that show images, and the traces that they show."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from synapsnet.atomic import replacing
from synapsnet.errors import UserError
from synapsnet.file_names import safe_name
from synapsnet.results.connectivity import read_connectivity
from synapsnet.results.files import CONNECTIVITY, CURVE, FIGURES, STAGE, TRACES
from synapsnet.results.traces import Traces, write_traces
from synapsnet.session import SessionSpec
from synapsnet.training.callbacks.figures_connectivity import connectivity_figures
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.loggers import log_figures
from synapsnet.training.module import ForecastModule
from synapsnet.viz import Figure
from synapsnet.viz.learning_curve import draw_learning_curve
from synapsnet.viz.traces import draw_traces, units_by_rank
from synapsnet.viz.unit_scores import draw_unit_scores

log = logging.getLogger(__name__)

FORMATS = ("png", "pdf", "svg")
_CURVE = {"step", "train/nll", "validation/nll"}


class FigureWriter(Callback):
    """Writes ``figures/*.png`` and ``traces.npz`` to the staging folder, once the test split is scored.

    Args:
        model: Name of the model.
        trace_bins: Length of the stretch of true and predicted activity.
        most_sessions: Number of sessions that get figures of their own, the first ones.
        format: ``png``, ``pdf`` or ``svg``.
    """

    def __init__(self, *, model: str, trace_bins: int, most_sessions: int, format: str) -> None:
        if format not in FORMATS:
            raise UserError(f"callbacks.figures.format must be one of {', '.join(FORMATS)}, got {format!r}")
        for name, number, least in (("trace_bins", trace_bins, 1), ("most_sessions", most_sessions, 0)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:  # fails now, before the fit
                raise UserError(f"callbacks.figures.{name} must be a whole number, {least} or above, got {number!r}")
        self._model = model
        self._trace_bins = trace_bins
        self._most_sessions = most_sessions
        self._format = format

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, ForecastModule)
        panels: dict[str, dict[str, tuple[Figure, Path]]] = {}
        for kind, session, figure in self._figures(trainer, pl_module):
            name = kind if session is None else f"{kind}-{session}"
            path = Path(trainer.default_root_dir) / STAGE / FIGURES / f"{safe_name(name)}.{self._format}"
            with replacing(path) as partial:
                figure.savefig(partial, format=self._format)
            panels.setdefault(kind, {})[session or self._model] = figure, path
        for kind, figures in panels.items():
            log_figures(trainer.loggers, kind, figures)

    def _figures(self, trainer: Trainer, module: ForecastModule) -> Iterator[tuple[str, str | None, Figure]]:
        """Figures with their kind, and the session that they show if it is one."""
        run_dir = Path(trainer.default_root_dir)
        curve = run_dir / CURVE
        if curve.is_file():
            metrics = pd.read_csv(curve)
            if _CURVE.issubset(metrics.columns) and len(metrics) > 1:
                yield "learning_curve", None, draw_learning_curve(metrics)
        unit_metrics = module.scores.unit_metrics()
        yield "unit_scores", None, draw_unit_scores(unit_metrics)
        spec = module.model.spec
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        traces = []
        if len(spec.sessions) > self._most_sessions:
            log.info(
                "figures of the first %d of %d sessions; callbacks.figures.most_sessions=%d draws all",
                self._most_sessions,
                len(spec.sessions),
                len(spec.sessions),
            )
        for index, session in enumerate(spec.sessions[: self._most_sessions]):
            target, predicted, start_bin = test_stretch(module, datamodule, index, self._trace_bins)
            pearson_r, start_s = unit_metrics[session.session_id]["pearson_r"], start_bin * spec.bin_width_s
            traces.append(_traces(session, target, predicted, pearson_r, start_s=start_s, bin_width_s=spec.bin_width_s))
            figure = draw_traces(
                target,
                predicted,
                pearson_r=pearson_r,
                unit_ids=session.unit_ids,
                bin_width_s=spec.bin_width_s,
                start_s=start_s,
                signal=spec.signal,
                session_id=session.session_id,
            )
            yield "traces", session.session_id, figure
        write_traces(run_dir / STAGE / TRACES, traces)
        file = run_dir / STAGE / CONNECTIVITY
        if file.is_file():
            for connectivity in list(read_connectivity(file).values())[: self._most_sessions]:
                yield from connectivity_figures(connectivity, signal=spec.signal, model=self._model)


def _traces(
    session: SessionSpec,
    target: npt.NDArray[np.float32],
    predicted: npt.NDArray[np.float32],
    pearson_r: npt.NDArray[np.float64],
    *,
    start_s: float,
    bin_width_s: float,
) -> Traces:
    """The units that `draw_traces` shows."""
    places, units = zip(*units_by_rank(pearson_r), strict=True)
    return Traces(
        session_id=session.session_id,
        unit_ids=tuple(session.unit_ids[unit] for unit in units),
        places=places,
        pearson_r=pearson_r[list(units)],
        recorded=target[:, units],
        forecast=predicted[:, units],
        start_s=start_s,
        bin_width_s=bin_width_s,
    )


@torch.no_grad()
def test_stretch(
    module: ForecastModule, datamodule: ForecastDataModule, session: int, n_bins: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], int]:
    """The first scored bins of a session's test split and their forecasts; NaN stands where a segment ends.

    Returns:
        Recorded and predicted activity ``[time, units]``, as the task scores it, and the first bin's index.
    """
    targets, forecasts, found = [], [], 0
    for batch in datamodule.test_dataloader().of_session(session):
        if found < n_bins:
            here = batch.to(module.device)
            params = module.model(here.past, here.behavior, session, here.slow)
            mean = module.model.likelihood.mean(params).cpu()
            targets.append(batch.target[batch.scored])
            forecasts.append(mean[batch.scored])
            found += len(targets[-1])
    pieces = datamodule.task.pieces[session]["test"]
    context = datamodule.task.spec.context_bins
    lengths = (pieces[:, 1] - pieces[:, 0] - context).clip(min=0)
    breaks = np.cumsum(lengths[lengths > 0])
    breaks = breaks[breaks < min(found, n_bins)]
    target, predicted = (
        np.insert(torch.cat(parts)[:n_bins].numpy(), breaks, np.nan, axis=0) for parts in (targets, forecasts)
    )
    return target, predicted, int(pieces[lengths > 0][0, 0]) + context
