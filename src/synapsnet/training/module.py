"""The only LightningModule: it trains a forecaster and does not know how one is built.

Logged names, a contract with loggers, callbacks and readers of ``metrics.csv``:
``train/nll``, ``train/penalty``, ``train/lr`` every ``log_every_n_steps`` steps and at least
once an epoch, and ``<split>/<metric>``, the mean over sessions, for the splits ``validation`` and ``test``. The scores
of single sessions, ``<split>/<metric>/<session_id>``, go to ``metrics.csv`` alone, because there may be hundreds.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from synapsnet.analysis.evaluation import train_mean_params
from synapsnet.errors import UserError
from synapsnet.metrics import ForecastScores, summarize
from synapsnet.models.base import Forecaster
from synapsnet.models.hooks import Selecting
from synapsnet.session import Batch
from synapsnet.training.callbacks.exact_resume import ExactResume
from synapsnet.training.curve import CurveLogger
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.graphed import GraphedLoss, graphed
from synapsnet.training.optimizers import OptimizerRecipe
from synapsnet.training.together import average_gradients


class ForecastModule(LightningModule):
    """Minimises the mean negative log-likelihood per scored unit-bin plus the model's penalty.

    Args:
        model: The forecaster.
        optimizer: Makes the optimizer and its schedule.
        seed: Every step's randomness is a function of this seed and of the step's position.
        hyper_parameters: Plain values that a checkpoint carries so that it loads without the data.
        cuda_graphs: True if steps on a GPU are recorded once and replayed.
    """

    def __init__(
        self,
        model: Forecaster,
        *,
        optimizer: OptimizerRecipe,
        seed: int,
        hyper_parameters: dict[str, Any],
        cuda_graphs: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.scores = ForecastScores(model.spec, model.likelihood, None)
        """Scores of the split evaluated last."""
        self.fit_seconds = 0.0
        self._optimizer = optimizer
        self._seed = seed
        self._hyper_parameters = hyper_parameters
        self._cuda_graphs = cuda_graphs
        self._graphed: GraphedLoss | None = None
        self._clock = math.nan
        self._train_mean: list[Tensor] = []
        self._log_every_n_steps = 1
        self._asked: list[tuple[float, float]] = []  # learning rate and weight decay of each group of parameters

    def setup(self, stage: str) -> None:
        """Fit the train-mean model of the task, with which forecasts are compared."""
        datamodule = self._data()
        if not self._train_mean:
            task = datamodule.task
            train, validation = (
                task.loader(split, batch_size=datamodule.batch_size) for split in ("train", "validation")
            )
            self._train_mean = train_mean_params(task.spec, self.model.likelihood, train, validation)

    def configure_callbacks(self) -> list[Callback]:
        return [ExactResume(self._seed)]

    def configure_optimizers(self) -> Any:
        optimizer, schedule = self._optimizer(self.model, total_steps=int(self.trainer.estimated_stepping_batches))
        self._asked = [(group["initial_lr"], group["weight_decay"]) for group in optimizer.param_groups]
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_start(self) -> None:
        self._clock = time.monotonic()
        trainer: Any = self._fitter()
        trainer.log_every_n_steps = min(trainer.log_every_n_steps, trainer.num_training_batches)
        self._log_every_n_steps = trainer.log_every_n_steps
        self._apply_rates()
        self._graphed = graphed(self.model) if self._cuda_graphs else None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        # Logging a key takes as long as a small step, and reading the loss makes an accelerator wait.
        logs = (self.global_step + 1) % self._log_every_n_steps == 0
        loss_of = self.model.training_loss
        if self._graphed is not None:
            loss_of = self._graphed.checked if logs else self._graphed
        loss = loss_of(batch)  # before the penalty, because no gradient may be pending while a graph is recorded
        penalty = self.model.penalty()
        loss = batch.weight * loss + penalty
        if logs or loss.device.type == "cpu":
            self._require_finite(float(loss.detach()), "training loss")
        if logs:
            rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            scalars = {"train/nll": self._nll(batch), "train/penalty": penalty.detach(), "train/lr": rate}
            self.log_dict(scalars, batch_size=len(batch.past))
        return loss

    def on_train_batch_end(self, *_: Any) -> None:
        if self._fitter().should_stop:  # by the budget or the clock: the last steps are validated
            self._fitter().check_val_every_n_epoch = 1

    def on_after_backward(self) -> None:
        average_gradients(self.model.parameters())

    def on_validation_epoch_start(self) -> None:
        if isinstance(self.model, Selecting):
            datamodule = self._data()
            self.model.select(datamodule.task.loader("validation", batch_size=datamodule.batch_size))
        self._start_scores()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self._score(batch)

    def on_validation_epoch_end(self) -> None:
        named = self._log_scores("validation")
        self._require_finite(named["validation/nll"], "validation nll")

    def on_test_epoch_start(self) -> None:
        self._start_scores(in_blocks=True)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        self._score(batch)

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["hyper_parameters"] = self._hyper_parameters
        checkpoint["fit_seconds"] = self.elapsed_seconds()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.fit_seconds = checkpoint["fit_seconds"]

    def on_train_end(self) -> None:
        if self._graphed is not None:
            self._graphed = None
            gc.collect()  # a recorded step holds itself, and much memory
        self.fit_seconds = self.elapsed_seconds()
        self._clock = math.nan

    def elapsed_seconds(self) -> float:
        """Seconds of fitting so far, including those before a resumption."""
        running = 0.0 if math.isnan(self._clock) else time.monotonic() - self._clock
        return self.fit_seconds + running

    def _apply_rates(self) -> None:
        """Set the currently requested rates in a resumed optimizer; its state contains those it was saved with."""
        (config,) = self._fitter().lr_scheduler_configs
        schedule: Any = config.scheduler
        schedule.base_lrs = [lr for lr, _ in self._asked]
        groups = schedule.optimizer.param_groups
        for group, (lr, weight_decay), factor in zip(groups, self._asked, schedule.lr_lambdas, strict=True):
            group.update(initial_lr=lr, weight_decay=weight_decay, lr=lr * factor(schedule.last_epoch))

    @torch.no_grad()
    def _nll(self, batch: Batch) -> Tensor:
        """Mean negative log-likelihood per scored unit-bin of a batch."""
        params = self.model.params_of(batch)[batch.scored]
        return self.model.likelihood.nll(params, batch.target[batch.scored]).mean()

    def _data(self) -> ForecastDataModule:
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(datamodule, ForecastDataModule)
        return datamodule

    def _fitter(self) -> Trainer:
        assert isinstance(self.trainer, Trainer)
        return self.trainer

    def _start_scores(self, *, in_blocks: bool = False) -> None:
        self.scores = ForecastScores(self.model.spec, self.model.likelihood, self._train_mean, in_blocks=in_blocks)

    def _score(self, batch: Batch) -> None:
        with torch.autocast(self.device.type, enabled=False):  # scores are those of float32, as a loaded model has them
            self.scores.update(self.model(batch.past, batch.behavior, batch.session, batch.slow), batch)

    def named_scores(self, split: str) -> dict[str, float]:
        """The present scores as they are logged: means over sessions."""
        return _means(split, self.scores.session_metrics())

    def _log_scores(self, split: str) -> dict[str, float]:
        by_session = self.scores.session_metrics()
        of_sessions = {
            f"{split}/{metric}/{session_id}": value
            for session_id, metrics in by_session.items()
            for metric, value in metrics.items()
        }
        for logger in self.loggers:
            if isinstance(logger, CurveLogger):
                logger.beside_next(of_sessions)
        named = _means(split, by_session)
        self.log_dict(named, batch_size=1)
        return named

    def _require_finite(self, value: float, name: str) -> None:
        if not math.isfinite(value):
            raise UserError(
                f"the {name} is {value} at step {self.global_step}; training stopped and the last good checkpoint is "
                "kept: lower optimizer.lr, or look for extreme values in the recording"
            )


def _means(split: str, by_session: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    means, _ = summarize(by_session)
    return {f"{split}/{metric}": value for metric, value in means.items()}
