"""When a model refines itself, and on what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from laws import build, simulated, small_task
from lightning.pytorch import Callback, LightningModule, Trainer

from synapsnet.data.splits import Split
from synapsnet.data.task import Task
from synapsnet.data.windows import EvaluationLoader
from synapsnet.models.base import Forecaster
from synapsnet.training.checkpoint_io import AtomicCheckpointIO
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule
from synapsnet.training.optimizers import Cosine, adamw


def recipe(model: Forecaster, *, total_steps: int) -> Any:
    group = {"lr": 1e-3, "weight_decay": 0.0}
    schedule = Cosine(warmup_fraction=0.1, final_fraction=0.1)
    return adamw(model, total_steps=total_steps, **group, connectivity=group, schedule=schedule)


@pytest.fixture
def task() -> Task:
    return small_task(simulated("spikes", n_bins=200, units=(3,)), "spikes")


class Fitted:
    """Fits a model whose refinements are but noted."""

    def __init__(self, task: Task, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refined_after: list[int] = []
        self._task, self._folder, self._monkeypatch = task, folder, monkeypatch

    def __call__(self, refinements: int, epochs: int, *callbacks: Callback, going_on: bool = False) -> None:
        model = build("synapsnet_sparse", self._task.spec, f"model.connectivity.refinements={refinements}")
        module = ForecastModule(model, optimizer=recipe, seed=0, hyper_parameters={})
        self._monkeypatch.setattr(model, "refine", lambda *_: self.refined_after.append(module.current_epoch))
        trainer = Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            callbacks=list(callbacks),
            plugins=[AtomicCheckpointIO()],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        path = self._folder / "last.ckpt"
        datamodule = ForecastDataModule(self._task, batch_size=16, seed=0, truth={})
        trainer.fit(module, datamodule=datamodule, ckpt_path=path if going_on else None, weights_only=False)
        trainer.save_checkpoint(path)


@pytest.fixture
def fit(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fitted:
    return Fitted(task, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("refinements", "epochs", "expected"),
    [(3, 7, [2, 4, 6]), (4, 8, [1, 3, 5, 7]), (1, 3, [2]), (4, 4, [0, 1, 2, 3]), (5, 2, [0, 1])],
)
def test_refinements_are_even_and_the_last_ends_the_training(
    refinements: int, epochs: int, expected: list[int], fit: Fitted
) -> None:
    fit(refinements, epochs)
    assert fit.refined_after == expected


def test_a_run_that_goes_on_for_longer_is_refined_at_its_new_end(fit: Fitted) -> None:
    fit(2, 2)
    fit(2, 5, going_on=True)
    assert fit.refined_after == [0, 1, 2, 4]


class OutOfTime(Callback):
    """As Lightning's timer ends a run."""

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        trainer.should_stop = trainer.current_epoch == 1


def test_a_run_out_of_time_is_refined_before_it_ends(fit: Fitted) -> None:
    fit(2, 100, OutOfTime())
    assert fit.refined_after == [1]


def test_a_model_without_refinements_is_not_asked(task: Task) -> None:
    model = build("synapsnet", task.spec)
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    assert model.n_refinements == 0
    model.refine([], [])
    assert all((tensor == before[name]).all() for name, tensor in model.named_buffers())


def test_refinements_see_the_train_and_the_validation_split(
    fit: Fitted, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    loader = Task.loader

    def noting(self: Task, split: Split, *, batch_size: int) -> EvaluationLoader:
        asked.append(split)
        return loader(self, split, batch_size=batch_size)

    monkeypatch.setattr(Task, "loader", noting)
    fit(1, 1)
    assert fit.refined_after == [0]
    assert set(asked) == {"train", "validation"}
