"""Learned connectivity of worms compared with their anatomy (synapses and gap junctions), and left with right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from synapsnet.correlation import pearson
from synapsnet.errors import UserError

Matrix = npt.NDArray[np.float64]

FILES = ("connectome_white_1986_whole.npz", "connectome_witvliet_2020_7.npz", "connectome_witvliet_2020_8.npz")
SHUFFLES = 500
ROUNDS = 50  # of balancing


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Synapses between cells.

    Attributes:
        names: Names of the cells.
        synapses: Chemical synapses and gap junctions of each pair, averaged over the animals in which both cells were
            traced, ``[post, pre]``; NaN where there is no such animal.
    """

    names: tuple[str, ...]
    synapses: Matrix

    def among(self, cells: Sequence[str]) -> Matrix:
        """Synapses among some of the cells, ``[post, pre]``."""
        places = [self.names.index(cell) for cell in cells]
        return self.synapses[np.ix_(places, places)]

    def mirror(self, cell: str) -> str | None:
        """The same cell on the other side; None for a cell in the midline."""
        other = cell[:-1] + {"L": "R", "R": "L"}.get(cell[-1], "")
        return other if other != cell and other in self.names else None


def read_anatomy(folder: Path) -> Anatomy:
    """Mean of the three adult connectomes of `FILES`: White et al. 1986, two of Witvliet et al. 2021.

    Files hold chemical synapses as ``[pre, post]``. The two of 2021 end at the nerve ring, so pairs with a cell of the
    pharynx or the ventral cord come from the first alone.

    Raises:
        UserError: if a file is missing.
    """
    counted: list[tuple[list[str], Matrix]] = []
    for name in FILES:
        if not (folder / name).is_file():
            raise UserError(f"{folder}: no {name}; --data names the folder of the recordings")
        with np.load(folder / name, allow_pickle=False) as arrays:
            synapses = arrays["chem"].T.astype(np.float64) + arrays["gap"]
            counted.append(([str(cell) for cell in arrays["names"]], synapses))
    names = tuple(sorted({cell for cells, _ in counted for cell in cells}))
    total, animals = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)))
    for cells, synapses in counted:
        both = np.ix_(*2 * [[names.index(cell) for cell in cells]])
        total[both] += synapses
        animals[both] += 1
    return Anatomy(names, np.divide(total, animals, out=np.full_like(total, np.nan), where=animals > 0))


def identified(unit_ids: Sequence[str], anatomy: Anatomy) -> dict[str, int]:
    """Index of every unit that is identified as one cell, by the cell's name in the anatomy.

    Units are left out if they have no name (``u012``), an unknown side or place (``SAAD?``), or a name that was given
    twice (``URADL`` and ``URADL#2``: it is unknown which of the two is the cell).
    """
    twice = {name.partition("#")[0] for name in unit_ids if "#" in name}
    cells = {re.sub(r"(?<=[A-Z])0+(?=\d)", "", name): place for place, name in enumerate(unit_ids) if name not in twice}
    return {cell: place for cell, place in cells.items() if cell in anatomy.names}


def wiring_scores(matrix: Matrix, cells: Sequence[str], anatomy: Anatomy) -> dict[str, float]:
    """Score how well the magnitude of effects ranks the pairs of cells that are connected anatomically.

    Args:
        matrix: Effects among the cells, ``[post, pre]``; NaN for a pair without an estimate.
        cells: Their names.
        anatomy: The anatomy to score them against.

    Returns:
        ``auroc`` and ``auprc`` of any synapse or gap junction, with chance for the latter as ``auprc_chance``;
        ``auroc_balanced``, with the sizes of receivers and senders divided out, see `balanced`; ``auroc_apart``,
        without the pairs of a cell with its own mirror image; ``spearman`` with the number of synapses.
    """
    synapses, strength = anatomy.among(cells), np.abs(matrix)
    pairs = _pairs(matrix, synapses)
    apart = pairs & ~_homologous(cells, anatomy)
    wired = synapses > 0
    return {
        "auroc": float(roc_auc_score(wired[pairs], strength[pairs])),
        "auroc_balanced": float(roc_auc_score(wired[pairs], balanced(strength)[pairs])),
        "auroc_apart": float(roc_auc_score(wired[apart], strength[apart])),
        "auprc": float(average_precision_score(wired[pairs], strength[pairs])),
        "auprc_chance": float(wired[pairs].mean()),
        "spearman": pearson(rankdata(synapses[pairs]), rankdata(strength[pairs])),
        "n_cells": len(cells),
        "n_pairs": int(pairs.sum()),
    }


