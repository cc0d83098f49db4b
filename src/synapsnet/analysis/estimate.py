"""The return value of every method: one estimate of which unit drives which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synapsnet.errors import UserError


@dataclass(frozen=True, eq=False)
class ConnectivityEstimate:
    """One method's answer for one session, validated on construction.

    Attributes:
        method: Name of the method or model.
        session_id: Name of the session.
        unit_ids: Names of the units, in the order of both axes.
        matrix: Strength from every sender to every receiver, ``[post, pre]`` with a zero diagonal.
        per_lag: The same by lag, the most recent bin first, ``[lags, post, pre]``; sums to ``matrix``. None where the
            method does not resolve lags.
        standard_error: Standard error of ``matrix``, ``[post, pre]``; None where the method has none.
        signed: True if the sign of an entry means excitation or inhibition (transfer entropy has no sign).
        directed: True if ``matrix[i, j]`` and ``matrix[j, i]`` may differ (zero-lag correlation is symmetric).

    Raises:
        UserError: if a shape does not fit or a value is not finite.
    """

    method: str
    session_id: str
    unit_ids: tuple[str, ...]
    matrix: npt.NDArray[np.floating]
    per_lag: npt.NDArray[np.floating] | None = None
    standard_error: npt.NDArray[np.floating] | None = None
    signed: bool = True
    directed: bool = True

    def __post_init__(self) -> None:
        square = (len(self.unit_ids), len(self.unit_ids))
        for name in ("matrix", "per_lag", "standard_error"):
            values = getattr(self, name)
            if values is None:
                continue
            if values.shape[-2:] != square or values.ndim != (3 if name == "per_lag" else 2):
                raise UserError(f"{self._where}: {name} is {values.shape} for {square[0]} units")
            if not np.isfinite(values).all():
                raise UserError(f"{self._where}: {name} has NaN or Inf values")
        if np.diagonal(self.matrix).any():
            raise UserError(f"{self._where}: the diagonal of matrix must be zero")

    @property
    def _where(self) -> str:
        return f"connectivity by {self.method} of session {self.session_id!r}"

    def of_units(self, unit_ids: tuple[str, ...]) -> ConnectivityEstimate:
        """The same estimate for some of the units, in the order given."""
        missing = sorted(set(unit_ids) - set(self.unit_ids))
        if missing:
            raise UserError(f"{self._where}: no unit {missing[0]!r}")
        chosen = np.array([self.unit_ids.index(unit) for unit in unit_ids], dtype=np.int64)
        both = np.ix_(chosen, chosen)
        return ConnectivityEstimate(
            method=self.method,
            session_id=self.session_id,
            unit_ids=unit_ids,
            matrix=self.matrix[both],
            per_lag=None if self.per_lag is None else self.per_lag[:, chosen[:, None], chosen],
            standard_error=None if self.standard_error is None else self.standard_error[both],
            signed=self.signed,
            directed=self.directed,
        )
