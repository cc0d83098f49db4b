"""What the settings of section ``data`` take of some recordings."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synapsnet.data.readers.archive import write_archive
from synapsnet.errors import UserError
from synapsnet.experiment.recordings import recording_name, recordings
from synapsnet.session import Session

REGIONS = {"first": "VISp", "second": "CA1", "third": ""}
"""Brain region of the units of each session; the last one knows none."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name, region in REGIONS.items():
        write_archive(
            Session(
                session_id=name,
                activity=rng.poisson(1.0, (40, 3)),
                bin_width_s=0.02,
                unit_ids=("a", "b", "c"),
                signal="spikes",
                behavior=rng.random((40, 1)),
                behavior_names=("wheel" if name == "first" else "running",),
                tasks={"2019": np.array([[0, 30]])},
                unit_table={"region": np.array([region] * 3)} if region else {},
            ),
            tmp_path / f"{name}.npz",
        )
    return tmp_path


def taken(root: Path, **changes: Any) -> dict[str, Session]:
    settings = {"root": str(root), "task": None, "tasks": None, "units": None, "behavior": None, "bin_width_s": None}
    return {session.session_id: session for session in recordings({**settings, "signal": "spikes", **changes})}


def test_a_task_may_be_named_by_a_number(root: Path) -> None:
    for task in (2019, "2019"):
        assert {session.n_bins for session in taken(root, task=task).values()} == {30}
        assert recording_name("mice", task) == "mice-2019"
    assert taken(root, task=2019, tasks=["2019"]).keys() == REGIONS.keys()


def test_a_folder_may_be_named_by_a_number() -> None:
    assert recording_name(2019) == "2019"


@pytest.mark.parametrize("task", [["2019", "spontaneous"], {"2019": 1}])
def test_there_is_one_task(task: Any, root: Path) -> None:
    with pytest.raises(UserError, match=r"data\.task must be null or the name of one task, got"):
        taken(root, task=task)


def test_a_session_without_units_that_pass_is_left_out(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert taken(root, units={"regions": ["VIS*"]}).keys() == {"first"}
    assert "left out: session 'second': none of its 3 units passes data.units (3: region is not VIS*)" in caplog.text
    assert "left out: session 'third' names no region" in caplog.text


def test_no_session_has_units_that_pass(root: Path) -> None:
    with pytest.raises(UserError, match=r"'first': none of its 3 units passes data\.units \(3: region is not LP\)"):
        taken(root, units={"regions": ["LP"]})


@pytest.mark.parametrize("units", [None, {}, {"quality": None}])
def test_nothing_asked_of_units_takes_all(units: Any, root: Path) -> None:
    assert taken(root, units=units).keys() == REGIONS.keys()


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"region": ["VISp"]}, r"data\.units has no setting region; it has quality, regions, max_isi_violations"),
        (3, r"data\.units must be null or a mapping, got 3"),
    ],
)
def test_settings_of_units_that_there_are_not(units: Any, message: str, root: Path) -> None:
    with pytest.raises(UserError, match=message):
        taken(root, units=units)


def test_series_that_some_sessions_of_a_data_set_lack(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        chosen = taken(root, behavior=["running", "pupil*"])
    assert [session.behavior_names for session in chosen.values()] == [(), ("running",), ("running",)]
    assert "no recording has behavior pupil*" in caplog.text


@pytest.mark.parametrize("behavior", [["pupil"], ["running", "pupil"], ["pupil*"]])
def test_series_that_there_are_not(behavior: list[str], root: Path) -> None:
    with pytest.raises(UserError, match=r"data\.behavior names pupil\*?; there is running, wheel"):
        taken(root, behavior=behavior)
