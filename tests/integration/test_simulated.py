"""data=simulated: a run on a network whose connectivity is known is scored on it, the model and the methods alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command import QUICK, Command
from omegaconf import OmegaConf
from sklearn.metrics import average_precision_score

from experiments._wandb_log import logged_runs
from synapsnet.analysis.replication import LEVELS

N_UNITS = 15
SMALL = ("data=simulated", f"data.network.n_units={N_UNITS}", "data.network.duration_s=40")
WITH_FIGURES = tuple(override for override in QUICK if override != "callbacks.figures=null")
SCORES = {
    "pearson_r", "spearman_r", "auroc", "auprc", "auprc_chance", "sign_accuracy", "sender_sign_accuracy",
    "in_degree_r", "out_degree_r", "auprc_evidence", "auprc_inclusion",
    *(f"{name}_{level:g}" for name in ("called", "true_of_called") for level in LEVELS),
}  # fmt: skip
METHODS = ["correlation", "lagged_correlation", "transfer_entropy"]
WANTED = f"method=[{','.join(METHODS)}]"


def arrays(run: Path) -> dict[str, np.ndarray]:
    """Findings of a run on one session, by key without the session's name."""
    with np.load(run / "connectivity.npz") as file:
        return {key.partition("/")[2]: file[key] for key in file}


@pytest.mark.parametrize("network", ["rate", "spiking"])
def test_model_and_methods_are_scored_against_the_truth(network: str, train: Command) -> None:
    done = train(
        "model=synapsnet", *SMALL, *WITH_FIGURES, f"data/network={network}", WANTED, "trainer.max_epochs=2",
        "hydra.run.dir=run", "logger=[wandb,csv]",
    )  # fmt: skip
    assert done.code == 0, done.err
    run = train.folder / "run"
    found = arrays(run)
    matrices = ["truth", "effective", "raw", "standard_error", "evidence", *(f"method/{name}" for name in METHODS)]
    for key in matrices:
        assert found[key].shape == (N_UNITS, N_UNITS)
        assert np.isfinite(found[key]).all()
        assert not np.diagonal(found[key]).any()
    for name, least in (("positive", 0.0), ("replication", 0.5)):
        assert least <= found[name].min() <= found[name].max() <= 1
    assert found["per_lag"].sum(0) == pytest.approx(found["effective"], abs=1e-6)
    assert found["unsigned"].tolist() == ["transfer_entropy"]
    assert len(found["unit_ids"]) == N_UNITS

    recovery = pd.read_csv(run / "recovery.csv")
    assert set(recovery.columns) == {"session", "method", *SCORES}
    assert recovery["method"].tolist() == ["synapsnet", *METHODS]
    scores = recovery.set_index("method")
    assert scores[["auprc_evidence", "auprc_inclusion"]].notna().all(axis=1).tolist() == [True, False, False, False]
    assert scores["sign_accuracy"].isna().tolist() == [False, False, False, True]
    between = ~np.eye(N_UNITS, dtype=bool)
    truth = found["truth"][between]
    for name, key in (("synapsnet", "effective"), ("correlation", "method/correlation")):
        matrix = found[key][between]
        assert scores.loc[name, "pearson_r"] == pytest.approx(np.corrcoef(matrix, truth)[0, 1], abs=1e-5)
        assert scores.loc[name, "auprc"] == pytest.approx(average_precision_score(truth != 0, abs(matrix)), abs=1e-3)
    assert scores["called_0.8"].isna().tolist() == [False, True, True, True]
    assert scores["auprc_chance"].unique() == pytest.approx([(truth != 0).mean()])

    (logged,) = logged_runs(run)
    for score, value in scores.loc["synapsnet"][list(SCORES)].items():
        assert (f"recovery/{score}" in logged.keys) == (np.isfinite(value) and "called" not in score)
    assert {"test/recovery", "figures/recovery"} <= logged.keys
    session = recovery["session"][0]
    assert (run / "figures" / f"recovery-{session}.png").stat().st_size > 0
    assert not list((run / "figures").glob("connectivity-*"))

    table = done.out[done.out.index("recovery of the known connectivity") :].splitlines()
    rows = [line.split() for line in table if line.split()[:1] and line.split()[0] in scores.index]
    assert [row[0] for row in rows] == ["synapsnet", *METHODS]
    assert [row[1] for row in rows] == [f"{r:.3f}" for r in scores["pearson_r"]]


