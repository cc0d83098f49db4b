"""Every method's matrices of the worms, scored against anatomy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.connectivity.connectome import (
    Anatomy,
    Matrix,
    auroc_by_chance,
    identified,
    pooled,
    symmetry,
    wiring_scores,
)
from synapsnet.report.ensemble import Ensemble

WORMS = "calcium_worm"
POOLED = "pooled"
"""Stands for a session in the table: the matrix of all animals together."""


def worm_scores(found: Sequence[Ensemble], anatomy: Anatomy) -> pd.DataFrame:
    """One row per method and animal, and one for the matrix pooled over animals with chance by shuffled names.

    ``auroc_surrogates`` is the mean AUROC of matrices fitted on surrogates of an animal: the score that unconnected
    cells reach only because some are busy and others quiet.
    """
    rows = []
    animals: dict[str, list[Ensemble]] = {}
    for ensemble in found:
        if ensemble.recording == WORMS:
            animals.setdefault(ensemble.method, []).append(ensemble)
    for method, ensembles in animals.items():
        matrices = []
        for ensemble in ensembles:
            matrix, places = ensemble.mean("whole"), identified(ensemble.unit_ids, anatomy)
            assert matrix is not None
            matrices.append((matrix, places))
            chosen, cells = list(places.values()), tuple(places)
            by_chance = [
                wiring_scores(fit.estimate.matrix[chosen][:, chosen], cells, anatomy) for fit in ensemble.surrogates
            ]
            rows.append(
                {"data": WORMS, "method": method, "session": ensemble.session_id}
                | _scores(matrix[chosen][:, chosen], cells, anatomy)
                | {"auroc_surrogates": np.mean([scores["auroc"] for scores in by_chance]) if by_chance else np.nan}
            )
        matrix, cells = pooled(matrices)
        chance, chance_sd = auroc_by_chance(matrix, cells, anatomy, seed=0)
        rows.append(
            {"data": WORMS, "method": method, "session": POOLED, "auroc_null": chance, "auroc_null_sd": chance_sd}
            | _scores(matrix, cells, anatomy)
        )
    return pd.DataFrame(rows)


def _scores(matrix: Matrix, cells: Sequence[str], anatomy: Anatomy) -> dict[str, float]:
    return wiring_scores(matrix, cells, anatomy) | symmetry(matrix, cells, anatomy, seed=0)
