"""Every model against every other within the recorded sessions: a paired bootstrap over blocks of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import combinations

import pandas as pd

from experiments.forecasting.study import BY_FORMULA
from synapsnet.analysis.block_bootstrap import BlockBootstrap, OfSeeds, compared
from synapsnet.metrics import TimeBlocks
from synapsnet.results import Run

KEYS = ["data", "model", "other"]


def blocks_of(runs: Iterable[Run]) -> dict[tuple[str, str], OfSeeds]:
    """Blocks of all runs that have them, by recording and model."""
    found: dict[tuple[str, str], dict[int, Mapping[str, TimeBlocks]]] = {}
    for run in runs:
        if run.has_time_blocks:
            found.setdefault((run.recording, run.model_name), {})[run.seed] = run.time_blocks
    return dict(found)


def pairs_over_time(blocks: Mapping[tuple[str, str], OfSeeds]) -> pd.DataFrame:
    """One row per recording and pair of models that have a seed in common, see `BlockBootstrap`.

    The only run of a model `BY_FORMULA` stands for every seed.
    """
    rows = []
    for (data, model), (other_data, other) in combinations(blocks, 2):
        if data == other_data:
            by_formula = model in BY_FORMULA, other in BY_FORMULA
            found = compared(blocks[data, model], blocks[other_data, other], by_formula=by_formula)
            for pair, ours in zip(((model, other), (other, model)), found or (), strict=False):
                rows.append({"data": data, **dict(zip(KEYS[1:], pair, strict=True)), **vars(ours)})
    return pd.DataFrame(rows, columns=[*KEYS, *(field.name for field in fields(BlockBootstrap))])
