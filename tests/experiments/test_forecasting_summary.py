"""The forecasting table from run folders with planted numbers."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from laws import names
from omegaconf import OmegaConf
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from experiments._summary import summarize
from experiments.forecasting.study import STUDY
from experiments.forecasting.summarize import summary as summary_of
from synapsnet.metrics import TimeBlocks
from synapsnet.results.time_blocks import write_time_blocks

BASE = {"pearson_r": 0.5, "r2": 0.1, "mse": 0.9, "nll": 1.0, "skill_vs_persistence": 0.2, "population_rate_r": 0.6}
BASE |= {"median_gain": 0.01, "share_above_mean": 0.75}
OF_UNITS = {"nll": 1.0, "gain": 0.01, "mse": 0.9, "mse_train_mean": 1.0, "mse_persistence": 1.1, "pearson_r": 0.0}


def plant(
    root: Path,
    model: str,
    seed: int,
    sessions: dict[str, dict[str, float | None]],
    *,
    data: str = "mouse",
    units: tuple[str, ...] = ("u0", "u1"),
    of_units: dict[str, list[float]] | None = None,
    signal: str = "calcium",
    max_steps: int = 800,
    reason: str = "budget",
    **settings: Any,
) -> Path:
    """A run folder; scores not given are those of `BASE`, and of units those of `OF_UNITS`."""
    run = root / model / data / f"seed{seed}"
    run.mkdir(parents=True)
    scores = {session: {**BASE, **planted} for session, planted in sessions.items()}
    results = {"model": model, "data": data, "seed": seed, "sessions": scores}
    results["stopped"] = {"reason": reason, "step": 9, "budget": max_steps}
    results |= {"n_parameters": 1234, "fit_seconds": 2.0 + seed}
    (run / "test_metrics.json").write_text(json.dumps(results))
    section = {
        "name": data,
        "root": f"/here/{model}",
        "signal": signal,
        "context_bins": 10,
        "fractions": {"train": 0.7},
    }
    trainer = {"max_steps": max_steps, "max_epochs": -1, "max_time": "00:00:05:00"}
    config = {"seed": seed, "choices": {"model": model}, "data": {**section, **settings}, "trainer": trainer}
    OmegaConf.save(config, run / "config.yaml")
    rows = pd.DataFrame(product(sessions, units), columns=["session", "unit_id"])
    rows.assign(**OF_UNITS | (of_units or {})).to_csv(run / "unit_metrics.csv", index=False)
    return run


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
        assert (self.out / "forecasting.png").stat().st_size > 0
        return printed, pd.read_csv(self.out / "table.csv").set_index(["data", "model"])

    def paired(self) -> tuple[str, pd.DataFrame]:
        self._run()
        table = pd.read_csv(self.out / "paired.csv").set_index(["data", "model", "other"])
        return (self.out / "paired.md").read_text(), table

    def refusal(self) -> str:
        with pytest.raises(SystemExit) as stopped:
            self._run()
        assert stopped.value.code == 2
        assert not self.out.exists()
        message = self.capsys.readouterr().err
        assert message.startswith("error: ")
        assert message.count("\n") == 1
        return message

    def _run(self) -> None:
        assert summarize(STUDY, summary_of, ["--out", str(self.root), "--to", str(self.out)]) == 0


@pytest.fixture
def summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Summary:
    return Summary(tmp_path / "runs", tmp_path / "out", capsys)


def row(printed: str, model: str) -> str:
    return next(line for line in printed.splitlines() if line.startswith(f"| {model}"))


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_error_is_across_sessions_of_seed_averages(summary: Summary) -> None:
    planted = np.array([[0.1, 0.3, 0.8], [0.3, 0.5, 0.4]])  # [seeds, sessions]
    for seed, scores in enumerate(planted):
        plant(summary.root, "var", seed, {f"s{i}": {"pearson_r": r} for i, r in enumerate(scores)})
    printed, table = summary()
    averaged = planted.mean(0)
    sem = averaged.std(ddof=1) / np.sqrt(3)
    assert table.loc[("mouse", "var"), "pearson_r"] == pytest.approx(averaged.mean())
    assert table.loc[("mouse", "var"), "pearson_r_sem"] == pytest.approx(sem, rel=1e-5)
    assert f"{averaged.mean():.3f} ± {sem:.3f}" in row(printed, "var")
    assert table.loc[("mouse", "var"), "fit_seconds"] == 2.5


def test_one_session_shows_the_deviation_over_seeds(summary: Summary) -> None:
    for seed, bits in enumerate([0.06, 0.07, 0.11]):
        plant(summary.root, "var", seed, {"s": {"bits_per_spike": bits}}, signal="spikes")
    printed, table = summary()
    assert f"0.080 ({np.std([0.06, 0.07, 0.11], ddof=1):.3f})" in row(printed, "var")
    assert np.isnan(table.loc[("mouse", "var"), "bits_per_spike_sem"])


def test_models_are_sorted_and_the_best_is_bold_whichever_way_it_lies(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s": {"median_gain": 0.1, "skill_vs_persistence": 0.3, "nll": 0.7}})
    plant(summary.root, "var", 0, {"s": {"median_gain": 0.3, "skill_vs_persistence": 0.1, "nll": 0.95}})
    printed, table = summary()
    assert list(table.loc["mouse"].index[:2]) == ["var", "ar"]
    assert row(printed, "var").startswith("| var | **0.3000** |")
    assert "**0.300**" in row(printed, "ar")
    assert "**0.700**" in row(printed, "ar")
    assert "**0.950**" not in printed


def test_every_model_has_a_row_and_incomplete_ones_cannot_win(summary: Summary) -> None:
    for seed in range(3):
        plant(summary.root, "ar", seed, {"s": {"median_gain": 0.1}})
    plant(summary.root, "lstm", 1, {"s": {"median_gain": 0.9}})
    printed, table = summary()
    assert set(table.loc["mouse"].index) == set(names("model"))
    assert row(printed, "lstm").startswith("| lstm (1 of 3 seeds) | 0.9000 |")
    assert "**0.1000 (0.0000)**" in row(printed, "ar")
    assert row(printed, "glm").startswith("| glm (0 of 3 seeds) | - |")


def test_a_run_that_the_clock_cut_is_marked_and_cannot_win(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s": {"median_gain": 0.1}})
    plant(summary.root, "lstm", 0, {"s": {"median_gain": 0.9}}, reason="time")
    printed, _ = summary()
    assert row(printed, "lstm").startswith("| lstm (cut by the clock) | 0.9000 |")
    assert "**0.1000**" in row(printed, "ar")


def test_a_score_undefined_in_one_session_is_undefined(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s0": {"pearson_r": None}, "s1": {}})
    _, table = summary()
    assert np.isnan(table.loc[("mouse", "ar"), "pearson_r"])


def test_recordings_are_blocks_that_need_not_be_alike(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s": {"bits_per_spike": 0.05}}, data="mouse", signal="spikes", context_bins=10)
    plant(summary.root, "ar", 0, {"w0": {}, "w1": {}}, data="worm", context_bins=20)
    printed, _ = summary()
    mouse, worm = printed.split("## ")[1:]
    assert "bits_per_spike" in mouse
    assert "bits_per_spike" not in worm
    assert "2 sessions, 4 units, 1 seed." in worm


@pytest.mark.parametrize(
    ("difference", "named"),
    [
        ({"context_bins": 20}, "data.context_bins"),
        ({"fractions": {"train": 0.8}}, "data.fractions.train"),
        ({"bin_width_s": 0.05}, "data.bin_width_s"),
        ({"units": ("u0", "u2")}, "unit_ids scored"),
        ({"sessions": {"other": {}}}, "sessions scored"),
        ({"units": ("u0",)}, "1 and 2 units"),
        ({"max_steps": 8000}, "trainer.max_steps"),
    ],
)
def test_runs_that_were_not_alike_are_refused(summary: Summary, difference: dict[str, Any], named: str) -> None:
    plant(summary.root, "ar", 0, {"s": {}})
    plant(summary.root, "var", 0, **{"sessions": {"s": {}}, **difference})
    message = summary.refusal()
    assert named in message
    assert str(Path("var") / "mouse" / "seed0") in message


def test_a_recording_without_runs_keeps_what_an_earlier_summary_has_of_it(summary: Summary) -> None:
    for data in ("mouse", "rat", "worm"):
        for model in ("var", "mean"):
            plant(summary.root, model, 0, {"s0": {"pearson_r": 0.1}, "s1": {}}, data=data)
    first, table = summary()
    paired_first, pairs = summary.paired()
    summary.capsys.readouterr()
    for model in ("var", "mean"):
        for data in ("mouse", "worm"):
            shutil.rmtree(summary.root / model / data)
        plant(summary.root, model, 1, {"s0": {"pearson_r": 0.7}, "s1": {}}, data="rat")
    again, new_table = summary()
    paired_again, new_pairs = summary.paired()
    assert again.startswith("mouse, worm: no run, so tables and texts stay as they are in ")
    assert "mouse, worm: of an earlier summary." in again
    made = pd.read_csv(summary.out / "runs.csv")
    assert made[made.model == "var"].to_dict("list") == {
        "data": ["mouse", "rat", "worm"], "model": ["var"] * 3, "commit": ["unknown"] * 3, "runs": [1, 2, 1]
    }  # fmt: skip
    for text, new_text in ((first, again), (paired_first, paired_again)):
        sections, new_sections = (re.split(r"\n## (?=\w+\n)", each.rstrip())[1:] for each in (text, new_text))
        assert [section.split()[0] for section in new_sections] == ["mouse", "rat", "worm"]
        kept = [new.rstrip() == old.rstrip() for new, old in zip(new_sections, sections, strict=True)]
        assert kept[0]
        assert kept[2]
    for frame, new_frame in ((table, new_table), (pairs, new_pairs)):
        pd.testing.assert_frame_equal(new_frame.drop("rat"), frame.drop("rat"))
    assert table.seeds["rat"]["var"] == 1
    assert new_table.seeds["rat"]["var"] == 2


def test_a_folder_without_runs_is_refused(summary: Summary) -> None:
    assert "no finished run" in summary.refusal()


def test_a_run_without_its_configuration_is_refused(summary: Summary) -> None:
    (plant(summary.root, "ar", 0, {"s": {}}) / "config.yaml").unlink()
    assert "not a whole run folder" in summary.refusal()


def test_a_run_that_is_there_twice_is_refused(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s": {}})
    plant(summary.root / "again", "ar", 0, {"s": {}})
    assert "two run folders" in summary.refusal()


def test_a_run_without_gains_of_units_is_refused(summary: Summary) -> None:
    units = plant(summary.root, "ar", 0, {"s": {}}) / "unit_metrics.csv"
    pd.read_csv(units).drop(columns="gain").to_csv(units, index=False)
    assert "unit_metrics.csv: no gain; run it again" in summary.refusal()


def test_settings_of_simulations_do_not_tell_recordings_apart(summary: Summary) -> None:
    for model, density in {"ar": 0.06, "var": 0.12}.items():
        plant(summary.root, model, 0, {"s": {}}, network={"density": density})
    printed, _ = summary()
    assert row(printed, "var")


def test_models_are_paired_unit_by_unit(summary: Summary) -> None:
    """Against loops over seeds, sessions and units."""
    rng, models, seeds = np.random.default_rng(0), ("ar", "var", "glm"), range(3)
    nll = {(model, seed): rng.normal(1, 0.1, (2, 5)) for model in models for seed in seeds}  # [sessions, units]
    for (model, seed), planted in nll.items():
        units = tuple(f"u{unit}" for unit in range(5))
        plant(summary.root, model, seed, {"s0": {}, "s1": {}}, units=units, of_units={"nll": planted.ravel().tolist()})
    text, pairs = summary.paired()
    _, table = summary()
    for model, other in product(models, models):
        gains = [gain for seed in seeds for gain in nll[other, seed] - nll[model, seed]]
        share = np.mean([sum(unit > 0 for unit in units) / len(units) for units in gains])
        found = pairs.loc[("mouse", model, other)]
        assert found.share_better_than == pytest.approx(share, rel=1e-5)
        assert found.median_gain_over == pytest.approx(np.mean([np.median(units) for units in gains]), rel=1e-5)
        shown = cells(row(text, model))[cells(row(text, " ")).index(other)]
        assert shown == ("-" if model == other else f"{share:.0%}")
        if other == "ar":
            assert table.loc[("mouse", model), "share_above_ar"] == pytest.approx(share, rel=1e-5)
            assert table.loc[("mouse", model), "median_gain_over_ar"] == pytest.approx(found.median_gain_over)


def test_the_leader_is_tested_over_sessions_and_its_share_has_an_interval(summary: Summary) -> None:
    """Against scipy; Holm's correction of two tests doubles the smaller p."""
    rng, sessions = np.random.default_rng(0), [f"s{k}" for k in range(6)]
    ours = rng.normal(1, 0.1, (6, 4))
    rivals = {"ar": ours + rng.normal(0.05, 0.02, (6, 4)), "glm": ours + rng.normal(0, 0.1, (6, 4))}
    for model, nll in {"lstm": ours, **rivals}.items():
        given = {session: {"median_gain": 0.5 if model == "lstm" else 0.1} for session in sessions}
        units = tuple(f"u{unit}" for unit in range(4))
        plant(summary.root, model, 0, given, units=units, of_units={"nll": nll.ravel().tolist()})
    text, _ = summary.paired()
    below = text[text.index("| lstm against") :]
    p = {model: stats.ttest_rel(ours.mean(1), nll.mean(1)).pvalue for model, nll in rivals.items()}
    assert p["ar"] < p["glm"]
    expected = {"ar": 2 * p["ar"], "glm": p["glm"]}
    for model, nll in rivals.items():
        better = (ours < nll).mean()
        low, high = proportion_confint(better * 24, 24, method="wilson")
        difference = ours.mean(1) - nll.mean(1)
        assert cells(row(below, model))[1:7] == [
            f"{better:.0%} ({low:.0%} to {high:.0%})",
            f"{difference.mean():z.4f} ± {stats.sem(difference):.4f}",
            "-",
            "6",
            f"{difference.mean() / difference.std(ddof=1):z.2f}",
            f"{expected[model]:.2g}",
        ]


