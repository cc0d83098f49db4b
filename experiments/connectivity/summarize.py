"""Tables and figures of the study, from run folders and the connectomes in the folder of the recordings.

See README.md in this folder.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments._study import Summary, summarize
from experiments._tables import read_runs
from experiments.connectivity.connectome import read_anatomy
from experiments.connectivity.figures import draw_connectome_scores, draw_removal, draw_reproducibility
from experiments.connectivity.removal import FILE
from experiments.connectivity.replication import draw_replication, replication, replication_text
from experiments.connectivity.reproducibility import (
    FALSE_DISCOVERY_RATE,
    ensembles,
    over_sessions,
    reproducibility,
)
from experiments.connectivity.study import CONNECTOME, RECORDINGS, RING, STUDY
from experiments.connectivity.tables import removal_table, reproducibility_table, worm_table
from experiments.connectivity.worms import WORMS, worm_scores
from synapsnet.errors import UserError
from synapsnet.report.ensemble import Ensemble
from synapsnet.results import Run
from synapsnet.session.unit_table import POSITION
from synapsnet.viz.network_3d import draw_network, network_page
from synapsnet.viz.ordered import draw_ordered
from synapsnet.viz.stability import draw_stability

MATRICES = {  # recordings whose matrices are drawn, and the methods to show after the first
    "spikes_m1": ("synapsnet", "var", "correlation"),
    "calcium_worm": ("synapsnet", "var", "correlation"),
}
HALVES_DRAWN = ("synapsnet", "var")
N_CONNECTIONS = 150  # in space
HEADER = "# Connectivity of real recordings\nDefinitions and what it means: README.md of the study."


def draw_sessions(found: Sequence[Ensemble]) -> Iterator[tuple[str, Figure]]:
    """For the first session of every recording: the halves compared, and the matrices side by side."""
    by_name = {(ensemble.recording, ensemble.session_id, ensemble.method): ensemble for ensemble in found}
    sessions = {ensemble.recording: ensemble.session_id for ensemble in reversed(found)}
    for recording, session in sessions.items():
        for method in HALVES_DRAWN:
            ensemble = by_name.get((recording, session, method))
            if ensemble and ensemble.surrogates and ensemble.first_half and ensemble.second_half:
                yield f"halves_{recording}_{method}", _halves(ensemble)
        drawn = [by_name.get((recording, session, method)) for method in MATRICES.get(recording, ())]
        present = [ensemble for ensemble in drawn if ensemble]
        means = {ensemble.method: ensemble.mean("whole") for ensemble in present}
        if present:
            matrices = {method: mean for method, mean in means.items() if mean is not None}
            title = f"{recording} {session}"
            yield f"matrices_{recording}", draw_ordered(matrices, session_id=title, regions=present[0].regions)


def _halves(ensemble: Ensemble) -> Figure:
    edges = ensemble.stability(FALSE_DISCOVERY_RATE).edges
    assert edges is not None
    return draw_stability(
        ensemble.mean("first_half"),
        ensemble.mean("second_half"),
        edges.statistic,
        edges.null,
        threshold=edges.threshold,
        false_discovery_rate=FALSE_DISCOVERY_RATE,
        statistic="effect, in sizes that surrogates have",
        signal=ensemble.signal,
        session_id=f"{ensemble.recording} {ensemble.session_id}, {ensemble.method}",
    )


def in_space(runs: Sequence[Run]) -> tuple[dict[str, Figure], dict[str, str]]:
    """The simulated ring in space, as a picture and as a page."""
    for run in runs:
        if run.recording == RING:
            (ring,) = run.connectivities().values()
            assert ring.effective is not None
            positions = np.stack([ring.unit_table[axis] for axis in POSITION], axis=1)
            named = {"n_connections": N_CONNECTIONS, "session_id": ring.session_id}
            page = network_page(ring.effective, positions, unit_ids=ring.unit_ids, **named)
            return {"network": draw_network(ring.effective, positions, **named)}, {"network": page}
    return {}, {}


def read_removal(runs: Sequence[Run]) -> pd.DataFrame:
    """Edge removal of every run that has it, with columns ``recording`` and ``method``; empty if there is none."""
    tables = [
        pd.read_csv(run.folder / FILE).assign(recording=run.recording, method=run.model_name)
        for run in runs
        if (run.folder / FILE).is_file()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def summary(out: Path, data: Path | None) -> Summary:
    """The tables and figures of the study.

    Raises:
        UserError: if something is missing.
    """
    runs = read_runs(out)
    found = ensembles(runs)
    stability = reproducibility(found)
    order = [recording.name for recording in RECORDINGS]
    recordings = sorted(set(stability.recording), key=lambda name: order.index(name) if name in order else len(order))
    blocks, tables, figures = [HEADER], {"reproducibility": stability}, dict(draw_sessions(found))
    if WORMS in recordings:
        if data is None:
            raise UserError(f"--data names the folder of the recordings, which has {CONNECTOME}")
        worms = worm_scores(found, read_anatomy(data / CONNECTOME))
        blocks.append(worm_table(worms))
        tables["connectome"], figures["connectome"] = worms, draw_connectome_scores(worms)
    blocks.append(reproducibility_table(over_sessions(stability), recordings))
    figures["reproducibility"] = draw_reproducibility(stability, recordings)
    kept = replication(found)
    if len(kept):
        blocks.append(replication_text(kept, recordings))
        tables["replication"], figures["replication"] = kept, draw_replication(kept, recordings)
    removal = read_removal(runs)
    if len(removal):
        blocks.append(removal_table(removal))
        by = ["recording", "method", "session", "score", "order", "share"]
        order = removal.order.str.partition(" ")[0]
        tables["edge_removal"] = removal.assign(order=order).groupby(by).value.agg(["mean", "std"]).reset_index()
        for (recording, method), table in removal.groupby(["recording", "method"]):
            figures[f"removal_{recording}_{method}"] = draw_removal(table, label=f"{recording}, {method}")
    space, pages = in_space(runs)
    return Summary("\n\n".join(blocks) + "\n", tables, {**figures, **space}, pages)


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
