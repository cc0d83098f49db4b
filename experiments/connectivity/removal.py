"""What edges are worth: test scores of the study's models without them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd

from synapsnet.analysis.edge_removal import SHARES, edge_removal
from synapsnet.experiment import load
from synapsnet.experiment.build import build_data
from synapsnet.results import Run

FILE = "edge_removal.csv"
SCORE = {"spikes": "bits_per_spike", "calcium": "skill_vs_persistence"}
DRAWS = 5


def write_edge_removal(run_dir: Path) -> None:
    """Write ``edge_removal.csv`` into a run folder: a row a session, share of edges, and order of their removal.

    Edges are ranked by effective connectivity, of the validation split, and the model is scored on the test split.

    Raises:
        UserError: if the recordings are no longer where the run found them.
    """
    config = Run(run_dir).config
    model = load(run_dir / "checkpoints" / "best.ckpt")
    task = build_data(config["data"]).task
    batches = list(task.loader("test", batch_size=config["data"]["batch_size"]))
    blocks = []
    with np.load(run_dir / "connectivity.npz", allow_pickle=False) as arrays:
        for index, session in enumerate(model.spec.session_ids):
            found = edge_removal(
                model,
                batches,
                index,
                arrays[f"{session}/effective"],
                score=SCORE[model.spec.signal],
                draws=DRAWS,
                seed=0,
            )
            orders = {"strongest": found.strongest, **{f"random {n}": one for n, one in enumerate(found.random)}}
            blocks += [
                pd.DataFrame(
                    {
                        "session": session,
                        "score": found.score,
                        "order": order,
                        "share": SHARES,
                        "count": found.counts,
                        "value": values,
                    }
                )
                for order, values in orders.items()
            ]
    partial = run_dir / f".{FILE}"
    pd.concat(blocks).to_csv(partial, index=False)
    os.replace(partial, run_dir / FILE)
