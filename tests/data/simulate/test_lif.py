"""Laws of the integrate-and-fire network."""

import numpy as np
import pytest

from synapsnet.data.simulate import simulate_lif_network
from synapsnet.errors import UserError


def simulate(**changed):
    settings = {"n_units": 20, "duration_s": 200.0, "bin_width_s": 0.01, "density": 0.15, "dale": True}
    settings |= {"weight_sigma": 0.3, "weight_mv": 2.0, "synapse_s": 0.005, "drive_mv": 12.0, "noise_mv": 5.0}
    return simulate_lif_network(**(settings | {"common_drive": 0.0, "seed": 0} | changed))


@pytest.fixture(scope="module")
def simulation():
    return simulate()


def test_a_spike_moves_the_rate_of_the_receivers_by_the_sign_of_the_weight(simulation):
    counts, truth = simulation.session.activity.astype(float), simulation.truth
    after = (counts[1:] - counts.mean(0)).T @ (counts[:-1] > 0) / (counts[:-1] > 0).sum(0)  # extra spikes, next bin
    assert after[truth > 0].mean() > 5 * abs(after[truth == 0].mean())
    assert (after[truth > 0] > 0).mean() > 0.95
    assert after[truth < 0].mean() < after[truth == 0].mean()
    assert np.corrcoef(after[truth > 0], after.T[truth > 0])[0, 1] < 0.5  # the axes are post by pre


def test_without_weights_neurons_fire_independently():
    counts = simulate(weight_mv=0.0, duration_s=60.0).session.activity.astype(float)
    off_diagonal = ~np.eye(20, dtype=bool)
    assert np.abs(np.corrcoef(counts.T)[off_diagonal]).max() < 4.5 / np.sqrt(len(counts))


def test_drive_alone_gives_the_rate_of_the_closed_form():
    """Without noise, T = refractory + tau log((mu - reset) / (mu - threshold)); up to a step of 1 ms a spike."""
    rate = simulate(weight_mv=0.0, noise_mv=0.0, drive_mv=30.0, duration_s=10.0).session.activity.mean() / 0.01
    period = 0.002 + 0.02 * np.log((30 - 10) / (30 - 20))
    assert 1 / rate == pytest.approx(period, abs=0.0011)


def test_rates_hardly_depend_on_the_bins():
    fine, coarse = simulate(bin_width_s=0.005, duration_s=50.0), simulate(bin_width_s=0.02, duration_s=50.0)
    assert fine.session.activity.mean() / 0.005 == pytest.approx(coarse.session.activity.mean() / 0.02, rel=0.08)


def test_bins_below_a_step_are_refused():
    with pytest.raises(UserError, match="bin_width_s"):
        simulate(bin_width_s=0.0005)
