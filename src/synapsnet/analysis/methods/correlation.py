"""Zero-lag correlation: units that are active together."""

from __future__ import annotations

from typing import final

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.analysis.methods.series import correlation, pieces_of
from synapsnet.data.task import Task


@final
class Correlation(ConnectivityMethod):
    """Pearson correlation of two units in the same bin, from -1 to 1; symmetric."""

    name = "correlation"
    directed = False

    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        matrix = correlation(pieces_of(task, session, "train"), 0)
        return self.answer(task, session, ((matrix + matrix.T) / 2).numpy())
