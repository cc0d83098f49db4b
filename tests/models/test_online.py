"""Forecasts bin by bin are those of the whole recording."""

from __future__ import annotations

import numpy as np
import pytest
from laws import KINDS, Kind, build, simulated, small_task

from synapsnet.errors import UserError
from synapsnet.testing.fitting import fitted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["synapsnet", "synapsnet_plain", "lstm", "var", "persistence"])
def test_forecasts_bin_by_bin_are_those_of_the_whole_recording(kind: Kind, name: str) -> None:
    """Over several windows, in the second session, with behavior that is lost at times."""
    sessions = simulated(kind)
    task = small_task(sessions, kind)
    model = fitted(build(name, task.spec), task)
    activity, behavior = sessions[1].activity[:60], sessions[1].behavior[:60]
    assert np.isnan(behavior).any()
    expected = model.forecast(activity, behavior, session="s1")
    online = model.online("s1")
    for _ in range(2):
        found = np.stack([online.step(*bin_) for bin_ in zip(activity, behavior, strict=True)])
        assert np.isnan(found[:4]).all()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
        online.restart()


@pytest.mark.parametrize("decoder", ["gru", "transformer"])
def test_decoders_with_a_memory_of_their_own_agree_too(decoder: str) -> None:
    sessions = simulated("spikes")
    task = small_task(sessions, "spikes")
    model = fitted(build("synapsnet", task.spec, f"model/decoder={decoder}"), task)
    online = model.online("s0")
    found = np.stack([online.step(row) for row in sessions[0].activity[:40]])
    np.testing.assert_allclose(found, model.forecast(sessions[0].activity[:40], None, "s0"), rtol=1e-4, atol=1e-5)


def test_unobserved_neurons_that_are_silent_are_silent_here_too() -> None:
    sessions = simulated("spikes")
    task = small_task(sessions, "spikes")
    model = fitted(build("synapsnet", task.spec), task)
    model.speak(range(len(model.members)))
    activity = sessions[0].activity[:30]
    online = model.online("s0")
    with model.without_unobserved():
        found = np.stack([online.step(row) for row in activity])
        expected = model.forecast(activity, None, "s0")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert not np.allclose(expected[5:], model.forecast(activity, None, "s0")[5:], rtol=1e-3)


def test_windows_of_little_more_than_their_context_overlap_many_times() -> None:
    sessions = simulated("increments")
    task = small_task(sessions, "increments", window_bins=7)
    model = fitted(build("synapsnet", task.spec), task)
    online = model.online("s0")
    found = np.stack([online.step(row) for row in sessions[0].activity[:40]])
    np.testing.assert_allclose(found, model.forecast(sessions[0].activity[:40], None, "s0"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.nan, "1 NaN or Inf values"),
        (1e39, "1 NaN or Inf values"),  # in float32
        (-2, "1 negative spike counts"),
    ],
)
def test_a_value_that_no_recording_has_is_refused_and_leaves_no_trace(value: float, said: str) -> None:
    """A slow state would never forget a NaN."""
    sessions = simulated("spikes")
    task = small_task(sessions, "spikes")
    model = fitted(build("synapsnet", task.spec), task)
    activity = sessions[0].activity[:40].astype(float)
    expected = model.forecast(activity, None, "s0")
    broken = activity.copy()
    broken[20, 3] = value
    with pytest.raises(UserError, match=rf"activity has {said}.*, the first at bin 20, unit 3: fill them in"):
        model.forecast(broken, None, "s0")
    online = model.online("s0")
    found = [online.step(row) for row in activity[:20]]
    with pytest.raises(UserError, match=rf"activity has {said}.*, the first at bin 20, unit 3"):
        online.step(broken[20])
    with pytest.raises(UserError, match="must be numeric, got dtype"):
        online.step(broken[20].astype(str))
    found += [online.step(row) for row in activity[20:]]
    np.testing.assert_allclose(np.stack(found), expected, rtol=1e-4, atol=1e-5)


def test_calcium_may_be_negative() -> None:
    sessions = simulated("levels")
    model = build("lstm", small_task(sessions, "levels").spec)
    assert np.isfinite(model.forecast(-sessions[0].activity[:30], None, "s0")[5:]).all()


def test_a_bin_of_the_wrong_shape_is_refused() -> None:
    task = small_task(simulated("spikes"), "spikes")
    online = build("mean", task.spec).online("s0")
    with pytest.raises(UserError, match=r"must be \[17 units\], those in the unit_ids .* 's0', got \(3,\)"):
        online.step(np.zeros(3))
    with pytest.raises(UserError, match=r"behavior of a bin must be \[2\] \(running, pupil\), got \(1,\)"):
        online.step(np.zeros(17), np.zeros(1))
    with pytest.raises(UserError, match="behavior of a bin must be numeric, got dtype"):
        online.step(np.zeros(17), np.array(["a", "b"]))
    with pytest.raises(UserError, match="name the session"):
        build("mean", task.spec).online()
