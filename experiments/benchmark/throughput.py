"""Training throughput of SynapsNet and of a plain reference: scored unit-bins per second, on the CPU.

    python experiments/benchmark/throughput.py
    python experiments/benchmark/throughput.py --recording ../shared/data/spikes_m1/stevenson2011.npz

SynapsNet runs in its real training loop: task, model, optimizer and Trainer as ``train.py`` builds them from ``conf/``.
The reference is what one writes first after reading the paper: one window of 50 bins a target, a GRU along
each unit's past, the last bin scored, a DataLoader of windows. See README.md in this folder.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.utils.data import DataLoader, Dataset

from synapsnet.configuration import conf_folder
from synapsnet.data.task import Task
from synapsnet.experiment.build import Config, build_data, build_model, build_trainer
from synapsnet.experiment.guard import BAD_INPUT
from synapsnet.session import Batch
from synapsnet.training.curve import CurveLogger
from synapsnet.training.datamodule import ForecastDataModule
from synapsnet.training.module import ForecastModule

DECODERS = ("fir", "gru")
REFERENCE = "reference"
EPOCHS = {"fir": 4, "gru": 2}  # measured per repeat, after one warm-up epoch; about a second each
REFERENCE_STEPS = 8  # measured per repeat, after one to warm up


def compose_config(recording: str | None, decoder: str) -> Config:
    """The sections of ``conf/`` that make a training run."""
    overrides = [f"model/decoder={decoder}", "trainer.accelerator=cpu"]
    overrides += [f"data.root={recording}"] if recording is not None else []
    with initialize_config_dir(config_dir=str(conf_folder()), version_base="1.3"):
        cfg = compose("train", overrides)
    sections = ("data", "model", "likelihood", "optimizer", "trainer")
    return {name: OmegaConf.to_container(cfg[name], resolve=True) for name in sections}


class Meter(pl.Callback):
    """Counts the scored unit-bins and the seconds of every epoch but the first."""

    def __init__(self) -> None:
        self.unit_bins = 0
        self.seconds = 0.0
        self._start = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._start = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if trainer.current_epoch > 0:
            self.unit_bins += int(batch.scored.sum()) * batch.target.shape[-1]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch > 0:
            self.seconds += time.perf_counter() - self._start


def synapsnet_throughput(task: Task, config: Config, n_epochs: int) -> float:
    """Scored unit-bins per second of a fresh SynapsNet in its real training loop, without validation."""
    pl.seed_everything(0, verbose=False)
    model = build_model(config["model"], config["likelihood"], task.spec)
    module = ForecastModule(
        model, optimizer=instantiate(config["optimizer"], _convert_="all"), seed=0, hyper_parameters={}
    )
    meter = Meter()
    settings = {**config["trainer"], "max_epochs": 1 + n_epochs, "limit_val_batches": 0, "enable_checkpointing": False}
    with tempfile.TemporaryDirectory() as folder:
        logger = CurveLogger(Path(folder) / "metrics.csv")
        trainer = build_trainer(settings, {}, [logger], Path(folder))
        trainer.callbacks.append(meter)
        trainer.fit(
            module, datamodule=ForecastDataModule(task, batch_size=config["data"]["batch_size"], seed=0, truth={})
        )
    return meter.unit_bins / meter.seconds


class WindowsOfOneTarget(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Every bin of the train split with a full window of past: past, behavior, and the counts to forecast.

    Args:
        task: A task of one session.
        window_bins: Bins of past in a window.
    """

    def __init__(self, task: Task, window_bins: int) -> None:
        (session,), (spec,) = task.sessions, task.spec.sessions
        self._counts = session.activity.float()
        scaled = (torch.log1p(self._counts) - torch.tensor(spec.input_mean)) / torch.tensor(spec.input_scale)
        self._inputs = scaled.float()
        self._behavior = session.behavior
        self._window_bins = window_bins
        segments = task.pieces[0]["train"]
        self._targets = [target for start, stop in segments for target in range(start + window_bins, stop)]

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        target = self._targets[index]
        past = slice(target - self._window_bins, target)
        return self._inputs[past], self._behavior[past], self._counts[target]


