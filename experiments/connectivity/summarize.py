"""Tables and figures of the study, from run folders and the connectomes in the folder of the recordings.

See README.md in this folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments._summary import Summary, Tables, summarize
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
REPRODUCIBILITY, REPLICATION = "reproducibility", "replication"
CONNECTOME_SCORES, REMOVAL = "connectome", "edge_removal"
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
    """Edge removal of every run that has it, with columns ``data`` and ``method``; empty if there is none."""
    tables = [
        pd.read_csv(run.folder / FILE).assign(data=run.recording, method=run.model_name)
        for run in runs
        if (run.folder / FILE).is_file()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["data", "method"])


def over_repeats(removal: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation of the scores without random edges, and the score without the strongest."""
    by = ["data", "method", "session", "score", "order", "share"]
    kind = removal.order.str.partition(" ")[0]
    return removal.assign(order=kind).groupby(by).value.agg(["mean", "std"]).reset_index()


def text(tables: Tables) -> str:
    """The tables as Markdown."""
    recordings = in_order(tables)
    blocks = [HEADER]
    if len(tables[CONNECTOME_SCORES]):
        blocks.append(worm_table(tables[CONNECTOME_SCORES]))
    blocks.append(reproducibility_table(over_sessions(tables[REPRODUCIBILITY]), recordings))
    if len(tables[REPLICATION]):
        blocks.append(replication_text(tables[REPLICATION], recordings))
    if len(tables[REMOVAL]):
        blocks.append(removal_table(tables[REMOVAL]))
    return "\n\n".join(blocks) + "\n"


def in_order(tables: Tables) -> list[str]:
    """Recordings of the tables, in the order of the study."""
    order = [recording.name for recording in RECORDINGS]
    names = set(tables[REPRODUCIBILITY].data)
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def summary(out: Path, data: Path | None) -> Summary:
    """The tables and figures of the study.

    Raises:
        UserError: if something is missing.
    """
    runs = read_runs(out)
    found = ensembles(runs)
    removal = read_removal(runs)
    tables = {
        REPRODUCIBILITY: reproducibility(found),
        CONNECTOME_SCORES: pd.DataFrame(columns=["data"]),
        REPLICATION: replication(found),
        REMOVAL: over_repeats(removal) if len(removal) else removal,
    }
    figures: dict[str, Figure | Callable[[Tables], Figure]] = dict(draw_sessions(found))
    figures[REPRODUCIBILITY] = lambda tables: draw_reproducibility(tables[REPRODUCIBILITY], in_order(tables))
    if any(ensemble.recording == WORMS for ensemble in found):
        if data is None:
            raise UserError(f"--data names the folder of the recordings, which has {CONNECTOME}")
        tables[CONNECTOME_SCORES] = worm_scores(found, read_anatomy(data / CONNECTOME))
        figures[CONNECTOME_SCORES] = lambda tables: draw_connectome_scores(tables[CONNECTOME_SCORES])
    if len(tables[REPLICATION]):
        figures[REPLICATION] = lambda tables: draw_replication(tables[REPLICATION], in_order(tables))
    for (recording, method), table in removal.groupby(["data", "method"]):
        figures[f"removal_{recording}_{method}"] = draw_removal(table, label=f"{recording}, {method}")
    space, pages = in_space(runs)
    return Summary(text, tables, {**figures, **space}, pages)


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
