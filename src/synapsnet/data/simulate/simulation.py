"""Output of every generator: an ordinary recording and the connectivity that generated it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError
from synapsnet.session import Session


@dataclass(frozen=True, eq=False)
class Simulation:
    """A simulated recording and its true connectivity, validated on construction.

    Attributes:
        session: The recording.
        truth: The generator's own mean Jacobian, ``[post, pre]`` with a zero diagonal: the activity of the receiver
            that one unit of activity of the sender adds directly, on average over the recording. This is the quantity
            that effective connectivity estimates. Integrate-and-fire networks (`lif`, `nest`) have no such derivative;
            their truth is the synaptic weights in mV per spike. Its scale says nothing about the size of the effect on
            spikes, so use scores that ignore the scale.

    Raises:
        UserError: if the truth does not match the recording.
    """

    session: Session
    truth: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        n_units = self.session.n_units
        if self.truth.shape != (n_units, n_units):
            raise UserError(
                f"session {self.session.session_id!r}: truth must be [{n_units} post, {n_units} pre], "
                f"got shape {self.truth.shape}"
            )
        if not np.isfinite(self.truth).all():
            raise UserError(f"session {self.session.session_id!r}: truth has NaN or Inf values")
        if np.diagonal(self.truth).any():
            raise UserError(f"session {self.session.session_id!r}: truth must have a zero diagonal")
