"""Every data set composes with each of its tasks, and trains a step on small files in its real layout."""

from __future__ import annotations

import csv
import importlib
import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import yaml
from command import QUICK, Command
from hydra import compose, initialize_config_dir
from laws import CONF
from omegaconf import OmegaConf

from synapsnet.data.readers.archive import write_archive
from synapsnet.data.storage import on_disk
from synapsnet.experiment.build import build_data, build_model
from synapsnet.session import Session

GENERAL = ("base", "neuropixels", "calcium", "simulated")
SETTINGS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((CONF / "data").glob("*.yaml"))}
PAIRS = [
    (name, task)
    for name, settings in SETTINGS.items()
    if name not in GENERAL
    for task in (None, *(settings.get("tasks") or ()))
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders with a session of each data set, as far as they have been asked for."""
    return {name: tmp_path_factory.mktemp(name) for name in SETTINGS}


def train_a_step(*overrides: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("train", overrides=["model=synapsnet", *overrides, "hydra.run.dir=unused"])
    sections = {name: OmegaConf.to_container(composed[name], resolve=True) for name in ("data", "model", "likelihood")}
    data, chosen_model, likelihood = cast(list[dict[str, Any]], list(sections.values()))
    task = build_data(data).task
    model = build_model(chosen_model, likelihood, task.spec)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    batch = next(iter(task.train_loader(batch_size=4, seed=0)))
    loss = model.likelihood.nll(model(batch.past, batch.behavior, batch.session, batch.slow), batch.target).mean()
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert np.isfinite(loss.item())
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(("name", "task"), PAIRS, ids=[f"{name}-{task or 'all'}" for name, task in PAIRS])
def test_a_step_on_every_pair(name: str, task: str | None, written: dict[str, Path]) -> None:
    if not any(written[name].iterdir()):
        importlib.import_module(f"layouts.{name}").write(written[name])
    train_a_step(f"data={name}", f"data.root={written[name]}", f"data.task={task or 'null'}")


@pytest.mark.parametrize("kind", ["neuropixels", "calcium"])
def test_a_step_on_a_task_of_ones_own(kind: str, tmp_path: Path) -> None:
    write_tasks(tmp_path / "mouse.npz", signal="spikes" if kind == "neuropixels" else "calcium")
    train_a_step(f"data={kind}", f"data.root={tmp_path}", "data.task=spontaneous")


def write_tasks(path: Path, *, signal: Any = "spikes") -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (900, 6))
    write_archive(
        Session(
            session_id=path.stem,
            activity=counts if signal == "spikes" else counts + rng.random(counts.shape),
            bin_width_s=0.05,
            unit_ids=tuple("abcdef"),
            signal=signal,
            behavior=rng.random((900, 1)),
            behavior_names=("running",),
            tasks={"spontaneous": np.array([[0, 300], [500, 800]]), "gratings": np.array([[300, 500]])},
            unit_table={
                "region": np.array(["VISp", "VISp", "CA1", "CA1", "CA3", "CA3"]),
                "quality": np.array(["good", "good", "good", "noise", "good", "good"]),
            },
        ),
        path,
    )


def test_a_run_on_a_task_and_a_region(train: Command) -> None:
    write_tasks(train.folder / "data" / "mouse.npz")
    held = []
    train.monkeypatch.setattr("synapsnet.data.task.on_disk", lambda array: held.append(array) or on_disk(array))
    quick = [*QUICK, f"data.root={train.folder / 'data'}", "trainer.max_epochs=1", "model=var"]
    done = train(*quick, "data.task=spontaneous", "data.units.regions=[CA*]", "data.in_memory=false")
    assert done.code == 0, done.err
    assert [array.shape for array in held] == [(600, 3), (10, 3, 3)]  # activity, and the slow state at every 64th bin
    (run,) = (train.folder / "outputs").glob("*/*")
    assert run.name.endswith("-var-data-spontaneous-seed0")
    assert (run / "unit_metrics.csv").read_text().count("mouse,") == 3  # c, e and f
    assert "session mouse: 2 of 6 units left out, region is not CA*" in done.out
    assert "session mouse: 1 of 6 units left out, quality is not good" in done.out


def test_a_checkpoint_of_one_task_is_evaluated_on_another(train: Command) -> None:
    """Under its name; and what is said in the log of the recording comes before there is a folder for the log."""
    write_tasks(train.folder / "data" / "mouse.npz")
    quick = [*QUICK, f"data.root={train.folder / 'data'}", "model=var"]
    assert train(*quick, "data.task=spontaneous", "hydra.run.dir=run").code == 0
    test = ["mode=test", "ckpt_path=run/checkpoints/best.ckpt", "logger=csv", "reference_models=[]"]
    done = train(*test, "data.task=gratings")
    assert done.code == 0, done.err
    (run,) = (train.folder / "run" / "evaluations").iterdir()
    assert run.name == "best-data-gratings"
    assert json.loads((run / "test_metrics.json").read_text())["data"] == "data-gratings"
    assert "1 of 6 units left out" in (run / "train.log").read_text()
    done = train(*test, "data.units.quality=null")
    assert done.code == 2
    assert "was trained on 5 units of session 'mouse', but the data has 6 units" in done.err
    assert [*(train.folder / "run" / "evaluations").iterdir()] == [run]
    assert not (train.folder / "outputs").exists()


def test_every_task_of_a_sweep_has_a_folder_and_a_row(train: Command) -> None:
    write_tasks(train.folder / "data" / "mouse.npz")
    quick = [*QUICK, f"data.root={train.folder / 'data'}", "model=mean", "hydra.sweep.dir=sweep"]
    done = train("-m", *quick, "data.task=spontaneous,gratings", "experiment=forecasting")
    assert done.code == 0, done.err
    with (train.folder / "sweep" / "sweep_table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["data"] for row in rows] == ["data-spontaneous", "data-gratings"]
    assert len({row["folder"] for row in rows}) == 2
    for row in rows:
        assert row["data"] in done.out


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.task=flashes"], "data.task=flashes is in no recording; there are gratings, spontaneous"),
        (
            ["data.task=gratings", "data.tasks=[spontaneous]"],
            "is not a task of this data set; it has spontaneous",
        ),
        (["data.units.regions=[VISl]"], "none of its 6 units passes data.units (6: region is not VISl)"),
        (["data.units.regions=3"], "data.units.regions must be null, a label or a list of labels, got 3"),
        (["data.units.min_presence_ratio=high"], "data.units.min_presence_ratio must be null or a number, got 'high'"),
        (["data.behavior=[pupil]"], "data.behavior names pupil; there is running"),
        (["data.behavior=3"], "data.behavior must be null, a label or a list of labels, got 3"),
        (["data.in_memory=perhaps"], "data.in_memory must be true or false, got 'perhaps'"),
    ],
)
def test_what_cannot_be_taken(overrides: list[str], message: str, train: Command) -> None:
    write_tasks(train.folder / "mouse.npz")
    done = train(*QUICK, f"data.root={train.folder / 'mouse.npz'}", *overrides)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
