"""Interface of all model-free connectivity methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.data.task import Task


class ConnectivityMethod(ABC):
    """Estimates connectivity from the train split; settings are selected on the validation split.

    A method sees the activity that the models see (`synapsnet.session.scale.Scale.inputs`), but never the true
    connectivity, and never the test split.
    """

    name: ClassVar[str]
    """Name in tables, the same as that of its yaml."""
    signed: ClassVar[bool] = True
    """See `ConnectivityEstimate.signed`."""
    directed: ClassVar[bool] = True
    """See `ConnectivityEstimate.directed`."""

    def check(self, task: Task, session: int) -> None:  # noqa: B027  # most methods can do with any session
        """Refuse a session that the method cannot do with, before the fit.

        Raises:
            UserError: if its settings leave it nothing to estimate.
        """

    @abstractmethod
    def estimate(self, task: Task, session: int) -> ConnectivityEstimate:
        """Strength from every sender to every receiver.

        Args:
            task: The recordings and their splits.
            session: Index of the session in ``task.spec.sessions``.
        """

    @final
    def answer(self, task: Task, session: int, matrix: npt.NDArray[np.float64]) -> ConnectivityEstimate:
        """Wrap a matrix ``[post, pre]`` as an estimate, with the diagonal set to zero."""
        info = task.spec.sessions[session]
        return ConnectivityEstimate(
            method=self.name,
            session_id=info.session_id,
            unit_ids=info.unit_ids,
            matrix=np.where(np.eye(len(matrix), dtype=bool), 0.0, matrix),
            signed=self.signed,
            directed=self.directed,
        )