def test_every_pair_is_bootstrapped_over_time_on_the_seeds_in_common(summary: Summary) -> None:
    """The differences are means over the seeds that both have; the only run of own-AR stands for each of them."""
    rng, n_bins = np.random.default_rng(0), np.full(30, 8)
    theirs, ours = rng.normal(1, 0.1, (30, 2)), rng.normal(0.9, 0.1, (3, 30, 2))
    write_time_blocks(plant(summary.root, "ar", 0, {"s": {}}) / "time_blocks.npz", {"s": TimeBlocks(theirs, n_bins)})
    for seed, nll in enumerate(ours):
        run = plant(summary.root, "lstm", seed, {"s": {"median_gain": 0.5}})
        write_time_blocks(run / "time_blocks.npz", {"s": TimeBlocks(nll, n_bins)})
    plant(summary.root, "glm", 0, {"s": {}})
    text, pairs = summary.paired()
    found = pairs.loc[("mouse", "lstm", "ar")]
    assert found.difference == pytest.approx((ours.mean(0) - theirs).mean(), rel=1e-4)
    assert found.low < found.difference < found.high < 0
    below = text[text.index("| lstm against") :]
    assert cells(row(below, "ar"))[3] == f"{found.low:.4f} to {found.high:.4f}"
    assert cells(row(below, "glm"))[3] == "-"
    assert np.isnan(pairs.loc[("mouse", "lstm", "glm")].low)


