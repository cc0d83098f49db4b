"""Sparse precision matrices by the graphical lasso, from a warm start and for any correlation matrix.

scikit-learn's solver serves only as a check in tests. Its coordinate descent fails for units that share a strong drive,
even if the solution is well-conditioned, and it cannot start from the solution for another penalty.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

RESIDUAL = 3e-5  # relative, at which the solution has converged
MAX_STEPS = 1000  # usually tens are enough
RELAXATION = 1.6
BALANCE = 10.0  # ratio of the two residuals beyond which the step size is changed


def graphical_lasso(correlation: Matrix, penalty: float, *, start: Matrix) -> Matrix | None:
    """The P that minimises ``tr(S P) - log det P + penalty * sum_(i != j) |P_ij|`` over positive definite matrices.

    Uses the alternating direction method of multipliers (Boyd et al. 2011, section 6.5): P is split into a smooth copy,
    solved by eigenvalues, and a sparse copy, solved by soft-thresholding; the two are driven to agree.

    Args:
        correlation: S; may be singular.
        penalty: Penalty above 0.
        start: Initial guess of P, such as the solution for another penalty.

    Returns:
        P, symmetric; None if the two copies did not converge.
    """
    sparse, dual, step = start, np.zeros_like(start), 1.0
    threshold = np.where(np.eye(len(start), dtype=bool), 0.0, penalty)
    for _ in range(MAX_STEPS):
        eigenvalues, basis = np.linalg.eigh(step * (sparse - dual) - correlation)
        smooth = (basis * ((eigenvalues + np.sqrt(eigenvalues**2 + 4 * step)) / (2 * step))) @ basis.T
        relaxed = RELAXATION * smooth + (1 - RELAXATION) * sparse
        previous, shifted = sparse, relaxed + dual
        sparse = np.sign(shifted) * np.maximum(np.abs(shifted) - threshold / step, 0)
        dual = shifted - sparse
        primal = float(np.linalg.norm(smooth - sparse) / np.linalg.norm(sparse))
        change = float(np.linalg.norm(sparse - previous)) / max(float(np.linalg.norm(dual)), 1e-12)
        if max(primal, change) < RESIDUAL:
            symmetric: Matrix = (sparse + sparse.T) / 2
            return symmetric if np.linalg.eigvalsh(symmetric)[0] > 0 else None
        factor = 2.0 if primal > BALANCE * change else 0.5 if change > BALANCE * primal else 1.0
        step, dual = step * factor, dual / factor
    return None
