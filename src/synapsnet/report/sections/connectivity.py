"""Connectivity of one session with its odds: matrices, the edges that promise to replicate, and the strongest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from synapsnet.analysis.replication import LEVELS, replication_table
from synapsnet.report.ensemble import Ensemble, Matrix
from synapsnet.report.html import Cell, Html, folded, join, paragraph, table, tag
from synapsnet.report.judgement import SURE, WARNING, subject
from synapsnet.report.sections.matrices import matrices

_STRONGEST = 15
_LEGEND = """The effect is what the model learned: the mean Jacobian of its forecasts. The standard error and the odds \
are those of the estimate, and evidence is the estimate in standard errors."""
_LABELS = {
    "standard_error": "standard error",
    "evidence": "evidence",
    "positive": "P(positive)",
    "replication": "P(same sign again)",
}
_FORMS = {"evidence": ".1f", "positive": ".3f", "replication": ".3f"}


def connectivity_of(
    ensemble: Ensemble, findings: Sequence[tuple[str, str]], stability: Html, *, side: int, open_: bool
) -> Html:
    """One session of one model, folded.

    Args:
        ensemble: Its fits.
        findings: Judgements by their names, see `judged`.
        stability: A picture of the halves and surrogates; empty where there are none.
        side: Largest number of rows to draw of a matrix; a larger one is thinned.
        open_: True to unfold it.
    """
    title = f"{subject(ensemble)}: {len(ensemble.unit_ids)} units"
    told = tag("dl", *(_finding(*finding) for finding in findings), class_="findings")
    mean = ensemble.mean("whole")
    if mean is None:
        return folded(title, told, stability, open_=open_)
    odds = {name: ensemble.of_model(name, "whole") for name in _LABELS}
    known = {name: values for name, values in odds.items() if values is not None}
    promise = known.get("replication")
    return folded(
        title if promise is None else join(title, tag("small", f" · {_promised(promise, SURE):,} at {SURE:g} or more")),
        told,
        stability,
        _replication(ensemble, promise),
        matrices(ensemble, mean, known, _LABELS, side=side),
        _strongest(ensemble, mean, known),
        open_=open_,
    )


def _finding(name: str, told: str) -> Html:
    doubt = "doubt" if name == WARNING else None
    return join(tag("dt", name.lower(), class_=doubt), tag("dd", told, class_=doubt))


def _replication(ensemble: Ensemble, promise: Matrix | None) -> Html:
    """Numbers of edges by the probability that another recording gives the same sign, and what the halves kept."""
    if promise is None:
        return paragraph("No odds: this run keeps no probability that its edges replicate.")
    n_edges = promise.size - len(promise)
    kept = {row.level: row for row in replication_table([ensemble.promise])} if ensemble.promise is not None else {}
    rows = []
    for level in LEVELS:
        count = _promised(promise, level)
        cells: list[object] = [f"{level:g} or more", f"{count:,}", f"{count / max(n_edges, 1):.2%}"]
        if kept:
            of = kept[level]
            share = f"{of.observed:.1%} ± {of.standard_error:.1%} of {of.called:,}" if of.called else "none"
            cells += [share, f"{of.promised:.1%}" if of.called else "-"]
        rows.append(cells)
    checked = ["kept by the halves", "promised there"] if kept else []
    caption = f"Edges that promise the same sign in another recording as long, of {n_edges:,}"
    return table(caption, ["probability", "edges", "share", *checked], rows)


def _promised(promise: Matrix, level: float) -> int:
    """Number of edges that promise to replicate with some probability."""
    return int((promise[~np.eye(len(promise), dtype=bool)] >= level).sum())


def _strongest(ensemble: Ensemble, mean: Matrix, odds: Mapping[str, Matrix]) -> Html:
    """The edges with the most evidence, or the largest effects where there is none."""
    by = odds.get("evidence", mean)
    size = np.where(np.eye(len(by), dtype=bool), -1.0, np.abs(np.nan_to_num(by)))
    estimated = (
        {"estimate": odds["evidence"] * odds["standard_error"]} if {"evidence", "standard_error"} <= set(odds) else {}
    )
    matrices_of = {"effect": mean, **estimated, **odds}
    rows = []
    for place in np.argsort(-size, axis=None, kind="stable")[: min(_STRONGEST, by.size - len(by))]:
        post, pre = divmod(int(place), len(by))
        cells = (_number(of[post, pre], _FORMS.get(name, ".3g")) for name, of in matrices_of.items())
        rows.append([f"{ensemble.unit_ids[pre]} → {ensemble.unit_ids[post]}", *cells])
    measure = "most evidence" if "evidence" in odds else "largest effects"
    sorted_by = 1 + list(matrices_of).index("evidence" if "evidence" in odds else "effect")
    header = ["sends → receives", *(_LABELS.get(name, name) for name in matrices_of)]
    caption = f"The {len(rows)} edges with the {measure}, positive or negative"
    made = table(caption, header, rows, sorted_by=sorted_by)
    return join(made, paragraph(_LEGEND, class_="legend") if estimated else "")


def _number(value: float, form: str) -> Cell:
    return Cell(format(value, f"z{form}"), float(value))
