"""The value of edges: test scores of the study's models after removing them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from synapsnet.analysis.edge_removal import SHARES, edge_removal
from synapsnet.atomic import replacing
from synapsnet.experiment import load
from synapsnet.experiment.build import build_data
from synapsnet.results import Run

FILE = "edge_removal.csv"
SCORE = {"spikes": "bits_per_spike", "calcium": "skill_vs_persistence"}
DRAWS = 5


def write_edge_removal(run: Run) -> None:
    """Write ``edge_removal.csv`` into a run folder: one row per session, share of edges, and order of removal.

    Edges are ranked by effective connectivity on the validation split, and the model is scored on the test split.

    Raises:
        UserError: if the recordings are no longer where the run found them.
    """
    model = load(run.checkpoint("best"))
    batches = list(build_data(run.config["data"]).task.loader("test", batch_size=run.data["batch_size"]))
    connectivities = run.connectivities()
    blocks = []
    for index, session in enumerate(model.spec.session_ids):
        effective = connectivities[session].effective
        assert effective is not None
        found = edge_removal(model, batches, index, effective, score=SCORE[model.spec.signal], draws=DRAWS, seed=0)
        orders = {"strongest": found.strongest, **{f"random {n}": one for n, one in enumerate(found.random)}}
        facts = {"session": session, "score": found.score, "share": SHARES, "count": found.counts}
        blocks += [pd.DataFrame({**facts, "order": order, "value": np.asarray(of)}) for order, of in orders.items()]
    with replacing(run.folder / FILE) as partial:
        pd.concat(blocks).to_csv(partial, index=False)
