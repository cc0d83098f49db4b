"""The pipeline of train.py from Python."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command import QUICK, Command, in_new_process, write_recording
from runs import assert_equal_runs, contents

import synapsnet as sn

SETTINGS = ("data.context_bins=5", "data.window_bins=20", "trainer.max_epochs=2", "reference_models=[]")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> sn.Session:
    return sn.read(write_recording(tmp_path_factory.mktemp("face") / "mouse.npz"))


@pytest.fixture
def fitted(session: sn.Session, tmp_path: Path) -> sn.FittedRun:
    return sn.fit("synapsnet", [session], out=tmp_path / "run", settings=[*SETTINGS, "~callbacks.figures"])


def test_what_is_exported_is_there_and_nothing_slow_is_imported_for_it(tmp_path: Path) -> None:
    assert {name for name in sn.__all__ if getattr(sn, name) is None} == set()
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", sn.__version__)
    with pytest.raises(AttributeError, match="no attribute 'fti'"):
        _ = sn.fti
    script = "import sys, synapsnet; print(sorted({'torch', 'lightning', 'hydra', 'pandas'} & set(sys.modules)))"
    assert in_new_process(tmp_path, "-c", script).stdout.strip() == "[]"
    script = "import sys; from synapsnet import load; print('lightning' in sys.modules)"
    assert in_new_process(tmp_path, "-c", script).stdout.strip() == "False"


def test_a_fit_is_the_run_of_the_command_line(session: sn.Session, tmp_path: Path, train: Command) -> None:
    write_recording(tmp_path / "mouse.npz")
    sn.fit("synapsnet", [session], out=tmp_path / "python", settings=[*SETTINGS, "~callbacks.figures"])
    done = train(
        *QUICK,
        "trainer.max_epochs=2",
        "~callbacks.progress",
        f"data.root={tmp_path / 'mouse.npz'}",
        "hydra.run.dir=shell",
    )
    assert done.code == 0, done.err
    assert_equal_runs(tmp_path / "python", train.folder / "shell")


def test_nothing_is_printed_and_the_log_is_in_the_folder(
    session: sn.Session, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    run = sn.fit("var", [session], out=tmp_path / "run", settings=SETTINGS)
    assert capfd.readouterr() == ("", "")
    assert "parameters, 1 session" in (run.folder / "train.log").read_text()


def test_scores_connections_and_forecasts(fitted: sn.FittedRun, session: sn.Session) -> None:
    assert list(fitted.scores.index) == ["mouse"]
    assert np.isfinite(fitted.scores.loc["mouse", "nll"])
    connections = fitted.connectivity("mouse")
    assert connections.unit_ids == session.unit_ids
    assert connections.effective.shape == (7, 7)
    assert connections.standard_error.shape == (7, 7)
    assert list(connections.to_frame().columns[:2]) == ["post", "pre"]
    forecast = fitted.forecast(session)
    assert forecast.shape == session.activity.shape
    assert np.isnan(forecast[:4]).all()
    assert np.isfinite(forecast[4:]).all()
    other_order = session.of_units(np.arange(7)[::-1])
    np.testing.assert_array_equal(fitted.forecast(other_order), forecast)


def test_arrays_are_forecast_by_the_model_alone(fitted: sn.FittedRun, session: sn.Session) -> None:
    with pytest.raises(sn.UserError, match=r"forecast takes a Session, got ndarray; model\.forecast takes arrays"):
        fitted.forecast(session.activity)


def test_a_forecast_starts_anew_in_every_segment(fitted: sn.FittedRun, session: sn.Session) -> None:
    parts = sn.Session.from_arrays(
        session.activity,
        bin_width_s=session.bin_width_s,
        behavior={"running": session.behavior[:, 0]},
        session_id="mouse",
        unit_ids=session.unit_ids,
        segments=[[0, 100], [100, 600]],
    )
    forecast = fitted.forecast(parts)
    assert np.isnan(forecast[100:104]).all()
    np.testing.assert_allclose(forecast[:100], fitted.forecast(session)[:100], rtol=1e-5)


def test_the_same_fit_is_not_repeated(fitted: sn.FittedRun, session: sn.Session) -> None:
    before = contents(fitted.folder)
    again = sn.fit("synapsnet", [session], out=fitted.folder, settings=[*SETTINGS, "~callbacks.figures"])
    assert contents(fitted.folder) == before
    assert again.scores.equals(fitted.scores)
    with pytest.raises(sn.UserError, match="finished run, which is kept"):
        sn.fit("var", [session], out=fitted.folder, settings=SETTINGS)
    other = replace(session, activity=session.activity[:, ::-1])
    with pytest.raises(sn.UserError, match=r"finished run, which is kept \(session mouse has another content"):
        sn.fit("synapsnet", [other], out=fitted.folder, settings=[*SETTINGS, "~callbacks.figures"])
    assert contents(fitted.folder) == before


def test_the_score_to_choose_settings_by(fitted: sn.FittedRun) -> None:
    scores = json.loads((fitted.folder / "test_metrics.json").read_text())
    assert fitted.validation == scores["validation"]


def test_a_model_without_connections_says_so(session: sn.Session, tmp_path: Path) -> None:
    run = sn.fit("mean", [session], out=tmp_path / "run", settings=SETTINGS)
    with pytest.raises(sn.UserError, match="mean estimated no connectivity"):
        run.connectivity("mouse")


def test_a_forecast_without_the_behavior_of_training_says_so(
    fitted: sn.FittedRun, session: sn.Session, caplog: pytest.LogCaptureFixture
) -> None:
    fitted.forecast(session)
    assert not caplog.records
    fitted.forecast(replace(session, behavior=None, behavior_names=()))
    assert [record.message for record in caplog.records] == [
        "session mouse is forecast without running, which it lacks"
    ]


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("lsmt", (), "Could not find 'model/lsmt'"),
        ("lstm", ("trainer.max_step=2",), "did you mean trainer.max_steps?"),
        ("lstm", "trainer.max_steps=2", "settings must be a list"),
        ("lstm", ("data.root=/x",), "drop one of them"),
    ],
)
def test_bad_input_is_one_error_of_one_line(
    session: sn.Session, tmp_path: Path, model: str, settings: tuple[str, ...] | str, message: str
) -> None:
    with pytest.raises(sn.UserError, match=re.escape(message)) as raised:
        sn.fit(model, session, out=tmp_path / "run", settings=settings)
    assert len(str(raised.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_only_sessions_are_recordings_in_memory(tmp_path: Path) -> None:
    with pytest.raises(sn.UserError, match=r"as Session\.from_arrays makes"):
        sn.fit("lstm", [np.zeros((10, 3))], out=tmp_path / "run")


def test_the_working_folder_may_be_the_run_folder(
    session: sn.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sn.fit("mean", session, out=".", settings=SETTINGS).folder == tmp_path


def test_a_path_of_recordings(tmp_path: Path, session: sn.Session) -> None:
    write_recording(tmp_path / "mouse.npz")
    run = sn.fit("mean", tmp_path / "mouse.npz", out=tmp_path / "run", settings=SETTINGS)
    assert list(run.scores.index) == ["mouse"]


def test_bins_are_widened_to_those_of_the_model(
    tmp_path: Path, session: sn.Session, caplog: pytest.LogCaptureFixture
) -> None:
    run = sn.fit("var", [session], out=tmp_path / "run", settings=[*SETTINGS, "data.bin_width_s=0.1"])
    assert len(run.forecast(session)) == len(session.activity) // 2
    with caplog.at_level("INFO", logger="synapsnet"):
        run.forecast(session.of_bins(np.array([[0, 99]])))
    assert "session mouse: 1 of 99 bins left out, no full bin of 0.1 s at the end of a segment" in caplog.text


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"activity": np.zeros(3, int), "bin_width_s": 0.1}, "activity must be"),
        ({"activity": np.zeros((3, 2)), "bin_width_s": 0.1}, "whole numbers as floats"),
        ({"activity": np.zeros((3, 2), int), "bin_width_s": 0.1, "behavior": {"a": [1, 2]}}, r"a \(2,\)"),
        ({"activity": np.zeros((3, 2), int), "bin_width_s": 0.1, "behavior": "speed"}, "must map names to series"),
        ({"activity": np.zeros((3, 2), int), "bin_width_s": -1.0}, "bin_width_s"),
    ],
)
def test_arrays_that_are_no_session(arrays: dict, message: str) -> None:
    with pytest.raises(sn.UserError, match=message):
        sn.Session.from_arrays(**arrays)


def test_arrays_tell_their_signal() -> None:
    rng = np.random.default_rng(0)
    assert sn.Session.from_arrays(rng.poisson(1.0, (20, 2)), bin_width_s=0.1).signal == "spikes"
    assert sn.Session.from_arrays(rng.normal(size=(20, 2)), bin_width_s=0.1).signal == "calcium"
    assert sn.Session.from_arrays(np.ones((20, 2)), bin_width_s=0.1, signal="spikes").unit_ids == ("u0", "u1")


def test_more_than_one_session_in_a_path(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_recording(tmp_path / f"{name}.npz")
    with pytest.raises(sn.UserError, match=r"holds 2 sessions \(a, b\)"):
        sn.read(tmp_path)
    assert [session.session_id for session in sn.read_all(tmp_path)] == ["a", "b"]


def test_a_recording_that_is_not_the_models(fitted: sn.FittedRun, session: sn.Session) -> None:
    other = sn.Session.from_arrays(session.activity, bin_width_s=0.05, session_id="rat")
    with pytest.raises(sn.UserError, match="no session 'rat' in this model; it has mouse"):
        fitted.forecast(other)
    fewer = session.of_units(np.arange(5))
    with pytest.raises(sn.UserError, match="has no unit 'u5', which the model forecasts"):
        fitted.forecast(fewer)
    with pytest.raises(sn.UserError, match="no session to train on"):
        sn.fit("mean", [])
