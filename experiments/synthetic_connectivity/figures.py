"""The figures of the study, made from its run folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from experiments.synthetic_connectivity.study import CURVE_SEEDS, CURVES, IN_ALL, METHODS, METHODS_FROM, TABLE, Curve
from synapsnet.results import Connectivity, Run
from synapsnet.viz.degradation import draw_degradation
from synapsnet.viz.matrices import draw_matrices
from synapsnet.viz.recovery import draw_recovery

OURS = "synapsnet"
IN_RECOVERY = {"recovery": ("rate",), "recovery_networks": ("rate_heterogeneous", "spiking", "calcium")}
IN_MATRICES = ("rate_heterogeneous", "spiking", "calcium")
MODELS_SHOWN = (OURS, "lasso_var", "var", "glm")
METHODS_SHOWN = ("lagged_correlation", "partial_correlation", "correlation")
TITLES = {row.data: row.title for row in TABLE}


def draw_all(runs: pd.DataFrame, root: Path) -> dict[str, Figure]:
    """Every figure for which there are runs, by its file name.

    Args:
        runs: As `summarize.read_runs` returns it.
        root: Folder of the run folders, from which the matrices are read.
    """
    signless = runs.groupby("method").sign_accuracy.transform("count") == 0
    named = runs.assign(method=runs.method.where(~signless, runs.method + " (no sign)"))
    figures: dict[str, Figure] = {}
    for name, networks in IN_RECOVERY.items():
        blocks = [named[named.data == data].assign(network=TITLES[data]) for data in networks]
        shown = pd.concat(blocks)
        if len(shown):
            figures[name] = draw_recovery(shown, highlight=OURS)
    for data in IN_MATRICES:
        truth, matrices = _matrices(root, data)
        if truth is not None and matrices:
            figures[f"matrices_{data}"] = draw_matrices(matrices, truth=truth)
    for curve in CURVES:
        scores = _along(curve, named)
        if scores.level.nunique() > 1:
            figures[f"degradation_{curve.name}"] = draw_degradation(
                scores,
                level="level",
                label=curve.label,
                network="Heterogeneous time constants",
                highlight=OURS,
                logarithmic=curve.logarithmic,
            )
    return figures


def _along(curve: Curve, named: pd.DataFrame) -> pd.DataFrame:
    levels = {data: level for level, data in curve.levels.items()}
    wanted = named.data.isin(levels) & named.seed.isin(CURVE_SEEDS)
    wanted &= named.method.str.removesuffix(" (no sign)").isin((*IN_ALL, *METHODS))
    scores = named[wanted]
    return scores.assign(level=scores.data.map(levels))


def _matrices(root: Path, data: str) -> tuple[npt.NDArray[np.floating] | None, dict[str, npt.NDArray[np.floating]]]:
    """The truth and the matrices of one network: the first one to which all models shown were fitted."""
    for seed in CURVE_SEEDS:
        runs = {model: Run(root / model / data / f"seed{seed}") for model in MODELS_SHOWN}
        if not all(run.has_connectivity for run in runs.values()):
            continue
        found = {model: _only_session(run) for model, run in runs.items()}
        matrices = {model: of.effective for model, of in found.items() if of.effective is not None}
        computed = found[METHODS_FROM]
        return computed.truth, matrices | {name: computed.methods[name] for name in METHODS_SHOWN}
    return None, {}


def _only_session(run: Run) -> Connectivity:
    (connectivity,) = run.connectivities().values()
    return connectivity
