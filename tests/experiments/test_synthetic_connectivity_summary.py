"""The table and figures of recovered connectivity from run folders with planted numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from experiments._summary import summarize
from experiments.synthetic_connectivity.study import CURVES, METHODS, ROWS, STUDY
from experiments.synthetic_connectivity.summarize import summary as summary_of

SIGNLESS = ("transfer_entropy",)
BASE = {
    "pearson_r": 0.5,
    "spearman_r": 0.4,
    "auroc": 0.9,
    "auprc": 0.6,
    "auprc_chance": 0.05,
    "auprc_evidence": 0.7,
    "auprc_inclusion": np.nan,
    "sign_accuracy": 0.97,
    "sender_sign_accuracy": 1.0,
    "in_degree_r": 0.3,
    "out_degree_r": 0.2,
}


def plant(
    root: Path,
    model: str,
    seed: int,
    scores: dict[str, dict[str, float]],
    *,
    data: str = "ring",
    max_steps: int = 300,
    **settings: Any,
) -> Path:
    """A run folder; scores by method, those not given being those of `BASE`."""
    run = root / model / data / f"seed{seed}"
    run.mkdir(parents=True)
    session = f"simulated-{seed}"
    rows = [{"session": session, "method": method, **BASE, **planted} for method, planted in scores.items()]
    for row in rows:
        if row["method"] in SIGNLESS:
            row |= {"sign_accuracy": np.nan, "sender_sign_accuracy": np.nan}
    pd.DataFrame(rows).to_csv(run / "recovery.csv", index=False)
    results = {
        "model": model,
        "data": data,
        "seed": seed,
        "stopped": None,
        "mean": {"pearson_r": 0.25},
        "sem": {},
        "fit_seconds": 2.0 + seed,
    }
    (run / "test_metrics.json").write_text(json.dumps(results))
    section = {"name": data, "root": None, "network_seed": seed, "network": {"n_units": 10, "seed": seed}, **settings}
    trainer = {"max_steps": max_steps, "max_epochs": -1, "max_time": "00:00:05:00"}
    config = {"seed": seed, "choices": {"model": model}, "data": section, "trainer": trainer}
    OmegaConf.save(config, run / "config.yaml")
    return run


def plant_models(root: Path, values: dict[str, list[float]], **kwargs: Any) -> None:
    """Runs of several models, with their ``pearson_r`` on seeds from 100."""
    for model, by_seed in values.items():
        for seed, value in enumerate(by_seed, 100):
            plant(root, model, seed, {model: {"pearson_r": value}}, **kwargs)


@dataclass(frozen=True)
class Summary:
    """``summarize.py`` as a user runs it."""

    root: Path
    out: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self) -> tuple[str, pd.DataFrame]:
        self._run()
        printed = self.capsys.readouterr().out
        assert (self.out / "table.md").read_text() in printed
        return printed, pd.read_csv(self.out / "table.csv").set_index(["data", "method"])

    def refusal(self) -> str:
        with pytest.raises(SystemExit) as stopped:
            self._run()
        assert stopped.value.code == 2
        assert not self.out.exists()
        message = self.capsys.readouterr().err
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        return message

    def figures(self) -> set[str]:
        return {path.stem for path in self.out.glob("*.png")}

    def _run(self) -> None:
        assert summarize(STUDY, summary_of, ["--out", str(self.root), "--to", str(self.out)]) == 0


@pytest.fixture
def summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Summary:
    return Summary(tmp_path / "runs", tmp_path / "out", capsys)


def cells(printed: str, method: str) -> list[str]:
    line = next(line for line in printed.splitlines() if line.startswith(f"| {method} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_a_row_is_mean_and_deviation_over_seeds(summary: Summary) -> None:
    values = [0.1, 0.3, 0.8, 0.4, 0.5]
    plant_models(summary.root, {"var": values})
    printed, table = summary()
    row = table.loc[("ring", "var")]
    assert row.pearson_r == pytest.approx(np.mean(values))
    assert row.pearson_r_sd == pytest.approx(np.std(values, ddof=1), rel=1e-3)
    assert (row.forecast_r, row.fit_seconds) == (0.25, 104.0)
    assert cells(printed, "var")[2] == f"**{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}**"
    assert "auprc (chance 0.05)" in printed


def test_the_best_is_bold_and_its_equals_are_found_on_the_same_networks(summary: Summary) -> None:
    best = np.array([0.2, 0.4, 0.6, 0.8, 0.9])  # networks differ more than methods do
    plant_models(
        summary.root,
        {
            "synapsnet": list(best),
            "lasso_var": list(best - [0.03, -0.02, 0.02, -0.02, 0.0]),
            "var": list(best - [0.01, 0.02, 0.01, 0.02, 0.01]),
        },
    )
    printed, _ = summary()
    assert cells(printed, "synapsnet")[2].startswith("**0.580")
    assert cells(printed, "lasso_var")[2].endswith("≈")
    assert cells(printed, "var")[2] == "0.566 ± 0.286"


def test_rankings_by_evidence_compete_and_a_ranking_of_one_model_does_not(summary: Summary) -> None:
    of_ours = {"auprc_evidence": 0.8, "auprc_inclusion": 0.9}
    for seed in range(100, 105):
        plant(summary.root, "var", seed, {"var": {}})
        plant(summary.root, "synapsnet", seed, {"synapsnet": of_ours})
    printed, table = summary()
    assert cells(printed, "synapsnet")[4:6] == ["**0.800 ± 0.000**", "0.900 ± 0.000"]
    assert cells(printed, "var")[4:6] == ["0.700 ± 0.000", "-"]
    assert table.loc[("ring", "synapsnet"), "auprc_inclusion"] == 0.9


def test_equal_means_are_equally_bold(summary: Summary) -> None:
    plant_models(summary.root, {"lasso_var": [0.5] * 5, "var": [0.5] * 5})
    printed, _ = summary()
    assert cells(printed, "lasso_var")[2] == cells(printed, "var")[2] == "**0.500 ± 0.000**"


def test_incomplete_and_absent_rows_say_so_and_cannot_win(summary: Summary) -> None:
    plant_models(summary.root, {"var": [0.5] * 5, "lasso_var": [0.9] * 2})
    printed, _ = summary()
    assert cells(printed, "lasso_var")[1:3] == ["2 of 3", "0.900 ± 0.000"]
    assert cells(printed, "var")[2] == "**0.500 ± 0.000**"
    assert cells(printed, "synapsnet")[1:3] == ["0 of 3", "-"]
    assert "No run of rate, " in printed


def test_a_row_planned_with_fewer_networks_is_not_the_best(summary: Summary) -> None:
    plant_models(summary.root, {"var": [0.5] * 5, "neuprint": [0.9] * 2}, data="rate_heterogeneous")
    printed, _ = summary()
    assert cells(printed, "neuprint")[1:3] == ["2", "0.900 ± 0.000 ≈"]
    assert cells(printed, "var")[2] == "**0.500 ± 0.000**"


def test_methods_stand_beside_without_costs_and_signless_ones_without_the_prize(summary: Summary) -> None:
    for seed in range(100, 105):
        plant(summary.root, "var", seed, {"var": {}, "transfer_entropy": {"pearson_r": 0.9, "auprc": 0.95}})
    printed, table = summary()
    row = cells(printed, "transfer_entropy †")
    assert row[1:4] == ["5", "0.900 ± 0.000", "**0.950 ± 0.000**"]
    assert row[-2:] == ["-", "-"]
    assert cells(printed, "var")[2].startswith("**")
    assert np.isnan(table.loc[("ring", "transfer_entropy"), "sign_accuracy"])


def test_an_estimate_without_edges_counts_as_no_correlation(summary: Summary) -> None:
    undefined = {"pearson_r": np.nan, "in_degree_r": np.nan}
    for seed in range(100, 105):
        plant(summary.root, "var", seed, {"var": {"in_degree_r": np.nan}})
        plant(summary.root, "lasso_var", seed, {"lasso_var": undefined if seed == 100 else {"in_degree_r": np.nan}})
    _, table = summary()
    assert table.loc[("ring", "lasso_var"), "pearson_r"] == pytest.approx(0.4)
    assert np.isnan(table.loc[("ring", "lasso_var"), "in_degree_r"])  # the truth has none: no method has one


@pytest.mark.parametrize(
    ("difference", "named"),
    [
        ({"network": {"n_units": 20}}, "data.network.n_units"),
        ({"context_bins": 20}, "data.context_bins"),
        ({"max_steps": 8000}, "trainer.max_steps"),
    ],
)
def test_runs_that_were_not_alike_are_refused(summary: Summary, difference: dict[str, Any], named: str) -> None:
    plant(summary.root, "glm", 100, {"glm": {}})
    plant(summary.root, "var", 101, {"var": {}}, **difference)
    assert named in summary.refusal()


def test_a_folder_without_runs_is_refused(summary: Summary) -> None:
    assert "no finished run" in summary.refusal()


@pytest.mark.parametrize("name", ["config.yaml", "recovery.csv"])
def test_a_run_that_lacks_a_file_is_refused(summary: Summary, name: str) -> None:
    (plant(summary.root, "var", 100, {"var": {}}) / name).unlink()
    assert "not a whole run folder" in summary.refusal()


def test_a_method_that_is_there_twice_is_refused(summary: Summary) -> None:
    plant(summary.root, "var", 100, {"var": {}, "granger": {}})
    plant(summary.root, "glm", 100, {"glm": {}, "granger": {}})
    assert "two run folders hold method granger, data ring, seed 100" in summary.refusal()


def test_called_edges_are_told_where_a_model_has_odds(summary: Summary) -> None:
    for seed, true in enumerate((0.9, 1.0), 100):
        odds = {"called_0.8": 40.0, "true_of_called_0.8": true, "called_0.95": 1500.0, "true_of_called_0.95": 1.0}
        plant(summary.root, "var", seed, {"var": odds, "granger": {}})
    printed, _ = summary()
    rows = pd.read_csv(summary.out / "calls.csv").set_index(["method", "level"])
    assert set(rows.index) == {("var", 0.8), ("var", 0.95)}
    assert rows.loc[("var", 0.8), "true"] == pytest.approx(0.95)
    assert "| ring | var | 2 | 40: 0.950 ± 0.071 | - | 1,500: 1.000 ± 0.000 | - |" in printed


def test_figures_are_of_what_there_is(summary: Summary) -> None:
    rng = np.random.default_rng(0)
    shown = ("synapsnet", "lasso_var", "var", "glm")
    for model in shown:
        run = plant(summary.root, model, 100, {model: {}}, data="spiking")
        matrix = rng.standard_normal((6, 6))
        np.fill_diagonal(matrix, 0)
        arrays = {"s/truth": matrix, "s/effective": matrix, "s/unit_ids": np.arange(6)}
        np.savez(run / "connectivity.npz", **arrays, **{f"s/method/{name}": matrix for name in METHODS})
    for data in ("rate_heterogeneous", "skip-2"):
        plant(summary.root, "var", 100, {"var": {}, "transfer_entropy": {}}, data=data)
    summary()
    assert summary.figures() == {"recovery_networks", "matrices_spiking", "degradation_skip"}


def test_methods_without_a_model_are_computed_once() -> None:
    jobs = STUDY.jobs(Path())
    beside = [job.folder for job in jobs if "method=[]" not in job.settings]
    assert {folder.parts[0] for folder in beside} == {"var"}
    without = {"spiking_1000"}  # two models alone
    assert {folder.name for folder in beside} == {job.folder.name for job in jobs} - without


def test_names_of_networks_are_distinct_and_levels_of_curves_exist() -> None:
    names = [row.data for row in ROWS]
    assert len(set(names)) == len(names)
    assert {data for curve in CURVES for data in curve.levels.values()} <= set(names)
