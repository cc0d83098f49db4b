"""Units and parts of a recording that are taken, against a few units whose fate is plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synapsnet.data.selection import UnitFilter, select_behavior, select_task, select_units
from synapsnet.errors import UserError
from synapsnet.session import Session

UNITS = ("a", "b", "c", "d", "e", "f")


def session(**changes: Any) -> Session:
    settings: dict[str, Any] = {
        "session_id": "mouse",
        "activity": np.arange(60).reshape(10, 6),
        "bin_width_s": 0.02,
        "unit_ids": UNITS,
        "signal": "spikes",
        "unit_table": {
            "region": np.array(["VISp", "VISl", "CA1", "", "CA3", "visp"]),
            "quality": np.array(["good", "good", "noise", "good", "", "Good"]),
            "isi_violations": np.array([0.1, 0.5, 0.1, 0.6, np.nan, 0.1]),
            "presence_ratio": np.array([0.95, 0.9, 0.99, 0.99, 0.2, 1.0]),
        },
    }
    return Session(**{**settings, **changes})


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (UnitFilter(), "abcdef"),
        (UnitFilter(quality=["good"]), "abdef"),  # an empty label says nothing against e
        (UnitFilter(quality=["GOOD", "noise"]), "abcdef"),
        (UnitFilter(regions=["VISp"]), "af"),
        (UnitFilter(regions=["VIS*"]), "abf"),
        (UnitFilter(regions=["CA1", "CA3"]), "ce"),
        (UnitFilter(max_isi_violations=0.5), "abcef"),  # the bound itself passes, and so does what is not known
        (UnitFilter(min_presence_ratio=0.9), "abcdf"),
        (UnitFilter(max_amplitude_cutoff=0.1), "abcdef"),  # no such column
        (UnitFilter(quality=["good"], regions=["VIS*"], max_isi_violations=0.2), "af"),
    ],
)
def test_units_that_pass(wanted: UnitFilter, kept: str) -> None:
    recorded = session()
    chosen, dropped = select_units(recorded, wanted)
    assert chosen.unit_ids == tuple(kept)
    columns = [UNITS.index(unit) for unit in kept]
    assert np.array_equal(chosen.activity, recorded.activity[:, columns])
    for name, column in chosen.unit_table.items():
        assert np.array_equal(column, recorded.unit_table[name][columns], equal_nan=column.dtype.kind == "f")
    assert sorted([*kept, *(unit for units in dropped.values() for unit in units)]) == list(UNITS)


def test_a_unit_is_dropped_for_the_first_reason_that_holds() -> None:
    _, dropped = select_units(session(), UnitFilter(quality=["good"], regions=["VISp", "CA1"], min_presence_ratio=0.97))
    assert dropped == {
        "region is not VISp or CA1": ["b", "d", "e"],
        "quality is not good": ["c"],
        "presence_ratio below 0.97": ["a"],
    }


def test_no_unit_passes() -> None:
    message = r"none of its 6 units passes data\.units \(6: quality is not mua\).*; quality: .*good 3.*noise 1"
    with pytest.raises(UserError, match=message):
        select_units(session(unit_table={"quality": np.array(["good"] * 3 + ["noise"] + ["Good"] * 2)}), _only("mua"))


def _only(label: str) -> UnitFilter:
    return UnitFilter(quality=[label])


def test_a_recording_without_regions_cannot_be_asked_for_one() -> None:
    with pytest.raises(UserError, match=r"'mouse' names no region of its units; unset data\.units\.regions"):
        select_units(session(unit_table={}), UnitFilter(regions=["CA1"]))


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (None, ("wheel", "pupil_x", "pupil_y")),
        ([], ()),
        (["pupil*"], ("pupil_x", "pupil_y")),
        (["pupil_y", "wheel"], ("wheel", "pupil_y")),
        (["nose"], ()),
    ],
)
def test_behavior(wanted: list[str] | None, names: tuple[str, ...]) -> None:
    known = {"wheel": 1.0, "pupil_x": 2.0, "pupil_y": 3.0}
    recorded = session(behavior=np.tile(list(known.values()), (10, 1)), behavior_names=tuple(known))
    chosen = select_behavior(recorded, wanted)
    assert chosen.behavior_names == names
    assert chosen.behavior is not None
    assert chosen.behavior.tolist() == [[known[name] for name in names]] * 10


def test_task() -> None:
    recorded = session(tasks={"drifting_gratings": np.array([[1, 4], [6, 9]])})
    chosen = select_task(recorded, "drifting_gratings")
    assert np.array_equal(chosen.activity, recorded.activity[[1, 2, 3, 6, 7, 8]])
    assert chosen.segments.tolist() == [[0, 3], [3, 6]]
    assert select_task(recorded, None) is recorded
    with pytest.raises(UserError, match="there is no task 'spontaneous'; it has drifting_gratings"):
        select_task(recorded, "spontaneous")
