"""Laws of the ring attractor."""

import numpy as np
import pytest

from synapsnet.data.simulate import simulate_ring_network
from synapsnet.data.simulate.networks import ring_network


def simulate(**changed):
    settings = {"n_units": 100, "duration_s": 60.0, "bin_width_s": 0.02, "density": 1.0, "dale": False, "gain": 1.5}
    settings |= {"time_constants_s": [0.05, 0.05], "noise": 1.0, "common_drive": 0.0, "seed": 0}
    return simulate_ring_network(**(settings | changed))


@pytest.mark.parametrize("dale", [False, True])
def test_every_unit_has_the_same_neighbourhood(dale):
    weights = ring_network(n_units=40, density=0.3, dale=dale)
    for unit in range(40):
        np.testing.assert_allclose(np.roll(weights[unit], -unit), weights[0], atol=1e-12)
    assert not np.diag(weights).any()


@pytest.mark.parametrize(("density", "bumps"), [(1.0, {1}), (0.3, {3, 4})])
def test_a_pattern_of_bumps_arises_above_a_gain_of_one(density, bumps):
    def spectrum(gain):
        rates = np.tanh(simulate(gain=gain, density=density, noise=0.2).session.activity)
        return np.abs(np.fft.rfft(rates, axis=1)).mean(0)

    attractor, flat = spectrum(1.5), spectrum(0.5)
    assert int(attractor.argmax()) in bumps
    assert attractor.max() > 10 * flat.max()


def test_the_bump_moves():
    rates = np.tanh(simulate(density=0.3, noise=1.5).session.activity)
    modes = np.fft.rfft(rates, axis=1)
    strongest = np.abs(modes).mean(0).argmax()
    assert np.ptp(np.unwrap(np.angle(modes[:, strongest]))) > np.pi


def test_units_lie_on_a_circle_in_order():
    table = simulate(duration_s=1.0).session.unit_table
    radius = np.hypot(table["x_um"], table["y_um"])
    np.testing.assert_allclose(radius, radius[0])
    assert (np.diff(np.unwrap(np.arctan2(table["y_um"], table["x_um"]))) > 0).all()


def test_units_that_do_not_connect_are_correlated():
    simulation = simulate(density=0.3, noise=1.5)
    correlation = np.corrcoef(simulation.session.activity.T)
    unconnected = (simulation.truth == 0) & ~np.eye(100, dtype=bool)
    assert np.abs(correlation[unconnected]).mean() > 0.1
