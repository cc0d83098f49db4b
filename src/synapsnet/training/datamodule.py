"""The task as Lightning takes it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch import LightningDataModule

from synapsnet.data.task import Task
from synapsnet.data.windows import EvaluationLoader, TrainingLoader
from synapsnet.session import Batch
from synapsnet.training.together import share


class ForecastDataModule(LightningDataModule):
    """Loaders over a task that is already in memory; where several processes train together, each has its share.

    Args:
        task: The forecasting task.
        batch_size: Windows per batch.
        seed: Seed of the order of the training windows.
        truth: Connectivity by session id where it is known, ``[post, pre]``.
        units_per_batch: See `TrainingLoader`.
    """

    def __init__(
        self,
        task: Task,
        *,
        batch_size: int,
        seed: int,
        truth: Mapping[str, npt.NDArray[np.float64]],
        units_per_batch: int | None = None,
    ) -> None:
        super().__init__()
        self.units_per_batch = units_per_batch
        self.truth = truth
        self.task = task
        self.batch_size = batch_size
        self.seed = seed

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch on a device; a GPU copies it while Python goes on."""
        return (batch.pinned() if device.type == "cuda" else batch).to(device, non_blocking=True)

    def train_dataloader(self) -> TrainingLoader:
        return self.task.train_loader(
            batch_size=self.batch_size, seed=self.seed, share=share(), units_per_batch=self.units_per_batch
        )

    def val_dataloader(self) -> EvaluationLoader:
        return self.task.loader("validation", batch_size=self.batch_size, share=share())

    def test_dataloader(self) -> EvaluationLoader:
        return self.task.loader("test", batch_size=self.batch_size)
