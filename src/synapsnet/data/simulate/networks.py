"""Random connectivity for simulated recordings, ``[post, pre]``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def dale_network(
    rng: np.random.Generator,
    *,
    n_units: int,
    density: float,
    inhibitory_fraction: float,
    weight_sigma: float,
) -> npt.NDArray[np.float64]:
    """Sparse, signed, directed weights in which each sending unit is excitatory or inhibitory (Dale's law).

    Sizes are log-normal, as between cortical neurons (Song et al. 2005). Inhibitory weights are larger by the
    ratio of the two populations, so that excitation and inhibition balance.

    Args:
        rng: Source of randomness.
        n_units: Number of units.
        density: Probability of a connection from one unit to another.
        inhibitory_fraction: Share of inhibitory units, between 0 and 1, both excluded.
        weight_sigma: Standard deviation of the logarithm of a weight; the median excitatory weight is 1.

    Returns:
        Weights ``[post, pre]`` with a zero diagonal; within a column all of one sign.
    """
    n_inhibitory = round(inhibitory_fraction * n_units)
    sign = np.ones(n_units)
    sign[rng.permutation(n_units)[:n_inhibitory]] = -(1 - inhibitory_fraction) / inhibitory_fraction
    connected = rng.random((n_units, n_units)) < density
    np.fill_diagonal(connected, False)
    sizes = rng.lognormal(0.0, weight_sigma, (n_units, n_units))
    return np.where(connected, sizes * sign, 0.0)
