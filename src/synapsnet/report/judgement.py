"""The trustworthiness of a matrix, in words, as a table of edges and as a figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from synapsnet.analysis.replication import replication_table
from synapsnet.analysis.stability import Stability
from synapsnet.atomic import replacing
from synapsnet.file_names import safe_name
from synapsnet.report.ensemble import Ensemble
from synapsnet.report.fits import trained
from synapsnet.results import Run
from synapsnet.viz.stability import draw_stability

EDGES, FIGURE = "edges.csv", "stability.png"
WARNING = "WARNING"
"""Name of the finding that a matrix cannot be trusted."""
_STATISTIC = {"units": "effect, in sizes that surrogates have", "pooled": "absolute effect"}
_OF_MODEL = ("standard_error", "evidence", "positive", "replication", "inclusion")
SURE = 0.95
"""Promised probability of replication at which the report counts edges; one of `LEVELS`."""
_DPI = 110


def judged(ensemble: Ensemble, false_discovery_rate: float, out: Path) -> list[tuple[str, str]]:
    """Judge one session, and write ``edges.csv`` and ``stability.png``.

    Args:
        ensemble: Its fits.
        false_discovery_rate: Tolerated share of chance edges among the selected, between 0 and 1.
        out: Folder to write to: ``<out>/<model>/<recording>/<session>/``.

    Returns:
        Findings by their names.
    """
    found = [("runs", _runs(ensemble)), *(("", note) for note in ensemble.notes)]
    if not ensemble.whole:
        return [*found, (WARNING, "no fit of the whole recording: there is no matrix to judge")]
    run, stability = ensemble.whole[0].run, ensemble.stability(false_discovery_rate)
    found += _findings(stability, run, false_discovery_rate)
    found += [("odds", text) for text in _odds(ensemble)]
    if stability.warning:
        found.append((WARNING, stability.warning))
    folder = folder_of(ensemble, out)
    with replacing(folder / EDGES) as partial:
        edge_table(stability, ensemble).to_csv(partial, index=False, float_format="%.6g")
    figure = _drawn(stability, ensemble, false_discovery_rate, folder / FIGURE)
    return [*found, ("written", f"{folder / EDGES}{f' and {FIGURE}' if figure else ''}")]


def folder_of(ensemble: Ensemble, out: Path) -> Path:
    """Folder of the files of one session."""
    return out / safe_name(ensemble.method) / safe_name(ensemble.recording) / safe_name(ensemble.session_id)


def subject(ensemble: Ensemble) -> str:
    """The model, recording and session that are judged."""
    return f"{ensemble.method} on {ensemble.recording}, session {ensemble.session_id}"


def edge_table(stability: Stability, ensemble: Ensemble) -> pd.DataFrame:
    """One row per edge, that with the most evidence first; columns that no fit has are left out.

    Without evidence, the order is that of ``q``; without surrogates as well, that of the effect.

    Columns are ``post``, ``pre``, the effect's ``mean`` and ``sd`` over seeds and its ``rank`` by size, the odds
    ``standard_error``, ``evidence``, ``positive`` and ``replication`` (see `Connectivity`), ``inclusion``
    (probability), and against surrogates ``p``, ``q``, ``selected``.
    """
    edges = ~np.eye(len(stability.unit_ids), dtype=bool)
    units = np.array(stability.unit_ids)
    post, pre = np.nonzero(edges)
    chance = stability.edges
    matrices = {
        "mean": stability.mean,
        "rank": _ranks(stability.mean),
        "sd": stability.sd,
        **{name: ensemble.of_model(name, "whole") for name in _OF_MODEL},
        "p": chance.p if chance else None,
        "q": chance.q if chance else None,
        "selected": chance.selected if chance else None,
    }
    columns = {name: matrix[edges] for name, matrix in matrices.items() if matrix is not None}
    table = pd.DataFrame({"post": units[post], "pre": units[pre], **columns})
    order = [columns["rank"]]
    order += [columns["p"], columns["q"]] if chance else []
    order += [-np.abs(columns["evidence"])] if "evidence" in columns else []
    return table.iloc[np.lexsort(order)]


def _ranks(effects: npt.NDArray[np.floating]) -> npt.NDArray[np.int64]:
    """Ranks of effects by size, the largest first."""
    edges = ~np.eye(len(effects), dtype=bool)
    ranks = np.zeros(effects.shape, dtype=np.int64)
    ranks[edges] = rankdata(-np.abs(effects[edges]), method="min")
    return ranks


def _drawn(stability: Stability, ensemble: Ensemble, false_discovery_rate: float, path: Path) -> bool:
    """Draw the available panels; return True if there are any."""
    if stability.split_half is None and stability.edges is None:
        path.unlink(missing_ok=True)  # that of other runs
        return False
    chance = stability.edges
    figure = draw_stability(
        ensemble.mean("first_half"),
        ensemble.mean("second_half"),
        chance.statistic if chance else None,
        chance.null if chance else None,
        threshold=chance.threshold if chance else np.inf,
        false_discovery_rate=false_discovery_rate,
        statistic=_STATISTIC[ensemble.null],
        signal=ensemble.signal,
        session_id=f"{ensemble.recording} {stability.session_id}, {ensemble.method}",
    )
    with replacing(path) as partial:
        figure.savefig(partial, dpi=_DPI)
    return True


def _findings(stability: Stability, run: Run, false_discovery_rate: float) -> Iterator[tuple[str, str]]:
    n_edges = len(stability.unit_ids) * (len(stability.unit_ids) - 1)
    halves, chance = stability.split_half, stability.edges
    if stability.seed_r is not None:
        yield "seeds", f"{_r(stability.seed_r)} between two"
    else:
        nothing = "" if trained(run) else "; it is fitted by formula, and another changes nothing"
        yield "seeds", f"one alone{nothing}"
    if halves is not None:
        strongest = f"of the {halves.top_k} strongest edges"
        shared = f"{strongest} {halves.top_overlap:.1%} in common, {halves.top_chance:.1%} by chance"
        longer = f"to expect of another recording as long: {_r(stability.full_recording_r)}"
        yield "halves", f"{_r(halves.pearson)}; {shared}; {longer}"
    else:
        yield "halves", "not both fitted"
    if stability.surrogate_r is None:
        yield "surrogates", "one alone" if chance else "none fitted"
    else:
        beyond = f"; beyond that, the halves agree to {_r(stability.corrected_r)}" if halves else ""
        yield "surrogates", f"{_r(stability.surrogate_r)} between two{beyond}"
    if chance is not None:
        n_selected = f"{chance.selected.sum():,} of {n_edges:,}"
        yield "edges", f"{n_selected} selected at a false-discovery rate of {false_discovery_rate:g}"
    else:
        yield "edges", f"{n_edges:,}, not compared with chance"


def _odds(ensemble: Ensemble) -> Iterator[str]:
    """The edges that promise to replicate, and how many of those of the first half of the recording did."""
    promise = ensemble.of_model("replication", "whole")
    if promise is None:
        return
    edges = ~np.eye(len(promise), dtype=bool)
    said = f"{(promise[edges] >= SURE).sum():,} of {edges.sum():,} edges promise"
    yield f"{said} to have the same sign in another recording as long, with probability {SURE:g} or more"
    if ensemble.promise is not None:
        (kept,) = (row for row in replication_table([ensemble.promise]) if row.level == SURE)
        share = f": {kept.observed:.1%} ± {kept.standard_error:.1%} kept it ({kept.promised:.1%} promised)"
        yield f"{kept.called:,} such edges of the first half, checked on the second{share if kept.called else ''}"


def _r(correlation: float | None) -> str:
    if correlation is None or np.isnan(correlation):
        return "r undefined"
    return f"r = {round(correlation, 2) + 0.0:.2f}"  # avoids a minus sign before a zero


def _runs(ensemble: Ensemble) -> str:
    seeds = sorted({fit.run.seed for fit in ensemble.whole})
    named = f" (seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))})" if seeds else ""
    halves = f"{len(ensemble.first_half)} + {len(ensemble.second_half)} halves"
    n_surrogates = len(ensemble.surrogates)
    return f"{len(ensemble.whole)} whole{named}, {halves}, {n_surrogates} surrogate{'' if n_surrogates == 1 else 's'}"
