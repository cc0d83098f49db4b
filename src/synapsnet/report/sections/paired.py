"""Models compared unit by unit: the share of units in which one forecasts better than another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from synapsnet.analysis.block_bootstrap import BlockBootstrap, compared
from synapsnet.analysis.paired import mean_pairs, pairs_of
from synapsnet.errors import UserError
from synapsnet.report.comparison import Block, Row
from synapsnet.report.html import Cell, Html, bullets, folded, join, paragraph, table
from synapsnet.report.units import units_of

_LEGEND = """Share of units in which the model of the row has the lower nll than the model of the column, on the same \
test bins: the mean over sessions and seeds. Runs of one seed are compared with each other; the only run of a model \
that is fitted by formula stands for every seed."""
_CAPTION = "the first row over time, with 95 % intervals of a paired bootstrap over blocks of time in these sessions"


def paired_section(blocks: Sequence[Block]) -> Html:
    """A matrix for every recording with two models or more."""
    made = {block.title: _matrix(block) for block in blocks if len(block.rows) > 1}
    if not made:
        return paragraph("There are no two models on one recording to compare.")
    alone = len(made) == 1
    parts = [
        matrix if alone else folded(title, matrix, open_=not place)
        for place, (title, matrix) in enumerate(made.items())
    ]
    return join(paragraph(_LEGEND, class_="legend"), *parts)


def _matrix(block: Block) -> Html:
    units, notes = units_of(block)
    pairs = pairs_of(units) if len(units) else pd.DataFrame()
    means = (
        mean_pairs(pairs).set_index(["model", "other"]) if len(pairs) else pd.DataFrame(columns=["share_better_than"])
    )
    share = means.share_better_than.to_dict()
    names = [row.name for row in block.ranked if (row.name, row.name) in share]
    if len(names) < 2:
        return join(paragraph(f"{block.title}: no two models have scores of the same units."), bullets(notes))

    def cell(model: str, other: str) -> Cell:
        value = share.get((model, other), math.nan)
        return Cell("·") if model == other or math.isnan(value) else Cell(f"{value:.0%}", value, value)

    rows = [[name, *(cell(name, other) for other in names)] for name in names]
    caption = f"{block.title}: units in which the row is better than the column"
    return join(table(caption, ["", *names], rows, class_="paired"), _over_time(block), bullets(notes))


def _over_time(block: Block) -> Html:
    """The first row against each other row within the recorded sessions; nothing where runs kept no blocks of time."""
    leader, *others = block.ranked
    lines = []
    for row in others:
        found = _bootstrapped(block, leader, row)
        if found is not None:
            interval = f"{found.difference:z.4f} ({found.low:.4f} to {found.high:.4f})"
            share = f"{found.share:.0%} ({found.share_low:.0%} to {found.share_high:.0%})"
            lines.append(
                [row.name, Cell(interval, found.difference), Cell(share, found.share), Cell(str(found.n_blocks))]
            )
    if not lines:
        return join()
    heading = [f"{leader.name} against", "difference in nll", "units better", "blocks"]
    return table(f"{block.title}: {_CAPTION}", heading, lines)


def _bootstrapped(block: Block, leader: Row, row: Row) -> BlockBootstrap | None:
    """None where blocks are missing, or are of other bins."""
    try:
        ours, theirs = ({run.seed: run.time_blocks for run in of.runs if run.has_time_blocks} for of in (leader, row))
        found = compared(ours, theirs, by_formula=(leader.by_formula, row.by_formula))
        return None if found is None else found[0]
    except (UserError, ValueError):
        return None
