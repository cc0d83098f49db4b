"""Laws of the simulated running speed."""

import numpy as np
import pytest

from synapsnet.data.simulate.behavior import CRUISE_CM_S, REST_S, RUN_S, running_speed


@pytest.fixture(scope="module", params=[0.01, 0.05])
def speed(request):
    return running_speed(np.random.default_rng(0), n_bins=round(2000 / request.param), bin_width_s=request.param)


def test_speed_is_never_negative_and_no_faster_than_a_mouse(speed):
    assert speed.min() >= 0
    assert 2 * CRUISE_CM_S > np.quantile(speed, 0.99) > CRUISE_CM_S


def test_the_animal_rests_and_runs(speed):
    assert (speed > 5).mean() == pytest.approx(RUN_S / (RUN_S + REST_S), abs=0.12)
    assert (speed < 0.5).mean() > 0.2


def test_speed_is_smooth(speed):
    assert np.corrcoef(speed[1:], speed[:-1])[0, 1] > 0.98


def test_speed_does_not_jump(speed):
    assert np.abs(np.diff(speed)).max() < 0.2 * speed.max()
