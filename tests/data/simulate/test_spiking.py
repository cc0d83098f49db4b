"""The demo recording: its form, its rates, and that its truth is true."""

import json

import numpy as np
import pytest

from synapsnet.data.simulate import simulate_spiking_network

N_LAGS = 4


def simulate(**changed):
    settings = {"n_units": 120, "duration_s": 240.0, "bin_width_s": 0.02, "density": 0.06, "dale": True}
    settings |= {"weight_sigma": 0.6, "coupling": 1.2, "synapse_s": 0.03, "median_rate_hz": 3.5, "rate_sigma": 1.0}
    simulation = simulate_spiking_network(**(settings | {"common_drive": 0.35, "seed": 0} | changed))
    return simulation.session, simulation.truth


@pytest.fixture(scope="module")
def demo():
    return simulate()


@pytest.fixture(scope="module")
def small():
    """Few units, long enough that regression has next to no noise."""
    return simulate(n_units=30, duration_s=1200.0, seed=1)


def lagged(session):
    """Past counts of all units, lag by lag, then speed and a constant: ``[bins, columns]``, from bin `N_LAGS` on."""
    counts = session.activity.astype(float)
    past = [counts[N_LAGS - lag : len(counts) - lag] for lag in range(1, N_LAGS + 1)]
    return np.hstack([*past, session.behavior[N_LAGS - 1 : -1], np.ones((len(past[0]), 1))])


def regressed_connectivity(session):
    """Extra spikes per spike, summed over lags, by least squares, ``[post, pre]``."""
    weights = np.linalg.lstsq(lagged(session), session.activity[N_LAGS:].astype(float), rcond=None)[0]
    return weights[: N_LAGS * session.n_units].reshape(N_LAGS, session.n_units, session.n_units).sum(0).T


def held_out_r(session, own_history_only):
    """Mean correlation per unit of a linear forecast on the last quarter."""
    design, target = lagged(session), session.activity[N_LAGS:].astype(float)
    cut = 3 * len(target) // 4
    products, projections = design[:cut].T @ design[:cut], design[:cut].T @ target[:cut]
    everything = np.arange(design.shape[1])
    scores = []
    for unit in range(session.n_units):
        own = np.append(np.arange(N_LAGS) * session.n_units + unit, everything[-2:])
        used = own if own_history_only else everything
        weights = np.linalg.solve(products[np.ix_(used, used)], projections[used, unit])
        scores.append(np.corrcoef(design[cut:, used] @ weights, target[cut:, unit])[0, 1])
    return np.mean(scores)


def test_the_session_has_the_form_of_a_recording_and_says_it_is_simulated(demo):
    session, truth = demo
    assert session.session_id == "simulated-spiking-0"
    assert session.signal == "spikes"
    assert session.activity.shape == (12_000, 120)
    assert session.activity.dtype == np.uint8
    assert session.bin_width_s == 0.02
    assert session.behavior_names == ("running_speed_cm_s",)
    assert truth.shape == (120, 120)
    assert session.meta["simulated"] is True
    assert json.loads(json.dumps(session.meta))["seed"] == 0


def test_the_seed_determines_everything(demo):
    session, truth = demo
    again, same_truth = simulate()
    np.testing.assert_array_equal(session.activity, again.activity)
    np.testing.assert_array_equal(session.behavior, again.behavior)
    np.testing.assert_array_equal(truth, same_truth)
    other, _ = simulate(seed=1)
    assert (session.activity != other.activity).any()


@pytest.mark.parametrize("seed", range(3))
def test_rates_are_like_cortex_and_the_network_is_stable(seed):
    session, _ = simulate(seed=seed)
    rates = session.activity.mean(0) / session.bin_width_s
    assert 3 < rates.mean() < 10
    assert 0.1 < rates.min() < 1
    assert 15 < rates.max() < 70
    first, second = np.array_split(session.activity.mean(1), 2)
    assert second.mean() == pytest.approx(first.mean(), rel=0.15)


