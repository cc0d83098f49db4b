"""A run shows the typical unit beside its means, and marks those that drifting units own."""

from __future__ import annotations

import pytest
from laws import simulated

import synapsnet as sn
from synapsnet.experiment import tables
from synapsnet.experiment.outcome import show_results
from synapsnet.metrics import owned_by_few
from synapsnet.results import Run

NAMES = ("ar", "mean")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """Own-AR and the mean, each with the other as its reference, on 30 units of which two drift far."""
    (session,) = simulated("levels", units=(30,))
    session.activity[500:, [4, 20]] += 8
    folder = tmp_path_factory.mktemp("runs")
    settings = ("data.context_bins=5", "data.window_bins=20", "data.inputs=levels", "~callbacks.figures")
    for name, other in zip(NAMES, reversed(NAMES), strict=True):
        sn.fit(name, [session], out=folder / name, settings=[*settings, f"reference_models=[{other}]"])
    return {name: Run(folder / name) for name in NAMES}


def test_drifting_units_that_own_a_difference_are_in_the_results(runs: dict[str, Run]) -> None:
    units = {name: run.unit_scores for name, run in runs.items()}
    scores = {name: {"s0": {metric: of[metric].to_numpy() for metric in of.columns[2:]}} for name, of in units.items()}
    ids = {"s0": units["ar"].unit_id.tolist()}
    owned = runs["ar"].facts["references"]["mean"]["against"]["owned_by_few"]
    assert set(owned["mse"]["units"]) == {"u4", "u20"}
    expected = owned_by_few(scores["mean"], scores["ar"], ids)
    assert owned.keys() == expected.keys()
    for metric, few in expected.items():
        assert tuple(owned[metric]["units"]) == few.units
        assert [owned[metric][name] for name in ("difference", "without")] == pytest.approx(few[:2], rel=1e-4)


def test_the_tables_show_the_typical_unit_and_the_marks(
    runs: dict[str, Run], capsys: pytest.CaptureFixture[str]
) -> None:
    show_results(runs["ar"].folder)
    printed = capsys.readouterr().out
    facts = runs["ar"].facts
    rows = {line.split()[0]: line for line in printed.splitlines() if line.strip()}
    assert f"{facts['mean']['median_gain']:.4f}" in printed
    assert f"{facts['mean']['share_above_mean']:.0%}" in printed
    against = facts["references"]["mean"]["against"]["mean"]
    assert rows["mean"].split()[1:] == [f"{against['median_gain_over']:.4f}", f"{against['share_better_than']:.0%}"]
    few = facts["references"]["mean"]["against"]["owned_by_few"]["mse"]
    assert f"{facts['references']['mean']['mean']['mse']:.3f}‡" in printed
    assert "‡ few units own the difference from ar" in printed
    assert f"mse {few['without']:+.3f} (not {few['difference']:+.3f})" in " ".join(printed.split())


def test_no_number_is_cut_on_a_narrow_terminal(
    runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "WIDE", 80)
    show_results(runs["ar"].folder)
    assert "…" not in capsys.readouterr().out


def test_the_python_face_shows_the_typical_unit(runs: dict[str, Run]) -> None:
    run = runs["ar"]
    assert list(run.scores.columns[:2]) == ["median_gain", "share_above_mean"]
    gain = run.unit_scores.gain
    assert run.scores.loc["s0", "median_gain"] == pytest.approx(gain.median())
    assert run.scores.loc["s0", "share_above_mean"] == (gain > 0).mean()
    of_mean = runs["mean"].scores.loc["s0"]
    assert of_mean.median_gain == pytest.approx(0, abs=1e-6)
    assert of_mean.share_above_mean == 0
