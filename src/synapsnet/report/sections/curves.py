"""Learning curves: the loss of validation over training steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from synapsnet.errors import UserError
from synapsnet.report.comparison import Block
from synapsnet.report.html import Html, folded, join, paragraph, plot
from synapsnet.results import Run
from synapsnet.results.files import CURVE
from synapsnet.viz.interactive.curves import Curve, curves

_FEW_RUNS = 3  # whose loss in training is drawn as well
_POINTS, _HEIGHT = 150, 380
_TRAIN, _VALIDATION = "train/nll", "validation/nll"


def curves_section(blocks: Sequence[Block], unfinished: Mapping[str, Run]) -> Html:
    """A figure for every recording, a line for every run, and one of the runs that are not finished.

    Args:
        blocks: Finished runs.
        unfinished: Other runs by name.
    """
    names = dict.fromkeys(row.name for block in blocks for row in block.ranked)
    places = {name: place for place, name in enumerate(names)}
    made = [(block.title, _figure(block, places)) for block in blocks]
    begun = [
        line for place, (name, run) in enumerate(unfinished.items()) for line in _lines(run, name, place, train=False)
    ]
    if begun:
        made.append(
            ("not finished", plot(curves(begun, points=_POINTS), "Learning curves of unfinished runs", _HEIGHT))
        )
    alone = len(made) == 1 and not begun
    legend = paragraph("One line a run, one colour a model.", class_="legend")
    if alone:
        return join(legend, made[0][1])
    return join(legend, *(folded(title, content, open_=not place) for place, (title, content) in enumerate(made)))


def _figure(block: Block, places: Mapping[str, int]) -> Html:
    lines: list[Curve] = []
    without: list[str] = []
    few = sum(len(row.runs) for row in block.rows) <= _FEW_RUNS
    for row in block.ranked:
        for run in row.runs:
            of_run = _lines(run, row.name, places[row.name], train=few)
            lines += of_run
            without += [] if of_run else [row.name]
    said = paragraph(f"No curve: {', '.join(dict.fromkeys(without))}.") if without else Html()
    if not lines:
        return said
    label = f"Learning curves on {block.title}"
    return join(plot(curves(lines, points=_POINTS), label, _HEIGHT), said)


def _lines(run: Run, name: str, place: int, *, train: bool) -> list[Curve]:
    try:
        table = pd.read_csv(run.folder / CURVE)
        found = []
        for column in (_VALIDATION, *([_TRAIN] if train else [])):
            points = table[["step", column]].astype(np.float64).dropna()
            what = f"{name}, seed {run.seed}{', train' if column == _TRAIN else ''}"
            if len(points) > 1:  # what is fitted by formula leaves one
                values = points.to_numpy()
                found.append(Curve(name, place, what, values[:, 0], values[:, 1], faint=column == _TRAIN))
        return found if found and not found[0].faint else []
    except (UserError, OSError, ValueError, KeyError):  # none, or one that cannot be read
        return []
