"""A plain implementation of the paper's idea, as one writes it first: one window of bins a target."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.utils.data import DataLoader, Dataset

from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.experiment.build import Config

WINDOW_BINS = 50
_BATCH_SIZE = 32


class WindowsOfOneTarget(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Every bin of the train split with a full window of past: past, behavior, and the counts to forecast.

    Args:
        task: A task of one session.
    """

    def __init__(self, task: Task) -> None:
        (session,), (spec,) = task.sessions, task.spec.sessions
        self._counts = session.activity.float()
        scaled = (torch.log1p(self._counts) - torch.tensor(spec.input_mean)) / torch.tensor(spec.input_scale)
        self._inputs = scaled.float()
        self._behavior = session.behavior
        segments = task.pieces[0]["train"]
        self._targets = [target for start, stop in segments for target in range(start + WINDOW_BINS, stop)]

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        target = self._targets[index]
        past = slice(target - WINDOW_BINS, target)
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


def reference_rate(task: Task, config: Config, n_steps: int) -> float:
    """Scored unit-bins per CPU second of the reference in a plain PyTorch loop, after one step to warm up.

    Args:
        task: A task of one session of spike counts.
        config: Configuration of a SynapsNet with a GRU, whose sizes the reference takes.
        n_steps: Measured steps.

    Raises:
        UserError: if the task is another one, or its recording too short.
    """
    spec = task.spec
    if len(spec.sessions) > 1 or spec.signal != "spikes":
        raise UserError("--recording must be the file of one session of spike counts")
    torch.manual_seed(0)
    loader = DataLoader(WindowsOfOneTarget(task), batch_size=_BATCH_SIZE, shuffle=True, drop_last=True)
    if not len(loader):
        raise UserError(f"--recording has too few stretches of {WINDOW_BINS} bins: give a continuous one")
    sizes = {"embedding_dim": config["model"]["embedding_dim"], "hidden": config["model"]["decoder"]["hidden"]}
    model = PlainSynapsNet(spec.sessions[0].n_units, spec.n_behavior, **sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config["optimizer"]["lr"])
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    _descend(model, optimizer, itertools.islice(batches, 1))
    start = time.process_time()
    unit_bins = _descend(model, optimizer, itertools.islice(batches, n_steps))
    return unit_bins / (time.process_time() - start)


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
