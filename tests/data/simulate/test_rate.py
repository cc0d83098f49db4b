"""Laws of the rate network: its truth is what regression finds and what a perturbation does."""

import numpy as np
import pytest
from scipy.linalg import lstsq

from synapsnet.data.simulate import simulate_rate_network
from synapsnet.errors import UserError


def simulate(**changed):
    settings = {"n_units": 20, "duration_s": 1000.0, "bin_width_s": 0.02, "density": 0.2, "dale": False}
    settings |= {"weight_sigma": 0.5, "gain": 0.9, "time_constants_s": [0.02, 0.1], "noise": 1.0}
    return simulate_rate_network(**(settings | {"common_drive": 0.0, "seed": 0} | changed))


@pytest.fixture(scope="module")
def simulation():
    return simulate()


def regressed(session):
    """One-bin Jacobian by least squares, with the speed as a regressor where there is one, ``[post, pre]``."""
    x = session.activity.astype(float)
    design = np.hstack([x[:-1], session.behavior[:-1], np.ones((len(x) - 1, 1))])
    return lstsq(design, x[1:])[0][: x.shape[1]].T


@pytest.mark.parametrize("dale", [False, True])
@pytest.mark.parametrize("common_drive", [0.0, 1.0])
def test_truth_is_what_regression_finds(dale, common_drive):
    simulation = simulate(dale=dale, common_drive=common_drive)
    found, truth = regressed(simulation.session), simulation.truth
    off_diagonal = ~np.eye(20, dtype=bool)
    assert np.corrcoef(found[off_diagonal], truth[off_diagonal])[0, 1] > 0.96
    assert (found * truth).sum() / np.square(truth).sum() == pytest.approx(1, abs=0.1)


def test_the_diagonal_is_the_leak(simulation):
    leak = 1 - np.diag(regressed(simulation.session))
    assert leak.min() == pytest.approx(0.2, abs=0.05)  # a bin of 20 ms in 100 ms at most
    assert leak.max() > 0.6


def test_truth_is_the_mean_jacobian_by_finite_differences():
    """The next bin after every recorded one, once more with one sender nudged, from the equation alone."""
    homogeneous = simulate(duration_s=20.0, time_constants_s=[0.02, 0.02])
    x = homogeneous.session.activity.astype(float)
    weights = homogeneous.truth / (1 - np.tanh(x) ** 2).mean(0)
    step = 1e-4
    for sender in range(3):
        nudged = x.copy()
        nudged[:, sender] += step
        change = (np.tanh(nudged) - np.tanh(x)) @ weights.T / step
        np.testing.assert_allclose(change.mean(0), homogeneous.truth[:, sender], atol=1e-3)
    residual = x[1:] - np.tanh(x[:-1]) @ weights.T
    assert residual.std() == pytest.approx(1.0, rel=0.02)  # the noise, and nothing else


def test_gain_is_about_the_spectral_radius():
    large = simulate(n_units=300, duration_s=0.2, time_constants_s=[0.02, 0.02], noise=1e-6)
    assert np.abs(np.linalg.eigvals(large.truth)).max() == pytest.approx(0.9, rel=0.1)


@pytest.mark.parametrize(("setting", "value"), [("time_constants_s", [0.1, 0.02]), ("noise", 0.0)])
def test_settings_out_of_range_are_refused_by_name(setting, value):
    with pytest.raises(UserError, match=setting):
        simulate(**{setting: value})
