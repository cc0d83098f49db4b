"""Evidence of connections: what the activity of each unit tells about each other unit's next bin.

The same estimate serves every model with connectivity. A model forecasts each unit from its own past and behavior, with
all connections removed and unobserved neurons silent. What remains of the activity is regressed on the last bins of all
units at once, by one time course for all pairs (see `synapsnet.analysis.block_jackknife`). It is as long as forecasts
best the blocks of time that a fit leaves out. Any linear effect of a connection is in that remainder, wherever a model
puts it. So an effect means the same in every fit, on which two halves of a recording can agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from synapsnet.analysis.block_jackknife import Evidence, block_evidence
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.evaluating import evaluating
from synapsnet.models.lags import present_first
from synapsnet.session import Batch, Batches

MOST_LAGS = 3  # last bins of each unit, of which the time course is made
MOST_BLOCKS = 40  # more would be more precise, but shorter
LEAST_BINS = 20  # of a block, so that blocks depend little on each other


@torch.no_grad()
def connection_evidence(model: Forecaster, train: Batches, session: int) -> Evidence:
    """Evidence of every connection of a session.

    Args:
        model: A fitted model with connectivity.
        train: The train split in order of time.
        session: Index of the session.

    Returns:
        Estimates in the units of `effective_connectivity`: raw activity of the receiver per raw activity of the sender,
        the sizes at all lags added. Where an effect changes its sign over lags, it has that of recent bins.
    """
    assert isinstance(model, ConnectivityForecaster)
    n_units, scale = model.spec.sessions[session].n_units, model.scale(session)
    most_lags = min(MOST_LAGS, model.spec.context_bins)
    every = ~torch.eye(n_units, dtype=torch.bool, device=model.device)
    batches, gain, n_bins = [], torch.zeros(n_units), 0
    with evaluating(model), model.without_edges(session, every), model.without_unobserved():
        for batch in (batch.to(model.device) for batch in train.of_session(session)):
            alone = model.likelihood.mean(model(batch.past, batch.behavior, session, batch.slow))
            remaining = replace(batch, past=model.inputs(batch.past, session), target=batch.target - alone)
            batches.append(replace(remaining, slow=batch.slow[..., :0]).to("cpu"))
            gain += scale.input_gain(batch.past)[batch.scored].sum(0).cpu()
            n_bins += int(batch.scored.sum())
    blocks = time_blocks(batches)
    found = min(
        (_of_lags(blocks, n_units, n_lags) for n_lags in range(1, most_lags + 1)), key=lambda one: one.held_out_error
    )
    size = (scale.raw_size.cpu()[:, None] * gain / n_bins).double()
    return replace(found, estimate=found.estimate * size, standard_error=found.standard_error * size)


def _of_lags(blocks: Sequence[Sequence[Batch]], n_units: int, n_lags: int) -> Evidence:
    return block_evidence(lambda: (_rows(block, n_lags) for block in blocks), n_units=n_units, n_lags=n_lags)


def _rows(block: Sequence[Batch], n_lags: int) -> tuple[Tensor, Tensor]:
    """Features and targets of a block: all units and the behavior at every lag, and the activity that remains."""
    x = [
        torch.cat([present_first(of, n_lags).flatten(2) for of in (b.past, b.behavior)], dim=2)[b.scored] for b in block
    ]
    return torch.cat(x), torch.cat([batch.target[batch.scored] for batch in block])


def time_blocks(batches: Iterable[Batch]) -> list[list[Batch]]:
    """Contiguous blocks of equally many scored bins.

    Args:
        batches: A split of one session in order of time.
    """
    given = list(batches)
    n_bins = sum(int(batch.scored.sum()) for batch in given)
    blocks: list[list[Batch]] = [[] for _ in range(min(MOST_BLOCKS, max(n_bins // LEAST_BINS, 2), n_bins))]
    before = 0
    for batch in given:
        rank = before + batch.scored.flatten().cumsum(0).view_as(batch.scored) - 1
        owner = torch.where(batch.scored, rank * len(blocks) // n_bins, -1)
        for index in sorted(set(owner[batch.scored].tolist())):
            here = owner == index
            windows = here.any(1).nonzero()[:, 0]
            blocks[index].append(replace(batch, scored=here).part(slice(int(windows[0]), int(windows[-1]) + 1)))
        before += int(batch.scored.sum())
    return blocks
