"""One command trains, tests, compares, and leaves a complete run folder."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import wandb
from command import LIGHT, QUICK, Command
from laws import names
from omegaconf import OmegaConf
from runs import checkpoint

from synapsnet.results import Run

METRICS = {
    *("median_gain", "share_above_mean", "pearson_r", "r2", "mse", "nll", "skill_vs_persistence", "population_rate_r"),
    "bits_per_spike",
}
OF_SESSIONS = {"median_gain", "share_above_mean", "population_rate_r"}


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["state_dict"]


def curve_steps(run: Path) -> range:
    """The steps of a run, by its last checkpoint."""
    return range(checkpoint(run, "last")["global_step"])


def test_a_run_leaves_the_folder_that_the_design_lists(train: Command, sessions: Path) -> None:
    quick = [override for override in QUICK if not override.startswith(("logger", "callbacks"))]
    done = train(*quick, f"data.root={sessions}", "trainer.max_epochs=2", "hydra.run.dir=run", "logger=[wandb,csv]")
    assert done.code == 0, done.err
    run = train.folder / "run"
    assert {path.name for path in run.iterdir()} == {
        "config.yaml",
        "test_metrics.json",
        "unit_metrics.csv",
        "time_blocks.npz",
        "metrics.csv",
        "connectivity.npz",
        "checkpoints",
        "figures",
        "traces.npz",
        "wandb",
        "train.log",
        ".synapsnet-run",
    }
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert {path.stem.partition("-")[0] for path in (run / "figures").glob("*.png")} == {
        "learning_curve",
        "traces",
        "unit_scores",
        "connectivity",
    }
    assert list((run / "wandb").glob("offline-run-*/*.wandb"))

    results = json.loads((run / "test_metrics.json").read_text())
    expected = (
        *("model", "data", "seed", "sessions", "mean", "sem", "stopped", "validation", "n_parameters", "fit_seconds"),
        *("references", "versions", "commit", "record", "recordings"),
    )
    assert set(results) == set(expected)
    assert results["stopped"] == {"reason": "budget", "step": len(curve_steps(run)), "budget": len(curve_steps(run))}
    assert all(len(fingerprint) == 64 for fingerprint in results["recordings"].values())
    assert set(results["recordings"]) == {"s0", "s1"}
    assert (results["model"], results["data"], results["seed"]) == ("synapsnet", "two", 0)
    assert set(results["sessions"]) == {"s0", "s1"}
    assert set(results["mean"]) == set(results["sem"]) == set(results["sessions"]["s0"]) == METRICS
    for session, blocks in Run(run).time_blocks.items():
        mean = np.average(blocks.nll, axis=0, weights=blocks.n_bins)
        units = Run(run).unit_scores.set_index("session").nll
        np.testing.assert_allclose(mean, units[session], rtol=1e-5)
    both = [results["sessions"][session]["nll"] for session in ("s0", "s1")]
    assert results["mean"]["nll"] == pytest.approx(np.mean(both))
    assert results["sem"]["nll"] == pytest.approx(np.std(both, ddof=1) / np.sqrt(2))

    with (run / "unit_metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7 + 9
    assert (METRICS - OF_SESSIONS) | {"gain"} <= set(rows[0])
    with (run / "metrics.csv").open() as file:
        curve = list(csv.DictReader(file))
    assert list(curve[0])[:2] == ["step", "epoch"]
    assert {"train/nll", "validation/nll", "validation/nll/s1"} <= set(curve[0])
    with np.load(run / "connectivity.npz") as found:
        for session, n_units in (("s0", 7), ("s1", 9)):
            for kind in ("effective", "raw"):
                matrix = found[f"{session}/{kind}"]
                assert matrix.shape == (n_units, n_units)
                assert np.isfinite(matrix).all()
                assert not np.diag(matrix).any()
            assert found[f"{session}/unit_ids"].tolist() == [f"u{unit}" for unit in range(n_units)]
    assert OmegaConf.load(run / "config.yaml").data.root == str(sessions)


def test_without_a_recording_the_demo_is_simulated_and_says_so(train: Command) -> None:
    small = ("data.network.n_units=12", "data.network.duration_s=30", "trainer.max_epochs=1", "hydra.run.dir=run")
    quick = [override for override in QUICK if override != "logger=csv"]
    done = train("model=synapsnet", "data=neuropixels", *quick, *small)
    assert done.code == 0, done.err
    assert "SIMULATED" in done.out
    (session_id,) = json.loads((train.folder / "run" / "test_metrics.json").read_text())["sessions"]
    assert session_id.startswith("simulated-")
    wandb.teardown()  # waits for its writer
    (log,) = (train.folder / "run" / "wandb").glob("offline-run-*/*.wandb")
    assert b"simulated" in log.read_bytes()


def test_the_table_sets_the_model_beside_the_references(train: Command, sessions: Path) -> None:
    quick = [override for override in QUICK if override != "reference_models=[]"]
    done = train("model=mean", *quick, f"data.root={sessions}")
    assert done.code == 0, done.err
    scores, against = done.out[done.out.index("test split") :].split("mean against")
    order = [line.split()[0] for line in scores.splitlines() if "±" in line][1:]
    (run,) = train.folder.glob("outputs/*/*")
    results = json.loads((run / "test_metrics.json").read_text())
    gains = {name: of["mean"]["median_gain"] for name, of in {"mean": results, **results["references"]}.items()}
    assert order == sorted(gains, key=lambda name: -gains[name])
    assert set(order) == {"mean", "persistence", "ar", "var"}
    assert "skill vs" in scores
    assert "better in % of units" in against


def test_a_reference_is_compared_unit_by_unit(train: Command, sessions: Path) -> None:
    """Every reference scores and is compared as by a run of its own."""
    names = ("mean", "ar", "var")
    for name in names:
        quick = [override for override in QUICK if not override.startswith("reference_models")]
        references = f"reference_models=[{','.join(other for other in names if other != name)}]"
        done = train(f"model={name}", *quick, references, f"data.root={sessions}", f"hydra.run.dir={name}")
        assert done.code == 0, done.err
    runs = {name: Run(train.folder / name) for name in names}
    nll = {name: run.unit_scores.set_index(["session", "unit_id"]).nll for name, run in runs.items()}
    for name, run in runs.items():
        for other, found in run.facts["references"].items():
            assert found["mean"] == pytest.approx(runs[other].facts["mean"], rel=1e-5, abs=1e-5)
            gain = nll[other] - nll[name]
            by = {
                "median_gain_over": gain.groupby("session").median(),
                "share_better_than": (gain > 0).groupby("session").mean(),
            }
            for metric, by_session in by.items():
                assert found["against"]["mean"][metric] == pytest.approx(by_session.mean(), abs=1e-5)
                assert found["against"]["sem"][metric] == pytest.approx(by_session.sem(), abs=1e-5)
                for session, value in by_session.items():
                    assert found["against"]["sessions"][session][metric] == pytest.approx(value, abs=1e-5)
    assert runs["mean"].scores[["median_gain", "share_above_mean"]].to_numpy() == pytest.approx(0, abs=1e-6)
    for name in ("ar", "var"):
        assert runs[name].summary.loc["median_gain", "mean"] == pytest.approx(
            runs[name].facts["references"]["mean"]["against"]["mean"]["median_gain_over"], abs=1e-6
        )


@pytest.mark.parametrize("model", names("model"))
def test_every_model_trains_a_step_and_is_tested(model: str, train: Command, sessions: Path) -> None:
    done = train(f"model={model}", *QUICK, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run")
    assert done.code == 0, done.err
    results = json.loads((train.folder / "run" / "test_metrics.json").read_text())
    assert results["model"] == model
    assert all(value is not None for value in results["mean"].values())
    assert (train.folder / "run" / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.parametrize(
    "options",
    [
        ("optimizer=adamw_one_cycle", "likelihood=negative_binomial", "logger=[csv,tensorboard]"),
        ("model/decoder=gru", "model/connectivity=low_rank", "likelihood=poisson"),
        ("model/decoder=transformer", "model/connectivity=none", "experiment=forecasting"),
    ],
)
def test_options_combine(options: tuple[str, ...], train: Command, sessions: Path) -> None:
    done = train(*options, *QUICK, f"data.root={sessions}", "debug=fast", *options)
    assert done.code == 0, done.err


def test_overfitting_one_batch(train: Command, sessions: Path) -> None:
    done = train(*LIGHT, f"data.root={sessions}", "debug=overfit", "trainer.max_epochs=60", "hydra.run.dir=run")
    assert done.code == 0, done.err
    with (train.folder / "run" / "metrics.csv").open() as file:
        losses = [float(row["train/nll"]) for row in csv.DictReader(file)]
    assert losses[-1] < 0.8 * losses[0]


def test_seed_0_seeds(train: Command, sessions: Path) -> None:
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        done = train(*LIGHT, f"data.root={sessions}", "debug=fast", f"seed={seed}", f"hydra.run.dir={run}")
        assert done.code == 0, done.err
    a, b, c = (weights(train.folder / run / "checkpoints" / "last.ckpt") for run in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert any(not torch.equal(a[name], c[name]) for name in a)


def test_validation_does_not_depend_on_the_batch_size(train: Command, sessions: Path) -> None:
    for size in (1, 64):
        done = train("model=var", *QUICK, f"data.root={sessions}", f"data.batch_size={size}", f"hydra.run.dir=b{size}")
        assert done.code == 0, done.err
    one, many = (json.loads((train.folder / f"b{size}/test_metrics.json").read_text())["mean"] for size in (1, 64))
    assert one == pytest.approx(many, rel=1e-4, abs=1e-6)


def test_mode_test_only_evaluates(train: Command, sessions: Path) -> None:
    common = (*QUICK, f"data.root={sessions}")
    assert train(*common, "debug=fast", "hydra.run.dir=run").code == 0
    before = {path: path.stat().st_mtime_ns for path in (train.folder / "run").rglob("*")}
    done = train("mode=test", "ckpt_path=run/checkpoints/best.ckpt", *common, "hydra.run.dir=again")
    assert done.code == 0, done.err
    assert before == {path: path.stat().st_mtime_ns for path in (train.folder / "run").rglob("*")}
    first, again = (json.loads((train.folder / run / "test_metrics.json").read_text()) for run in ("run", "again"))
    for results in (first, again):
        results.pop("fit_seconds")  # of the best checkpoint and of the whole run
        results.pop("validation")  # of the run alone
    assert first == again
    assert not (train.folder / "again" / "checkpoints").exists()
    assert not (train.folder / "again" / "metrics.csv").exists()


def test_no_bin_that_was_trained_on_is_tested_by_other_splits(train: Command, sessions: Path) -> None:
    assert train(*LIGHT, f"data.root={sessions}", "trainer.max_epochs=1", "hydra.run.dir=run").code == 0
    fractions = "data.fractions={train: 0.2, validation: 0.2, test: 0.6}"
    more = (f"data.root={sessions}", "logger=csv", "reference_models=[]", fractions)
    for mode in ("train", "test", "transfer"):
        done = train(f"mode={mode}", "ckpt_path=run/checkpoints/best.ckpt", *more, "hydra.run.dir=again")
        assert done.code == 2, mode
        (line,) = done.err.splitlines()
        assert "was trained on session 's0' with data.fractions=" in line
        assert not (train.folder / "again").exists()


def test_what_is_scored_is_the_model_that_validated_best(train: Command, sessions: Path) -> None:
    common = (*QUICK, f"data.root={sessions}")
    astray = "+callbacks.astray={_target_: command.WorsenAt, epoch: 2, batch: 1}"
    done = train(*common, "trainer.max_epochs=3", astray, "hydra.run.dir=run")
    assert done.code == 0, done.err
    scores = {}
    for name in ("best", "last"):
        done = train("mode=test", f"ckpt_path=run/checkpoints/{name}.ckpt", *common, f"hydra.run.dir={name}")
        assert done.code == 0, done.err
        scores[name] = json.loads((train.folder / name / "test_metrics.json").read_text())["mean"]
    assert scores["best"]["nll"] != pytest.approx(scores["last"]["nll"], rel=1e-3)
    assert json.loads((train.folder / "run" / "test_metrics.json").read_text())["mean"] == scores["best"]


def test_a_test_by_checkpoint_alone_is_named_after_it(train: Command, sessions: Path) -> None:
    done = train(*QUICK, f"data.root={sessions}", "debug=fast", "seed=3", "model=mean", "hydra.run.dir=run")
    assert done.code == 0, done.err
    done = train("mode=test", "ckpt_path=run/checkpoints/last.ckpt", "logger=csv", "reference_models=[]")
    assert done.code == 0, done.err
    (tested,) = (train.folder / "run" / "evaluations").iterdir()
    assert tested.name == "last-two"
    assert json.loads((tested / "test_metrics.json").read_text())["data"] == "two"


def test_an_earlier_run_in_the_same_folder_leaves_nothing_behind(train: Command, sessions: Path) -> None:
    common = (*QUICK, f"data.root={sessions}", "debug=fast", "hydra.run.dir=run")
    assert train("model=synapsnet", *common).code == 0
    assert (train.folder / "run" / "connectivity.npz").exists()
    assert train("model=mean", *common, "overwrite=true").code == 0
    assert not (train.folder / "run" / "connectivity.npz").exists()


def test_a_loss_that_is_not_finite_keeps_the_last_good_checkpoint(train: Command, sessions: Path) -> None:
    poison = "+callbacks.poison={_target_: command.PoisonAt, epoch: 2, batch: 1}"
    done = train(*LIGHT, f"data.root={sessions}", "trainer.max_epochs=4", poison, "hydra.run.dir=run")
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "not finite" in line or "nan" in line
    last = torch.load(train.folder / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["epoch"] == 1
    assert all(torch.isfinite(values).all() for values in last["state_dict"].values())
    assert not (train.folder / "run" / "test_metrics.json").exists()