def test_rates_are_the_same_in_bins_of_another_width():
    fine, coarse = simulate(bin_width_s=0.01)[0], simulate(bin_width_s=0.02)[0]
    assert fine.activity.mean() / 0.01 == pytest.approx(coarse.activity.mean() / 0.02, rel=0.25)


def test_truth_obeys_dales_law_and_is_sparse(demo):
    _, truth = demo
    assert not np.diag(truth).any()
    assert not ((truth > 0).any(0) & (truth < 0).any(0)).any()
    assert 0.04 < (truth != 0).mean() < 0.08
    assert (truth < 0).any()


def test_truth_is_what_regression_finds(small):
    session, truth = small
    found = regressed_connectivity(session)
    off_diagonal = ~np.eye(session.n_units, dtype=bool)
    assert np.corrcoef(found[off_diagonal], truth[off_diagonal])[0, 1] > 0.9
    assert np.corrcoef(found.T[off_diagonal], truth[off_diagonal])[0, 1] < 0.3
    # In its units: extra spikes per spike. Regression is linear and the network is not, hence the tolerance.
    slope = (found * truth).sum() / np.square(truth).sum()
    assert slope == pytest.approx(1, abs=0.2)


def test_a_unit_is_refractory(small):
    session, _ = small
    assert np.median(np.diag(regressed_connectivity(session))) < -0.01


def test_connections_matter_for_the_forecast(small):
    session, _ = small
    assert held_out_r(session, own_history_only=False) > held_out_r(session, own_history_only=True) + 0.05


def test_without_coupling_there_is_nothing_to_find():
    session, truth = simulate(n_units=30, coupling=0.0)
    assert not truth.any()
    assert held_out_r(session, own_history_only=False) < held_out_r(session, own_history_only=True) + 0.01


def test_running_modulates_a_part_of_the_units(demo):
    session, _ = demo
    running = session.behavior[:, 0] > 10
    ratio = session.activity[running].mean(0) / session.activity[~running].mean(0)
    assert 0.1 < (np.abs(np.log(ratio)) > 0.4).mean() < 0.8
    assert (ratio > 1.2).any()
    assert (ratio < 0.8).any()


@pytest.mark.parametrize("dale", [True, False])
def test_truth_is_what_an_extra_spike_causes(dale):
    """The mean rate of every later bin, with and without one more spike of a sender, from the equation alone."""
    settings = {"n_units": 20, "duration_s": 60.0, "density": 0.3, "rate_sigma": 0.0, "dale": dale, "synapse_s": 0.02}
    session, truth = simulate(**settings, coupling=0.5, common_drive=0.0)
    counts = session.activity.astype(float)
    # One rate for all units, 3.5 Hz: 0.07 per bin. The unit's own after-effect and the weights follow.
    rate, decay, own_decay = 0.07, np.exp(-1.0), np.exp(-0.02 / 0.03)
    current, own = np.zeros_like(counts), np.zeros_like(counts)
    for t in range(1, len(counts)):
        current[t] = decay * current[t - 1] + (1 - decay) * counts[t - 1]
        own[t] = own_decay * own[t - 1] + counts[t - 1]

    def mean_rate(weights, extra):
        potential = (current + extra) @ weights.T - own
        return rate * np.where(potential < 0, np.exp(np.minimum(potential, 0)), 1 + potential).mean(0)

    # The size of the weights is fixed by the coupling: all rows with a sender have the same norm, sqrt(variance).
    norm = 0.5 / np.sqrt(rate * (1 - decay) / (1 + decay))
    size = np.linalg.norm(truth, axis=1, keepdims=True)
    weights = truth * norm / np.where(size == 0, 1, size)
    total = mean_rate(weights, 0.0)
    for sender in range(3):
        extra = np.zeros(20)
        extra[sender] = 1e-5
        effect = (mean_rate(weights, extra) - total) / 1e-5  # of a current of 1, which one spike gives in all
        np.testing.assert_allclose(effect, truth[:, sender], rtol=0.02, atol=2e-4)
