"""The files of the figures of a run."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from laws import build, simulated, small_task
from lightning.pytorch import Trainer

from synapsnet.errors import UserError
from synapsnet.results.connectivity import Connectivity, write_connectivity
from synapsnet.results.files import CONNECTIVITY, FIGURES, STAGE, TRACES
from synapsnet.results.traces import read_traces
from synapsnet.session import Session
from synapsnet.training.callbacks.figures import FigureWriter
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

NAMES = ("a b", "a_b")


def recorded() -> list[Session]:
    """Two sessions whose names, and those of their units, differ in a space."""
    sessions = simulated("spikes", n_bins=200, units=(2, 2))
    return [replace(session, session_id=name, unit_ids=NAMES) for session, name in zip(sessions, NAMES, strict=True)]


def drawn(tmp_path: Path, *, most_sessions: int, format: str) -> list[str]:
    """Names of the files that are drawn for two sessions with connectivity, in order."""
    task = small_task(recorded(), "spikes")
    stage = tmp_path / STAGE
    stage.mkdir()
    matrix = np.array([[0.0, 1.0], [2.0, 0.0]])
    found = [Connectivity(session_id=name, unit_ids=NAMES, effective=matrix) for name in NAMES]
    write_connectivity(stage / CONNECTIVITY, found)
    module = ForecastModule(build("mean", task.spec), optimizer=None, seed=0, hyper_parameters={})
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[FigureWriter(model="mean", trace_bins=20, most_sessions=most_sessions, format=format)],
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(module, datamodule=ForecastDataModule(task, batch_size=16, seed=0, truth={}), verbose=False)
    return sorted(path.name for path in (stage / FIGURES).iterdir())


def test_names_that_differ_in_a_space_have_files_of_their_own(tmp_path: Path) -> None:
    kinds = [name.partition("-")[0] for name in drawn(tmp_path, most_sessions=2, format="png")]
    assert kinds == ["connectivity", "connectivity", "traces", "traces", "unit_scores.png"]
    traces = read_traces(tmp_path / STAGE / TRACES)
    assert [session.session_id for session in traces] == list(NAMES)
    for session, recording in zip(traces, recorded(), strict=True):
        assert set(session.unit_ids) <= set(NAMES)
        first = round(session.start_s / session.bin_width_s)
        units = [NAMES.index(unit) for unit in session.unit_ids]
        np.testing.assert_array_equal(session.recorded, recording.activity[first : first + 20, units])
        np.testing.assert_allclose(np.ptp(session.forecast, axis=0), 0)  # the mean of the train split


def test_sessions_beyond_the_most_are_left_out_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        names = drawn(tmp_path, most_sessions=1, format="svg")
    assert [(name.partition("-")[0], name[-4:]) for name in names] == [
        ("connectivity", ".svg"),
        ("traces", ".svg"),
        ("unit_scores.svg", ".svg"),
    ]
    assert "figures of the first 1 of 2 sessions" in caplog.text


def test_an_unknown_format_is_refused_before_the_fit() -> None:
    with pytest.raises(UserError, match=r"figures\.format must be one of png, pdf, svg, got 'jpg'"):
        FigureWriter(model="mean", trace_bins=20, most_sessions=1, format="jpg")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [(name, wrong) for name in ("trace_bins", "most_sessions") for wrong in (-5, 2.5, "abc", None, True)]
    + [("trace_bins", 0)],
)
def test_a_number_that_is_none_is_refused_before_the_fit(name: str, wrong: Any) -> None:
    with pytest.raises(UserError, match=rf"^callbacks\.figures\.{name} must be a whole number, [01] or above, got "):
        FigureWriter(**{"model": "mean", "trace_bins": 20, "most_sessions": 1, "format": "png", name: wrong})
