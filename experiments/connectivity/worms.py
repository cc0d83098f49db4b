"""Every method's matrices of the worms, scored against anatomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from connectome import Anatomy, Matrix, auroc_by_chance, identified, pooled, symmetry, wiring_scores
from fits import Fits, Subject

WORMS = "calcium_worm"
POOLED = "pooled"
"""Stands for a session in the table: the matrix of all animals together."""


def worm_scores(found: Mapping[Subject, Fits], anatomy: Anatomy) -> pd.DataFrame:
    """One row a method and animal, and one for the matrix pooled over animals, with its chance by shuffled names.

    ``auroc_surrogates`` is the mean AUROC of matrices fitted on surrogates of an animal: what cells score that are not
    connected, by being busy or quiet alone.
    """
    rows = []
    animals: dict[str, list[Subject]] = {}
    for subject in found:
        if subject.recording == WORMS:
            animals.setdefault(subject.method, []).append(subject)
    for method, subjects in animals.items():
        matrices = []
        for subject in subjects:
            fits = found[subject]
            places = identified(fits.whole[0].unit_ids, anatomy)
            matrices.append((fits.matrix, places))
            chosen, cells = list(places.values()), tuple(places)
            by_chance = [wiring_scores(fit.matrix[chosen][:, chosen], cells, anatomy) for fit in fits.surrogates]
            rows.append(
                {"method": method, "session": subject.session}
                | _scores(fits.matrix[chosen][:, chosen], cells, anatomy)
                | {"auroc_surrogates": np.mean([scores["auroc"] for scores in by_chance]) if by_chance else np.nan}
            )
        matrix, cells = pooled(matrices)
        chance, chance_sd = auroc_by_chance(matrix, cells, anatomy, seed=0)
        rows.append(
            {"method": method, "session": POOLED, "auroc_null": chance, "auroc_null_sd": chance_sd}
            | _scores(matrix, cells, anatomy)
        )
    return pd.DataFrame(rows)


def _scores(matrix: Matrix, cells: Sequence[str], anatomy: Anatomy) -> dict[str, float]:
    return wiring_scores(matrix, cells, anatomy) | symmetry(matrix, cells, anatomy, seed=0)