def test_models_without_a_seed_in_common_are_not_compared(summary: Summary) -> None:
    plant(summary.root, "lstm", 0, {"s": {}})
    plant(summary.root, "transformer", 1, {"s": {}})
    text, _ = summary.paired()
    assert row(text, "transformer") == "| transformer | - | - |"


def test_the_one_run_of_a_model_without_luck_is_compared_with_every_seed(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s": {}}, of_units={"nll": [1.0, 1.0]})
    for seed, nll in enumerate([0.5, 1.5, 1.5]):
        plant(summary.root, "lstm", seed, {"s": {}}, of_units={"nll": [nll, nll]})
    text, _ = summary.paired()
    assert row(text, "ar") == "| ar | - | 67% |"
    printed, table = summary()
    assert (table.seeds == table.seeds_expected).loc["mouse"][["ar", "lstm"]].all()
    assert "of 3 seeds" not in row(printed, "ar")


def test_a_unit_whose_forecast_broke_down_leaves_its_pairs_undefined(summary: Summary) -> None:
    plant(summary.root, "ar", 0, {"s": {}})
    plant(summary.root, "var", 0, {"s": {}}, of_units={"nll": [1.0, np.nan]})
    text, pairs = summary.paired()
    assert row(text, "ar") == "| ar | - | - |"
    assert pairs.loc[("mouse", "ar", "var")].isna().all()


def test_a_mean_that_few_units_own_is_marked_and_says_what_it_would_be(summary: Summary) -> None:
    """Two of 50 units turn the mean squared error of the model that leads in all others; seeds are averaged first."""
    units = tuple(str(unit) for unit in range(50))
    for seed, size in enumerate((10.0, 30.0)):
        mse = np.full(50, 0.8)
        mse[[34, 43]] += [size, 2 * size]
        leading = {"median_gain": 0.2, "mse": mse.mean()}
        plant(summary.root, "var", seed, {"s": leading}, units=units, of_units={"mse": mse.tolist()})
        plant(summary.root, "ar", seed, {"s": {"median_gain": 0.1, "mse": 0.9}}, units=units)
    printed, _ = summary()
    assert "0.900‡" in row(printed, "ar")
    assert "‡" not in row(printed, "var")
    assert "‡ few units own the difference from var\n- ar without 43, 34: " in printed
    assert f"mse +0.100 (not {0.1 - 60 / 50:+.3f})" in printed