def test_degradations_compose_in_order(train: Command) -> None:
    done = train(
        "model=synapsnet", *SMALL, *WITH_FIGURES, "data/degradation=[calcium,hidden]", "trainer.max_epochs=2",
        "hydra.run.dir=run",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = arrays(train.folder / "run")
    assert found["truth"].shape == found["effective"].shape == (N_UNITS - round(0.5 * N_UNITS),) * 2
    assert {"inclusion", "method/correlation"} <= set(found)
    config = OmegaConf.load(train.folder / "run" / "config.yaml")
    assert list(config.data.degradation) == ["calcium", "hidden"]
    assert config.data.name == "rate-calcium-hidden"


@pytest.mark.parametrize(
    ("any_model", "expected"), [("true", ["lstm", "correlation"]), ("false", ["correlation"])], ids=["asked", "not"]
)
def test_a_model_without_connectivity(any_model: str, expected: list[str], train: Command) -> None:
    """It is scored by its Jacobian where that is asked for; methods are where it is not."""
    done = train(
        "model=lstm", *SMALL, *WITH_FIGURES, "debug=fast", f"callbacks.connectivity.any_model={any_model}",
        "method=[correlation]", "hydra.run.dir=run",
    )  # fmt: skip
    assert done.code == 0, done.err
    run = train.folder / "run"
    assert ("effective" in arrays(run)) == (any_model == "true")
    assert "raw" not in arrays(run)
    recovery = pd.read_csv(run / "recovery.csv")
    assert recovery["method"].tolist() == expected
    assert recovery["pearson_r"].notna().all()
    assert list((run / "figures").glob("recovery-*.png"))


@pytest.mark.parametrize("asked", [("method=[correlation]",), (), ("method=[]",)], ids=["asked", "default", "none"])
def test_methods_that_are_not_used_are_said(asked: tuple[str, ...], train: Command, sessions: Path) -> None:
    done = train(*QUICK, "model=mean", f"data.root={sessions}", "debug=fast", "hydra.run.dir=run", *asked)
    assert done.code == 0, done.err
    assert not (train.folder / "run" / "connectivity.npz").exists()
    assert ("method=[correlation] is not used" in done.out) == ("method=[correlation]" in asked)


def test_an_earlier_recovery_does_not_stay(train: Command, sessions: Path) -> None:
    common = (*QUICK, "model=mean", "debug=fast", "hydra.run.dir=run")
    assert train(*SMALL, *common).code == 0
    assert (train.folder / "run" / "recovery.csv").is_file()
    done = train(f"data.root={sessions}", *common, "overwrite=true")
    assert done.code == 0, done.err
    assert not (train.folder / "run" / "recovery.csv").exists()
    assert "known connectivity" not in done.out


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (("method=[corelation]",), "corelation"),
        (("callbacks.connectivity.n_lags=0",), "callbacks.connectivity.n_lags"),
        (("data/degradation=[hidden]", "data.degradation.hidden.fraction=1.5"), "fraction 1.5"),
        (("data/degradation=[short]", "data.degradation.short.n_bins=0"), "n_bins"),
        (("data/degradation=[calcium]", "data.degradation.calcium.decay=1"), "decay"),
        (("data/degradation=[blurred]",), "blurred"),
        (("data/degradation=[hidden]", "data.root=mouse.npz"), "drop one of them"),
        (("data.network.density=2",), "error: density must be between 0 and 1, got 2"),
        (("data.network.density=many",), "data.network"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_bad_settings_end_with_one_line(overrides: tuple[str, ...], expected: str, train: Command) -> None:
    done = train(*SMALL, *QUICK, "debug=fast", *overrides)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("error: ")
    assert expected in line
    assert not list(train.folder.iterdir())