class PlainSynapsNet(nn.Module):
    """The paper's model, written plainly: concatenate a unit's inputs, run a GRU over them, read out the last state.

    Args:
        n_units: Units.
        n_behavior: Behavior columns.
        embedding_dim: Size of a unit's embedding.
        hidden: Width of the GRU.
    """

    off_diagonal: Tensor

    def __init__(self, n_units: int, n_behavior: int, *, embedding_dim: int, hidden: int) -> None:
        super().__init__()
        self.connectivity = nn.Parameter(0.01 * torch.randn(n_units, n_units))
        self.embeddings = nn.Parameter(torch.randn(n_units, embedding_dim))
        self.gru = nn.GRU(2 + embedding_dim + n_behavior, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, 1)
        self.register_buffer("off_diagonal", 1.0 - torch.eye(n_units))

    def forward(self, inputs: Tensor, behavior: Tensor) -> Tensor:
        """Expected counts of the next bin ``[batch, units]`` from ``[batch, time, units]``."""
        batch, time_bins, units = inputs.shape
        currents = inputs @ (self.connectivity * self.off_diagonal).T
        own = inputs.transpose(1, 2)[..., None]  # [batch, units, time, 1]
        received = currents.transpose(1, 2)[..., None]
        embeddings = self.embeddings[None, :, None].expand(batch, units, time_bins, -1)
        shared = behavior[:, None].expand(batch, units, time_bins, -1)
        features = torch.cat([own, received, embeddings, shared], dim=-1).flatten(0, 1)
        states, _ = self.gru(features)
        return F.softplus(self.readout(states[:, -1])).view(batch, units)


def reference_throughput(task: Task, config: Config, *, window_bins: int, batch_size: int, n_steps: int) -> float:
    """Scored unit-bins per second of the reference in a plain PyTorch loop."""
    torch.manual_seed(0)
    dataset = WindowsOfOneTarget(task, window_bins)
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    if not len(loader):
        raise SystemExit("error: the recording has too few stretches of the reference's window; give a continuous one")
    spec = task.spec
    sizes = {"embedding_dim": config["model"]["embedding_dim"], "hidden": config["model"]["decoder"]["hidden"]}
    model = PlainSynapsNet(spec.sessions[0].n_units, spec.n_behavior, **sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["optimizer"]["lr"])
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    _descend(model, optimizer, itertools.islice(batches, 1))
    start = time.perf_counter()
    unit_bins = _descend(model, optimizer, itertools.islice(batches, n_steps))
    return unit_bins / (time.perf_counter() - start)


def _descend(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterable[tuple[Tensor, Tensor, Tensor]]
) -> int:
    unit_bins = 0
    for inputs, behavior, counts in batches:
        optimizer.zero_grad()
        loss = F.poisson_nll_loss(model(inputs, behavior), counts, log_input=False)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        unit_bins += counts.numel()
    return unit_bins


def main() -> None:
    """Measure in turns, so that a busy machine slows all of them equally, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recording", help="one session of spike counts (default: the simulated demo)")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each measurement (default: %(default)s)")
    parser.add_argument("--threads", type=int, help="threads of torch (default: its own choice)")
    parser.add_argument("--window-bins", type=int, default=50, help="window of the reference (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="batch size of the reference (default: %(default)s)")
    options = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=UserWarning, module="lightning")
    warnings.filterwarnings("ignore", category=FutureWarning, module="lightning")
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    configs = {decoder: compose_config(options.recording, decoder) for decoder in DECODERS}
    try:
        task = build_data(configs["gru"]["data"]).task
    except BAD_INPUT as error:
        parser.exit(2, f"error: {error}\n")
    if len(task.sessions) > 1 or task.spec.signal != "spikes":
        parser.exit(2, "error: --recording must be the file of one session of spike counts\n")

    def reference() -> float:
        window = {"window_bins": options.window_bins, "batch_size": options.batch_size}
        return reference_throughput(task, configs["gru"], **window, n_steps=REFERENCE_STEPS)

    def ours(decoder: str) -> Callable[[], float]:
        return lambda: synapsnet_throughput(task, configs[decoder], EPOCHS[decoder])

    contestants = {REFERENCE: reference, **{decoder: ours(decoder) for decoder in DECODERS}}
    measured: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(options.repeats):
        for name, measure in contestants.items():
            measured[name].append(measure())
    print(_table(task, configs["gru"], options, measured))


def _table(task: Task, config: Config, options: argparse.Namespace, measured: dict[str, list[float]]) -> str:
    session, data = task.spec.sessions[0], config["data"]
    windows = f"windows of {data['window_bins']} bins, {data['batch_size']} a batch, context {data['context_bins']}"
    rows = [
        f"{session.session_id}: {session.n_units} units, {session.n_train_bins} train bins; {torch.get_num_threads()} "
        f"threads; medians of {options.repeats} repeats in turns; SynapsNet in {windows}",
        "",
        "| model | scored unit-bins per second | times the reference | best repeat | times the reference's best |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    titles = {
        REFERENCE: f"plain GRU, a window of {options.window_bins} bins a target",
        **{decoder: f"SynapsNet, `{decoder}`" for decoder in DECODERS},
    }
    for name, values in measured.items():
        ratio = np.median(np.divide(values, measured[REFERENCE]))  # of neighbours in time
        best_ratio = max(values) / max(measured[REFERENCE])
        cells = f"{statistics.median(values):,.0f} | {ratio:.0f} | {max(values):,.0f} | {best_ratio:.0f}"
        rows.append(f"| {titles[name]} | {cells} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()
