"""Random connectivity for simulated recordings, ``[post, pre]``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

INHIBITORY_FRACTION = 0.2  # of cortical neurons


def dale_network(
    rng: np.random.Generator,
    *,
    n_units: int,
    density: float,
    inhibitory_fraction: float,
    weight_sigma: float,
) -> npt.NDArray[np.float64]:
    """Sparse, signed, directed weights in which each sending unit is excitatory or inhibitory (Dale's law).

    Sizes are log-normal, as between cortical neurons (Song et al. 2005). Inhibitory weights are larger by the ratio of
    excitatory to inhibitory units, so that excitation and inhibition balance.

    Args:
        rng: Source of randomness.
        n_units: Number of units.
        density: Probability of a connection from one unit to another.
        inhibitory_fraction: Share of inhibitory units, between 0 and 1 (exclusive).
        weight_sigma: Standard deviation of the logarithm of a weight; the median excitatory weight is 1.

    Returns:
        Weights ``[post, pre]`` with a zero diagonal; all weights in a column have the same sign.
    """
    n_inhibitory = round(inhibitory_fraction * n_units)
    sign = np.ones(n_units)
    sign[rng.permutation(n_units)[:n_inhibitory]] = -(1 - inhibitory_fraction) / inhibitory_fraction
    connected = rng.random((n_units, n_units)) < density
    np.fill_diagonal(connected, False)
    sizes = rng.lognormal(0.0, weight_sigma, (n_units, n_units))
    return np.where(connected, sizes * sign, 0.0)


def mixed_network(
    rng: np.random.Generator, *, n_units: int, density: float, weight_sigma: float
) -> npt.NDArray[np.float64]:
    """Sparse directed weights of log-normal size and random sign; a sender may have both signs.

    Args:
        rng: Source of randomness.
        n_units: Number of units.
        density: Probability of a connection from one unit to another.
        weight_sigma: Standard deviation of the logarithm of a weight; the median size is 1.

    Returns:
        Weights ``[post, pre]`` with a zero diagonal.
    """
    connected = rng.random((n_units, n_units)) < density
    np.fill_diagonal(connected, False)
    sizes = rng.lognormal(0.0, weight_sigma, (n_units, n_units))
    return np.where(connected, sizes * rng.choice([-1.0, 1.0], (n_units, n_units)), 0.0)


def sparse_network(
    rng: np.random.Generator, *, n_units: int, density: float, weight_sigma: float, dale: bool
) -> npt.NDArray[np.float64]:
    """`dale_network` with a fifth of the units inhibitory, or `mixed_network`, ``[post, pre]``."""
    if not dale:
        return mixed_network(rng, n_units=n_units, density=density, weight_sigma=weight_sigma)
    return dale_network(
        rng,
        n_units=n_units,
        density=density,
        inhibitory_fraction=INHIBITORY_FRACTION,
        weight_sigma=weight_sigma,
    )


def ring_network(*, n_units: int, density: float, dale: bool) -> npt.NDArray[np.float64]:
    """Weights between the units of a ring by distance: near units excite each other, and farther ones inhibit.

    With d the distance between two units and R the reach of a unit, a weight is cos(pi d / R) for d <= R and else 0,
    so a bump of activity is about R wide. A reach of half the ring is the classical cosine network with one bump
    (Ben-Yishai et al. 1995); a shorter reach gives a pattern of about 1 / density bumps.

    Args:
        n_units: Number of units.
        density: Share of the ring that a unit reaches, in both directions: R is half of it, but at least one neighbor.
        dale: Obey Dale's law: all units inhibit, farther ones more strongly: (cos(pi d / R) - 1) / 2.

    Returns:
        Weights ``[post, pre]`` with a zero diagonal, symmetric.
    """
    units = np.arange(n_units)
    apart = np.abs(units[:, None] - units)
    distance = np.minimum(apart, n_units - apart)
    reach = max(round(density * (n_units - 1) / 2), 1)
    shape = np.cos(np.pi * distance / reach)
    weights = np.where(distance <= reach, (shape - 1) / 2 if dale else shape, 0.0)
    np.fill_diagonal(weights, 0.0)
    return weights


def with_gain(weights: npt.NDArray[np.float64], gain: float) -> npt.NDArray[np.float64]:
    """Scale weights so that the root mean square over units of the norm of the incoming weights is `gain`.

    For a large random network with balanced weights, this is the spectral radius (Girko's circular law). All-zero
    weights stay zero.
    """
    norm = np.linalg.norm(weights) / np.sqrt(len(weights))
    return weights * (gain / norm) if norm > 0 else weights