def balanced(strength: Matrix) -> Matrix:
    """Strengths divided by sizes of receiver and sender, such that every row and column has a mean square of 1.

    In units of activity, an effect is large if the receiver changes much and the sender changes little. After the
    division only the preference of a cell among its partners remains.
    """
    known = ~np.eye(len(strength), dtype=bool) & ~np.isnan(strength)
    power, pre = np.where(known, strength, 0.0) ** 2, np.ones(len(strength))
    for _ in range(ROUNDS):
        post = _or_one((power / pre).sum(1) / known.sum(1))
        pre = _or_one((power / post[:, None]).sum(0) / known.sum(0))
    return strength / np.sqrt(post[:, None] * pre)


def auroc_by_chance(matrix: Matrix, cells: Sequence[str], anatomy: Anatomy, seed: int) -> tuple[float, float]:
    """Mean and standard deviation of the AUROC with the names of the cells shuffled."""
    synapses = anatomy.among(cells)
    pairs = _pairs(matrix, synapses)
    # The shuffle moves pairs without an estimate into view; there they rank in the middle.
    strength = np.where(np.isnan(matrix), np.nanmedian(np.abs(matrix)), np.abs(matrix))
    rng, wired, values = np.random.default_rng(seed), (synapses > 0)[pairs], []
    n_wired = int(wired.sum())
    for _ in range(SHUFFLES):
        order = rng.permutation(len(cells))
        ranks = rankdata(strength[np.ix_(order, order)][pairs])
        values.append((ranks[wired].sum() - n_wired * (n_wired + 1) / 2) / (n_wired * (len(wired) - n_wired)))
    return float(np.mean(values)), float(np.std(values))


def symmetry(matrix: Matrix, cells: Sequence[str], anatomy: Anatomy, seed: int) -> dict[str, float]:
    """Correlation of ``W[i, j]`` with ``W[mirror of i, mirror of j]``, over pairs for which all four cells were seen.

    Pairs of a cell and its own mirror image are left out: a symmetric matrix would agree with itself.

    Returns:
        ``symmetry``, and its mean and standard deviation with the names of these cells shuffled.
    """
    pairs_of = {cell: anatomy.mirror(cell) for cell in cells}
    sided = [cell for cell in cells if pairs_of[cell] in pairs_of]
    places = np.array([list(cells).index(cell) for cell in sided])
    mirrored = np.array([sided.index(str(pairs_of[cell])) for cell in sided])
    here = matrix[np.ix_(places, places)]
    valid = ~np.eye(len(sided), dtype=bool) & ~_homologous(sided, anatomy)

    def agreement(effects: Matrix) -> float:
        both = valid & ~np.isnan(effects) & ~np.isnan(effects[np.ix_(mirrored, mirrored)])
        return pearson(effects[both], effects[np.ix_(mirrored, mirrored)][both])

    rng = np.random.default_rng(seed)
    orders = (rng.permutation(len(sided)) for _ in range(SHUFFLES))
    by_chance = [agreement(here[np.ix_(order, order)]) for order in orders]
    return {
        "symmetry": agreement(here),
        "symmetry_null": float(np.mean(by_chance)),
        "symmetry_null_sd": float(np.std(by_chance)),
        "n_sided": len(sided),
    }


def pooled(animals: Sequence[tuple[Matrix, Mapping[str, int]]]) -> tuple[Matrix, tuple[str, ...]]:
    """Pool all animals into one matrix by cell name: the mean over the animals that have both cells.

    Args:
        animals: For each animal, its matrix ``[post, pre]`` and the indices of its identified cells. Each matrix is
            divided by the standard deviation of its effects between identified cells, because effects are stronger in
            some animals than in others.

    Returns:
        The matrix (NaN for pairs that were never seen in the same animal), and the cells.
    """
    cells = tuple(sorted({cell for _, places in animals for cell in places}))
    total, seen = np.zeros((len(cells), len(cells))), np.zeros((len(cells), len(cells)))
    for matrix, places in animals:
        chosen = list(places.values())
        effects = matrix[np.ix_(chosen, chosen)]
        size = effects[~np.eye(len(chosen), dtype=bool)].std()
        both = np.ix_(*2 * [[cells.index(cell) for cell in places]])
        total[both] += effects / (size or 1.0)
        seen[both] += 1
    return np.divide(total, seen, out=np.full_like(total, np.nan), where=seen > 0), cells


def _or_one(sizes: Matrix) -> Matrix:
    """Sizes; 1 for a cell without any effect."""
    return np.where(sizes > 0, sizes, 1.0)


def _pairs(matrix: Matrix, synapses: Matrix) -> npt.NDArray[np.bool_]:
    """Pairs of different cells known on both sides, ``[post, pre]``."""
    return ~np.eye(len(matrix), dtype=bool) & ~np.isnan(matrix) & ~np.isnan(synapses)


def _homologous(cells: Sequence[str], anatomy: Anatomy) -> npt.NDArray[np.bool_]:
    """Pairs of a cell and its mirror image, ``[post, pre]``."""
    return np.array([[anatomy.mirror(post) == pre for pre in cells] for post in cells])
