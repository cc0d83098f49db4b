"""A method of connectivity of another lab, and the same with one fault each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.series import Piece, correlation, pieces_of
from synapsnet.data.task import Task

Matrix = npt.NDArray[np.float64]


class NextBin(ConnectivityMethod):
    """Correlation with the next bin."""

    name = "next_bin"

    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        return self.answer(task, session, self.changed(correlation(self.pieces(task, session), 1).numpy()))

    def pieces(self, task: Task, session: int) -> list[Piece]:
        return pieces_of(task, session, "train")

    def changed(self, matrix: Matrix) -> Matrix:
        return matrix


class Nameless(NextBin):
    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        return replace(super().estimate(task, session), method="another")


class Asymmetric(NextBin):
    directed = False


class Ordered(NextBin):
    def changed(self, matrix: Matrix) -> Matrix:
        return matrix * np.linspace(0.9, 1.1, len(matrix))


class Transposed(NextBin):
    def changed(self, matrix: Matrix) -> Matrix:
        return matrix.T


class Unsigned(NextBin):
    def changed(self, matrix: Matrix) -> Matrix:
        return np.abs(matrix)


class Biased(NextBin):
    def changed(self, matrix: Matrix) -> Matrix:
        return matrix + 0.05


class Peeking(NextBin):
    def pieces(self, task: Task, session: int) -> list[Piece]:
        return pieces_of(task, session, "train") + pieces_of(task, session, "test")


class Joining(NextBin):
    """One long series, whatever lies between its pieces."""

    def pieces(self, task: Task, session: int) -> list[Piece]:
        pieces = super().pieces(task, session)
        return [Piece(torch.cat([p.inputs for p in pieces]), torch.cat([p.behavior for p in pieces]))]


class Normalised(NextBin):
    """Entries relative to the row's spread, which copies and silent units change."""

    def changed(self, matrix: Matrix) -> Matrix:
        return matrix / matrix.std(1, keepdims=True).clip(min=1e-9) / 5


class Crowded(NextBin):
    def changed(self, matrix: Matrix) -> Matrix:
        assert len(matrix) > 2, "too few units"
        return matrix


class Drawing(NextBin):
    def changed(self, matrix: Matrix) -> Matrix:
        return matrix + 1e-6 * torch.randn(matrix.shape).numpy()
