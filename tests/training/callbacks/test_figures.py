"""The files of the figures of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from laws import build, simulated, small_task
from lightning.pytorch import Trainer

from synapsnet.results.connectivity import Connectivity, write_connectivity
from synapsnet.results.files import CONNECTIVITY, FIGURES, STAGE, TRACES
from synapsnet.results.traces import read_traces
from synapsnet.training.callbacks.figures import FigureWriter
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

NAMES = ("a b", "a_b")


def test_names_that_differ_in_a_space_have_files_of_their_own(tmp_path: Path) -> None:
    sessions = simulated("spikes", n_bins=200, units=(2, 2))
    named = [replace(session, session_id=name, unit_ids=NAMES) for session, name in zip(sessions, NAMES, strict=True)]
    task = small_task(named, "spikes")
    stage = tmp_path / STAGE
    stage.mkdir()
    matrix = np.array([[0.0, 1.0], [2.0, 0.0]])
    found = [Connectivity(session_id=name, unit_ids=NAMES, effective=matrix) for name in NAMES]
    write_connectivity(stage / CONNECTIVITY, found)
    module = ForecastModule(build("mean", task.spec), optimizer=None, seed=0, hyper_parameters={})
    trainer = Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[FigureWriter(model="mean", trace_bins=20)],
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.test(module, datamodule=ForecastDataModule(task, batch_size=16, seed=0, truth={}), verbose=False)
    kinds = sorted(path.name.partition("-")[0] for path in (stage / FIGURES).iterdir())
    assert kinds == ["connectivity", "connectivity", "traces", "traces", "unit_scores.png"]
    traces = read_traces(stage / TRACES)
    assert [session.session_id for session in traces] == list(NAMES)
    for session, recording in zip(traces, named, strict=True):
        assert set(session.unit_ids) <= set(NAMES)
        first = round(session.start_s / session.bin_width_s)
        units = [NAMES.index(unit) for unit in session.unit_ids]
        np.testing.assert_array_equal(session.recorded, recording.activity[first : first + 20, units])
        np.testing.assert_allclose(np.ptp(session.forecast, axis=0), 0)  # the mean of the train split
