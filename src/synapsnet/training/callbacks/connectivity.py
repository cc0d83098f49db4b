"""What a model found: which unit drives which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from synapsnet.models.base import ConnectivityForecaster
from synapsnet.training.atomic import replacing
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule


class ConnectivityWriter(Callback):
    """Writes ``connectivity.npz``: ``<session_id>/effective``, ``/raw`` ``[post, pre]`` and ``/unit_ids``.

    The effective connectivity is a mean over held-out windows. Held out is the validation split: the test split
    is for scores alone, and the weights never saw either.

    Args:
        run_dir: The run folder.
        max_windows: Windows a session, spread evenly over the split.
    """

    def __init__(self, *, run_dir: str, max_windows: int) -> None:
        self._run_dir = Path(run_dir)
        self._max_windows = max_windows

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, ForecastModule)
        model = pl_module.model
        if not isinstance(model, ConnectivityForecaster):
            return
        datamodule = trainer.datamodule  # type: ignore[attr-defined]  # set by Trainer.test
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for index, session in enumerate(model.spec.sessions):
            with torch.inference_mode(False), torch.enable_grad():
                past, behavior = held_out_windows(datamodule, index, self._max_windows)
                effective = model.effective_connectivity(
                    past.to(pl_module.device), behavior.to(pl_module.device), index, n_lags=1
                )[0]
            arrays[f"{session.session_id}/effective"] = effective.detach().cpu().numpy()
            arrays[f"{session.session_id}/raw"] = model.raw_connectivity(index).detach().cpu().numpy()
            arrays[f"{session.session_id}/unit_ids"] = np.array(session.unit_ids)
        with replacing(self._run_dir / "connectivity.npz") as partial:
            np.savez_compressed(partial, **arrays)  # type: ignore[arg-type]


def held_out_windows(datamodule: ForecastDataModule, session: int, max_windows: int) -> tuple[Tensor, Tensor]:
    """Windows of the validation split whose last step has full context, with their behavior.

    They must be of one length: at least half of the windows are as long as their median, and are cut to it.

    Returns:
        ``past [windows, time, units]`` and ``behavior [windows, time, features]``.
    """
    batches = [batch for batch in datamodule.val_dataloader() if batch.session == session]
    past, behavior, scored = (
        torch.cat(parts) for parts in zip(*((b.past, b.behavior, b.scored) for b in batches), strict=True)
    )
    lengths = scored.shape[1] - scored.flip(1).int().argmax(1)  # up to the last scored step
    stop = int(lengths.median())
    long_enough = (lengths >= stop).nonzero()[:, 0]
    chosen = long_enough[torch.linspace(0, len(long_enough) - 1, min(max_windows, len(long_enough))).long()]
    return past[chosen, :stop], behavior[chosen, :stop]
