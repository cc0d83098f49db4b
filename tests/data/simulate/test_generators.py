"""Laws of every generator."""

import json

import numpy as np
import pytest

from synapsnet.errors import UserError


@pytest.fixture(scope="module")
def simulation(simulate):
    return simulate()


def test_it_is_a_recording_that_says_it_is_simulated(simulation):
    session = simulation.session
    assert session.activity.shape == (1000, 30)
    assert session.bin_width_s == 0.02
    assert (session.activity.std(0) > 0).all()
    meta = json.loads(json.dumps(session.meta))
    assert meta["simulated"] is True
    assert meta["seed"] == 0
    assert meta["generator"].endswith(f"{session.session_id.split('-')[1]}_network")
    assert {"density", "dale", "common_drive", "n_units", "duration_s"} <= set(meta)


def test_units_have_positions(simulation):
    table = simulation.session.unit_table
    positions = np.stack([table[axis] for axis in ("x_um", "y_um", "z_um")])
    assert len(np.unique(positions, axis=1).T) == 30


def test_the_seed_determines_everything(simulate, simulation):
    again, other = simulate(), simulate(seed=1)
    np.testing.assert_array_equal(simulation.session.activity, again.session.activity)
    np.testing.assert_array_equal(simulation.truth, again.truth)
    assert (simulation.session.activity != other.session.activity).any()


def test_a_longer_recording_is_one_of_the_same_network(simulate, simulation):
    longer = simulate(duration_s=30.0)
    np.testing.assert_array_equal(longer.truth != 0, simulation.truth != 0)
    np.testing.assert_array_equal(np.sign(longer.truth), np.sign(simulation.truth))
    # The mean Jacobian is a mean over the recording, and so not the same number.
    assert np.corrcoef(longer.truth.ravel(), simulation.truth.ravel())[0, 1] > 0.97


def test_common_drive_does_not_change_the_connections(simulate, simulation):
    np.testing.assert_array_equal(simulate(common_drive=0.5).truth != 0, simulation.truth != 0)


@pytest.mark.parametrize("density", [0.1, 0.4])
def test_connections_are_as_dense_as_asked(simulate, density):
    truth = simulate(n_units=60, density=density, duration_s=1.0).truth
    assert (truth != 0).sum() / (60 * 59) == pytest.approx(density, abs=0.03)


def test_dales_law_holds_where_asked(simulate):
    def senders_of_one_sign(*, dale):
        truth = simulate(density=0.5, dale=dale, duration_s=1.0).truth
        return ~((truth > 0).any(0) & (truth < 0).any(0))

    assert senders_of_one_sign(dale=True).all()
    assert not senders_of_one_sign(dale=False).any()


def test_common_drive_is_the_running_speed(simulate):
    session = simulate(duration_s=120.0, n_units=20, common_drive=1.0, density=0.1).session
    assert session.behavior_names == ("running_speed_cm_s",)
    speed, activity = session.behavior[:-1, 0], session.activity[1:].astype(float)
    with_drive = [abs(np.corrcoef(speed, unit)[0, 1]) for unit in activity.T]
    assert np.median(with_drive) > 0.1


def test_without_common_drive_there_is_no_behavior(simulation):
    assert simulation.session.behavior_names == ()


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("n_units", 1),
        ("duration_s", 0.0),
        ("bin_width_s", -0.1),
        ("density", 1.5),
        ("common_drive", -1.0),
        ("seed", -1),
    ],
)
def test_settings_out_of_range_are_refused_by_name(simulate, setting, value):
    with pytest.raises(UserError, match=setting):
        simulate(**{setting: value})
