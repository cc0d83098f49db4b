"""Laws of random connectivity."""

import numpy as np
import pytest

from synapsnet.data.simulate.networks import dale_network


@pytest.fixture(scope="module")
def weights():
    rng = np.random.default_rng(0)
    return dale_network(rng, n_units=400, density=0.1, inhibitory_fraction=0.2, weight_sigma=0.5)


def test_no_unit_sends_to_itself(weights):
    assert not np.diag(weights).any()


def test_connections_are_as_dense_as_asked(weights):
    assert (weights != 0).mean() == pytest.approx(0.1, rel=0.03)


def test_each_sender_has_one_sign_and_the_asked_share_inhibits(weights):
    excitatory, inhibitory = (weights > 0).any(0), (weights < 0).any(0)
    assert not (excitatory & inhibitory).any()
    assert inhibitory.sum() == 80


def test_receivers_mix_signs_so_the_axes_are_post_by_pre(weights):
    assert ((weights > 0).any(1) & (weights < 0).any(1)).all()


def test_excitation_and_inhibition_balance(weights):
    assert weights.sum() == pytest.approx(0, abs=0.05 * np.abs(weights).sum())


def test_sizes_are_log_normal(weights):
    logs = np.log(weights[weights > 0])
    assert logs.mean() == pytest.approx(0, abs=0.02)
    assert logs.std() == pytest.approx(0.5, abs=0.02)
