"""Scores of the test split: a table for every recording, and one over all of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from synapsnet.metrics import FEW, Column, columns, footnotes
from synapsnet.report.comparison import PRIMARY, Block
from synapsnet.report.html import Cell, Html, bullets, folded, join, paragraph, table, tag
from synapsnet.report.study import fact, n_sessions, scores
from synapsnet.report.units import owned

_FACTS = (
    Column("n_parameters", "parameters", 0, None, ",.0f"),
    Column("fit_seconds", "seconds to fit", 1, None, ",.0f"),
)
_LEGEND = """Mean over the runs of a row, which differ by their seed alone, ± their standard deviation; n is their \
number. Scores of several sessions are averaged over these first. ↓ marks a score of which less is better, bold type \
the best of the complete rows, and ‡ a score whose difference from the first of them few units own. The median gain, \
in nats per bin, is the gain of the typical unit over the mean of the train split: two units that drift cannot move it \
as they move a mean. A click on a heading sorts."""


def scores_section(blocks: Sequence[Block]) -> Html:
    """All tables, rows sorted by the median gain."""
    scored = [block for block in blocks if any(scores(run) for row in block.rows for run in row.runs)]
    if not scored:
        return paragraph("No run has scores.")
    overview = [_overview(scored)] if len(scored) > 1 else []
    open_ = len(scored) <= 6
    tables = [folded(block.title, _table(block), open_=open_) if len(scored) > 1 else _table(block) for block in scored]
    return join(paragraph(_LEGEND, class_="legend"), *overview, *tables)


def _table(block: Block) -> Html:
    rows = block.ranked
    shown = columns(name for row in rows for run in row.runs for name in scores(run))
    whole = [row for row in rows if not block.flaws(row)]
    best = {of.name: of.best(row.mean(of.name) for row in whole) for of in shown}
    few = owned(block, whole[0]) if whole else {}
    facts = [of for of in _FACTS if any(not math.isnan(fact(run, of.name)) for row in rows for run in row.runs)]
    lines = []
    for row in rows:
        flaws = block.flaws(row)
        name = join(row.name, tag("small", f" ({', '.join(flaws)})")) if flaws else row.name
        cells = []
        for of in shown:
            values = row.values(of.name)
            mark = FEW if of.name in few.get(row.name, {}) else ""
            cells.append(_cell(of, values, math.nan if flaws else best[of.name], mark))
        cells += [_cell(of, [fact(run, of.name) for run in row.runs], math.nan, spread=False) for of in facts]
        lines.append([name, Cell(len(row.runs), len(row.runs)), *cells])
    heads = ["model", "n", *(of.heading for of in (*shown, *facts))]
    place = 2 + next((place for place, of in enumerate(shown) if of.name == PRIMARY), 0)
    sessions = max(n_sessions(run) for row in rows for run in row.runs)
    over = f", mean over {sessions} sessions" if sessions > 1 else ""
    made = table(f"{block.title}: scores of the test split{over}", heads, lines, sorted_by=place)
    notes = footnotes(whole[0].name, few) if few else []
    return join(made, folded(notes[0], bullets(notes[1:])) if notes else "")


def _cell(column: Column, values: Sequence[float], best: float, mark: str = "", *, spread: bool = True) -> Cell:
    mean = float(np.mean(values))
    if math.isnan(mean):
        return Cell("-")
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
    shown = tag("strong", column.text(mean)) if mean == best else column.text(mean)
    around = tag("small", f" ± {column.text(sd)}") if spread and not math.isnan(sd) else ""
    return Cell(join(shown, mark, around), mean)


def _overview(blocks: Sequence[Block]) -> Html:
    """Median gain of models on recordings, sorted by their mean place."""
    (column,) = columns([PRIMARY])
    names = dict.fromkeys(row.name for block in blocks for row in block.rows)
    gains = {(row.name, block.title): row.mean(PRIMARY) for block in blocks for row in block.rows}
    best = [column.best(row.mean(PRIMARY) for row in block.rows if not block.flaws(row)) for block in blocks]
    places = {name: _mean_place(name, blocks) for name in names}
    rows = []
    for name in sorted(names, key=lambda name: (places[name][1] < len(blocks), places[name][0])):
        place, count = places[name]
        cells = []
        for block, first in zip(blocks, best, strict=True):
            gain = gains.get((name, block.title), math.nan)
            shown = column.text(gain)
            cells.append(Cell(tag("strong", shown) if gain == first else shown, None if math.isnan(gain) else gain))
        mean = Cell(f"{place:.1f}", -place) if count == len(blocks) else Cell("-")
        rows.append([name, mean, *cells])
    caption = "Median gain on every recording, and mean place in the rankings of models with runs on all"
    return table(caption, ["model", "mean place", *(block.title for block in blocks)], rows, sorted_by=1)


def _mean_place(name: str, blocks: Sequence[Block]) -> tuple[float, int]:
    """Mean place of a model in the rankings that have it, and their number."""
    places = [
        place
        for block in blocks
        for place, row in enumerate(block.ranked, 1)
        if row.name == name and not math.isnan(row.mean(PRIMARY))
    ]
    return (float(np.mean(places)) if places else math.inf), len(places)
