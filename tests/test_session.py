"""A session that does not hold together cannot be made; the message names the session and the field."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from laws import simulated, small_task

from synapsnet.errors import UserError
from synapsnet.session import Session, TaskSpec

COUNTS = np.arange(40, dtype=np.uint8).reshape(20, 2)


def make(**changes: Any) -> Session:
    settings: dict[str, Any] = {
        "session_id": "mouse",
        "activity": COUNTS,
        "bin_width_s": 0.02,
        "unit_ids": ("a", "b"),
        "signal": "spikes",
    }
    return Session(**{**settings, **changes})


def with_bad(value: float) -> np.ndarray:
    activity = np.ones((20, 2))
    activity[3, 1] = value
    return activity


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activity": np.ones(20)}, r"activity must be \[time, units\], got shape \(20,\)"),
        ({"activity": np.ones((0, 2))}, "activity is empty"),
        ({"activity": with_bad(np.nan)}, "1 NaN or Inf values, the first at bin 3, unit 1"),
        ({"activity": with_bad(np.inf), "signal": "calcium"}, "1 NaN or Inf values"),
        ({"activity": with_bad(-1)}, "spike counts must not be negative"),
        ({"activity": with_bad(0.5)}, "spike counts must be whole numbers; is this a calcium signal"),
        ({"activity": np.array([["x", "y"]] * 20)}, "activity must be numeric"),
        ({"signal": "lfp"}, "signal must be 'spikes' or 'calcium'"),
        ({"bin_width_s": 0.0}, "bin_width_s must be a positive number of seconds, got 0"),
        ({"bin_width_s": np.nan}, "bin_width_s must be a positive"),
        ({"bin_width_s": "20ms"}, "bin_width_s must be a positive number of seconds, got '20ms'"),
        ({"bin_width_s": None}, "bin_width_s must be a positive"),
        ({"unit_ids": ("a",)}, r"1 unit_ids for 2 units; is activity \[time, units\]"),
        ({"unit_ids": ("a", "a")}, "'a' occurs more than once"),
        ({"segments": np.array([[0, 10], [5, 20]])}, "must ascend and must not overlap"),
        ({"segments": np.array([[0, 21]])}, "must be within the recording, bins 0 to 20"),
        ({"segments": np.array([[-1, 5]])}, "must be within the recording"),
        ({"segments": np.array([[5, 5]])}, "must start before they stop"),
        ({"segments": np.array([0, 5])}, r"segments must be half-open ranges \[n, 2\], got shape \(2,\)"),
        ({"segments": [[0, 5], [6]]}, r"segments must be pairs \[first bin, bin after the last\]"),
        ({"segments": np.array([[0.0, 5.0]])}, "segments must be integers"),
        ({"behavior": np.ones((19, 1)), "behavior_names": ("x",)}, "with 20 bins, got shape"),
        ({"behavior": np.ones((20, 1))}, "0 behavior_names for 1 features"),
        ({"behavior": np.ones((20, 2)), "behavior_names": ("x", "x")}, "behavior_names must be unique"),
        ({"behavior": np.full((20, 1), np.inf), "behavior_names": ("x",)}, "behavior has infinite values"),
        ({"behavior_names": ("x",)}, "behavior_names without behavior"),
        ({"behavior": np.full((20, 1), 1e300), "behavior_names": ("x",)}, "behavior has infinite values"),
        ({"behavior": np.full((20, 1), "fast"), "behavior_names": ("x",)}, "behavior must be numeric, got dtype <U4"),
        ({"activity": with_bad(1e300), "signal": "calcium"}, "1 NaN or Inf values"),
        ({"activity": with_bad(1e300)}, r"spike counts reach 1e\+300 in a bin"),
        ({"activity": COUNTS.astype(np.complex64)}, "activity must be numeric, got dtype complex64"),
        ({"tasks": {"Gratings": [[0, 5]]}}, "lower case letters, digits and underscores, got 'Gratings'"),
        ({"tasks": {"natural scenes": [[0, 5]]}}, "got 'natural scenes'"),
        ({"tasks": {"gr\u00e4tings": [[0, 5]]}}, "got 'gr\u00e4tings'"),
        ({"tasks": {"": [[0, 5]]}}, "got ''"),
        ({"tasks": {1: [[0, 5]]}}, "got 1"),
        ({"tasks": {"rest": []}}, "task 'rest' has no bins"),
        ({"tasks": {"rest": np.empty((0, 2))}}, "task 'rest' has no bins"),
        ({"tasks": {"rest": [[0, 21]]}}, "the bins of task 'rest' must be within the recording, bins 0 to 20"),
        ({"tasks": {"rest": [[-2, 5]]}}, "the bins of task 'rest' must be within the recording"),
        ({"tasks": {"rest": [[5, 5]]}}, "the bins of task 'rest' must start before they stop"),
        ({"tasks": {"rest": [[8, 9], [2, 5]]}}, "the bins of task 'rest' must ascend and must not overlap"),
        ({"tasks": {"rest": [[0.0, 5.0]]}}, "the bins of task 'rest' must be integers"),
        ({"tasks": {"rest": [0, 5]}}, r"the bins of task 'rest' must be half-open ranges \[n, 2\]"),
        ({"unit_table": {"region": ["V1"]}}, r"unit_table column 'region' must be \[2 units\], got shape \(1,\)"),
        ({"unit_table": {"region": [1.0, 2.0]}}, "unit_table column 'region' must be strings"),
        ({"unit_table": {"x_um": ["1", "2"]}}, "unit_table column 'x_um' must be numbers"),
        ({"unit_table": {"depth": [1.0, np.inf]}}, "unit_table column 'depth' has infinite values"),
        ({"unit_table": {"kind": np.array([None, "a"])}}, "must be strings or numbers, got dtype object"),
        ({"unit_table": {"ids": [1, 2]}}, "name it like a variable, and not 'ids'"),
        ({"unit_table": {"x um": [1, 2]}}, "name it like a variable"),
    ],
)
def test_what_does_not_hold_together_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        make(**changes)
    assert "session 'mouse'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_counts_are_kept_small_and_swapped_axes_fail_loudly() -> None:
    assert make(activity=COUNTS.astype(np.float64)).activity.dtype == np.uint8
    assert make(activity=COUNTS.astype(np.int64) + 300).activity.dtype == np.uint16
    assert make(signal="calcium", activity=COUNTS + 0.5).activity.dtype == np.float32
    with pytest.raises(UserError, match="2 unit_ids for 20 units"):
        make(activity=COUNTS.T)


def test_what_is_left_out_is_filled_in() -> None:
    session = make()
    assert session.segments.tolist() == [[0, 20]]
    assert session.behavior is not None
    assert session.behavior.shape == (20, 0)
    assert (session.n_bins, session.n_units) == (20, 2)


def test_a_task_is_what_was_recorded_during_it() -> None:
    tasks = {"rest": [[0, 6], [12, 20]], "run": [[4, 14]]}
    session = make(segments=[[0, 5], [5, 9], [10, 16]], tasks=tasks, behavior=COUNTS, behavior_names=("x", "y"))
    rest = session.of_task("rest")
    chosen = [*range(6), *range(12, 16)]
    np.testing.assert_array_equal(rest.activity, COUNTS[chosen])
    np.testing.assert_array_equal(rest.behavior, COUNTS[chosen])
    assert rest.segments.tolist() == [[0, 5], [5, 6], [6, 10]]
    assert {name: bins.tolist() for name, bins in rest.tasks.items()} == {
        "rest": [[0, 5], [5, 6], [6, 10]],
        "run": [[4, 5], [5, 6], [6, 8]],
    }
    assert rest.of_task("run").activity.tolist() == COUNTS[[4, 5, 12, 13]].tolist()


def test_a_task_that_nothing_is_known_of() -> None:
    session = make(segments=[[0, 10]], tasks={"run": [[0, 4]], "rest": [[2, 6], [10, 12]], "late": [[10, 20]]})
    with pytest.raises(UserError, match="session 'mouse': there is no task 'sleep'; it has late, rest, run"):
        session.of_task("sleep")
    with pytest.raises(UserError, match="there is no task 'rest'; it names no tasks"):
        make().of_task("rest")
    with pytest.raises(UserError, match="nothing was recorded during task 'late'"):
        session.of_task("late")
    # A task without bins is dropped.
    assert session.of_task("run").tasks.keys() == {"run", "rest"}
    assert session.of_bins(np.array([[6, 10]])).tasks == {}


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        (np.empty((0, 2), dtype=np.int64), "none of the bins to keep is in a segment"),
        ([[10, 20]], "none of the bins to keep is in a segment"),
        ([[0, 21]], "the bins to keep must be within the recording"),
        ([[4, 6], [0, 2]], "the bins to keep must ascend"),
    ],
)
def test_bins_that_cannot_be_kept(kept: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"session 'mouse': {message}"):
        make(segments=[[0, 10]]).of_bins(kept)


def test_what_is_known_of_a_unit_stays_with_it() -> None:
    table = {"region": [b"V1", b"CA1"], "x_um": [30, 10], "note": ["", "odd"]}
    session = make(unit_table=table)
    assert session.unit_table["region"].tolist() == ["V1", "CA1"]
    assert session.unit_table["x_um"].dtype == np.float64
    swapped = session.of_units(np.array([1, 0]))
    assert swapped.unit_ids == ("b", "a")
    np.testing.assert_array_equal(swapped.activity, COUNTS[:, ::-1])
    assert {name: column.tolist() for name, column in swapped.unit_table.items()} == {
        "region": ["CA1", "V1"],
        "x_um": [10.0, 30.0],
        "note": ["odd", ""],
    }


def test_the_unit_table_reaches_the_spec_through_rebinning_and_the_choice_of_units() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (400, 3))
    counts[:, 1] = 0
    session = make(activity=counts, unit_ids="abc", unit_table={"region": ["V1", "V1", "LM"], "z_um": [5, 6, np.nan]})
    spec = small_task([session], "spikes", bin_width_s=0.04).spec
    for read in (spec, TaskSpec.from_dict(json.loads(json.dumps(spec.to_dict())))):
        info = read.sessions[0]
        assert info.unit_ids == ("a", "c")
        assert info.unit_table["region"].tolist() == ["V1", "LM"]
        np.testing.assert_array_equal(info.unit_table["z_um"], [5, np.nan])


def test_a_spec_survives_json() -> None:
    spec = small_task(simulated("spikes"), "spikes").spec
    plain = json.loads(json.dumps(spec.to_dict()))
    assert TaskSpec.from_dict(plain).to_dict() == spec.to_dict()
    with pytest.raises(UserError, match="no session 'z' in this model; it has s0, s1"):
        spec.session_index("z")


def test_counts_that_training_could_not_hold_are_refused() -> None:
    counts = np.ones((5, 2), dtype=np.uint64)
    counts[3, 1] = 2**31 - 1
    assert Session.from_arrays(counts, bin_width_s=0.1).activity.max() == 2**31 - 1
    counts[3, 1] = 2**31
    with pytest.raises(UserError, match="spike counts reach 2147483648 in a bin, more than 2147483647"):
        Session.from_arrays(counts, bin_width_s=0.1)


def test_names_that_differ_in_control_characters_stay_distinct() -> None:
    session = Session.from_arrays(
        np.ones((5, 3)), bin_width_s=0.1, signal="spikes", session_id="a\nb", unit_ids=["u", "u\0", "\ud800"]
    )
    assert session.session_id == "a\\nb"
    assert np.array(session.unit_ids).tolist() == ["u", "u\\x00", "\\ud800"]
