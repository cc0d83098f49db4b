"""Scores of one of several processes: ``python ranks.py RANK N_RANKS MEETING RESULTS``.

Session ``s0`` is shared out among the ranks, ``s1`` is scored by the last rank alone, and ``s2`` by nobody.
"""

import json
import sys

import numpy as np
import torch

from synapsnet.likelihoods import Poisson
from synapsnet.metrics import ForecastScores
from synapsnet.session import Batch, SessionSpec, TaskSpec

N_UNITS = (4, 1, 2)
TRAIN_MEAN = [torch.full((n_units, 1), 2.0) for n_units in N_UNITS]


def spec():
    sessions = tuple(
        SessionSpec(
            session_id=f"s{index}",
            unit_ids=tuple(f"u{unit}" for unit in range(n_units)),
            mean=np.full(n_units, 2.0),
            scale=np.full(n_units, 1.5),
            input_mean=np.zeros(n_units),
            input_scale=np.ones(n_units),
            increment_scale=np.ones(n_units),
            behavior_mean=np.empty(0),
            behavior_scale=np.empty(0),
            n_train_bins=700,
        )
        for index, n_units in enumerate(N_UNITS)
    )
    return TaskSpec(sessions=sessions, signal="spikes", bin_width_s=0.02, context_bins=2, window_bins=50)


def batches():
    """Seven batches of ``s0``, then two of ``s1``; counts drift far from the train mean."""
    generator = torch.Generator().manual_seed(0)
    for step, session in enumerate([0, 0, 0, 0, 0, 0, 0, 1, 1]):
        shape = (3, 20 + step, N_UNITS[session])
        rate = 1000 * step + 3 * torch.rand(shape, generator=generator)
        target = torch.poisson(rate, generator=generator)
        scored = torch.rand(shape[:2], generator=generator) > 0.2
        behavior, slow = torch.zeros(*shape[:2], 0), torch.zeros(*shape, 0)
        yield rate[..., None], Batch(target.roll(1, 1), behavior, slow, target, scored, session)


def scores(rank, n_ranks):
    """Scores over the batches of one rank."""
    streamed = ForecastScores(spec(), Poisson(), TRAIN_MEAN)
    for step, (params, batch) in enumerate(batches()):
        if (step % n_ranks if batch.session == 0 else n_ranks - 1) == rank:
            streamed.update(params, batch)
    return streamed


def main(rank, n_ranks, meeting, results):
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=n_ranks)
    streamed = scores(rank, n_ranks)
    units = {session: {k: v.tolist() for k, v in of.items()} for session, of in streamed.unit_metrics().items()}
    with open(results, "w") as file:
        json.dump({"units": units, "sessions": streamed.session_metrics()}, file)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
