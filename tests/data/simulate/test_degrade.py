"""Laws of the degradations: what they do to the recording, and what to the truth."""

import json
from functools import partial

import numpy as np
import pytest

from synapsnet.data.simulate import calcium, hide_units, shorten, skip_frames
from synapsnet.errors import UserError

CALCIUM = {"decay": 0.9, "rise": 0.0, "noise_fraction": 0.0, "seed": 0}
ALL = {
    "calcium": partial(calcium, decay=0.9, rise=0.3, noise_fraction=0.2, seed=0),
    "hide_units": partial(hide_units, fraction=0.5, seed=0),
    "shorten": partial(shorten, n_bins=500),
    "skip_frames": partial(skip_frames, every=2),
}


@pytest.fixture(scope="module")
def simulation(simulate):
    return simulate(common_drive=0.3)


@pytest.mark.parametrize("name", ALL)
def test_each_says_what_it_did_and_is_repeatable(simulation, name):
    once, again = ALL[name](simulation), ALL[name](simulation)
    np.testing.assert_array_equal(once.session.activity, again.session.activity)
    (entry,) = json.loads(json.dumps(once.session.meta))["degradations"]
    assert entry["name"] == name
    assert set(ALL[name].keywords) <= set(entry)
    assert "degradations" not in simulation.session.meta
    assert once.session.behavior_names == simulation.session.behavior_names


def test_they_apply_one_after_another(simulation):
    degraded = simulation
    for degrade in ALL.values():
        degraded = degrade(degraded)
    assert degraded.session.activity.shape == (250, 15)
    assert [entry["name"] for entry in degraded.session.meta["degradations"]] == list(ALL)


def test_calcium_is_undone_by_its_inverse(simulation):
    observed = calcium(simulation, **CALCIUM | {"rise": 0.4}).session
    assert observed.signal == "calcium"
    c = np.vstack([np.zeros((2, 30)), observed.activity.astype(float)])
    activity = (c[2:] - (0.9 + 0.4) * c[1:-1] + 0.9 * 0.4 * c[:-2]) / (1 - 0.4)
    scale = np.abs(observed.activity).max()
    np.testing.assert_allclose(activity, simulation.session.activity, atol=1e-5 * scale)


def test_without_decay_rise_and_noise_calcium_is_the_activity(simulation):
    observed = calcium(simulation, **CALCIUM | {"decay": 0.0}).session.activity
    np.testing.assert_allclose(observed, simulation.session.activity, rtol=1e-6)


def test_measurement_noise_is_the_asked_fraction_of_the_signal(simulation):
    clean = calcium(simulation, **CALCIUM).session.activity
    noise = calcium(simulation, **CALCIUM | {"noise_fraction": 0.2}).session.activity - clean
    np.testing.assert_allclose(noise.std(0) / clean.std(0), 0.2, rtol=0.15)
    assert (calcium(simulation, **CALCIUM | {"noise_fraction": 0.2, "seed": 1}).session.activity - clean != noise).any()


def test_hiding_restricts_the_truth_to_the_recorded(simulation):
    hidden = hide_units(simulation, fraction=0.5, seed=0)
    kept = [simulation.session.unit_ids.index(unit) for unit in hidden.session.unit_ids]
    assert len(kept) == 15
    np.testing.assert_array_equal(hidden.truth, simulation.truth[np.ix_(kept, kept)])
    np.testing.assert_array_equal(hidden.session.activity, simulation.session.activity[:, kept])
    np.testing.assert_array_equal(hidden.session.unit_table["x_um"], simulation.session.unit_table["x_um"][kept])
    assert hide_units(simulation, fraction=0.5, seed=1).session.unit_ids != hidden.session.unit_ids


def test_a_short_recording_is_the_beginning(simulation):
    short = shorten(simulation, n_bins=400)
    np.testing.assert_array_equal(short.session.activity, simulation.session.activity[:400])
    np.testing.assert_array_equal(short.session.behavior, simulation.session.behavior[:400])
    np.testing.assert_array_equal(short.session.segments, [[0, 400]])
    np.testing.assert_array_equal(short.truth, simulation.truth)


def test_skipping_frames_keeps_every_kth_bin(simulation):
    slow = skip_frames(simulation, every=3)
    np.testing.assert_array_equal(slow.session.activity, simulation.session.activity[::3])
    assert slow.session.bin_width_s == pytest.approx(0.06)
    np.testing.assert_array_equal(slow.truth, simulation.truth)


@pytest.mark.parametrize(
    ("degrade", "match"),
    [
        (partial(calcium, **CALCIUM | {"decay": 1.0}), "decay"),
        (partial(hide_units, fraction=0.99, seed=0), "leaves 0"),
        (partial(shorten, n_bins=10**6), "n_bins"),
        (partial(skip_frames, every=0), "every"),
    ],
)
def test_settings_out_of_range_are_refused(simulation, degrade, match):
    with pytest.raises(UserError, match=match):
        degrade(simulation)
