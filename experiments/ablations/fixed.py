"""A connectivity that is given rather than learned."""

from __future__ import annotations

from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from synapsnet.errors import UserError
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.per_session import PerSession
from synapsnet.session import SessionSpec, TaskSpec


@final
class FixedConnectivity(Connectivity):
    """``A`` from the file of another run, scaled and fixed; decoders learn to use it.

    Args:
        spec: The sessions.
        source: ``connectivity.npz`` of a run on the same recording.
        matrix: Key of the matrix, ``raw`` or ``method/<name>``.
        shuffled: True to permute the senders of every receiver, each by itself, which keeps its weights.
        total: Root mean square over units of the length of a row of ``A``.

    Raises:
        UserError: if the file lacks a session, or has it with other units.
    """

    def __init__(self, *, spec: TaskSpec, source: str, matrix: str, shuffled: bool, total: float) -> None:
        super().__init__()
        matrices = [_read(Path(source), session, matrix) for session in spec.sessions]
        self.fixed = PerSession(_prepared(weights, shuffled, total) for weights in matrices)

    def matrix(self, session: int) -> Tensor:
        return self.fixed[session]

    def penalty(self) -> Tensor:
        return torch.zeros((), device=self.fixed[0].device)


def _read(source: Path, session: SessionSpec, matrix: str) -> Tensor:
    try:
        with np.load(source, allow_pickle=False) as archive:
            weights, unit_ids = (archive[f"{session.session_id}/{name}"] for name in (matrix, "unit_ids"))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{source}: no {matrix} of session {session.session_id!r} can be read ({error})") from error
    if [str(name) for name in unit_ids] != list(session.unit_ids):
        raise UserError(f"{source}: session {session.session_id!r} has other units there")
    return torch.from_numpy(np.nan_to_num(weights, nan=0.0).astype(np.float32))  # a unit that never varies has none


def _prepared(weights: Tensor, shuffled: bool, total: float) -> Tensor:
    weights = weights.clone().fill_diagonal_(0)
    if shuffled:
        for receiver, row in enumerate(weights):
            senders = torch.tensor([unit for unit in range(len(row)) if unit != receiver], dtype=torch.long)
            row[senders] = row[senders[torch.randperm(len(senders))]]
    lengths = weights.square().sum(1).mean().sqrt()
    return weights * (total / lengths) if lengths > 0 else weights
