"""Tables and figures of the study, from run folders and the connectomes.

    python experiments/connectivity/summarize.py --connectome <folder> [outputs/connectivity] [--out <folder>]

Writes ``table.md``, ``connectome.csv``, ``reproducibility.csv``, ``edge_removal.csv`` and the figures, and prints the
tables. See README.md in this folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from connectome import read_anatomy
from figures import draw_connectome_scores, draw_removal, draw_reproducibility
from fits import Fits, Subject, read_fits
from plan import RECORDINGS, RING
from removal import FILE
from reproducibility import FALSE_DISCOVERY_RATE, over_sessions, reproducibility, stability_of
from tables import removal_table, reproducibility_table, worm_table
from worms import worm_scores

from synapsnet.errors import UserError
from synapsnet.results import Run
from synapsnet.session.unit_table import POSITION
from synapsnet.viz.network_3d import draw_network, network_page
from synapsnet.viz.ordered import draw_ordered
from synapsnet.viz.stability import draw_stability

MATRICES = {  # recordings to draw matrices of, and the methods beside the first
    "spikes_m1": ("synapsnet_sparse", "synapsnet", "correlation"),
    "calcium_worm": ("synapsnet_sparse", "synapsnet", "correlation"),
}
HALVES_DRAWN = ("synapsnet", "synapsnet_sparse")
N_CONNECTIONS = 150  # in space
HEADER = "# Connectivity of real recordings\nDefinitions and what it means: README.md beside this table."


def draw_sessions(found: Mapping[Subject, Fits], out: Path) -> None:
    """Halves against each other, and matrices side by side, of the first session of every recording."""
    recordings = {recording: session for recording, _, session in reversed(found)}
    for recording, session in recordings.items():
        for method in HALVES_DRAWN:
            fits = found.get(Subject(recording, method, session))
            stability = stability_of(fits) if fits else None
            if fits is None or stability is None or stability.edges is None or not stability.split_half:
                continue
            first, second = (
                np.mean([fit.matrix for fit in half], axis=0) for half in (fits.first_half, fits.second_half)
            )
            figure = draw_stability(
                first,
                second,
                stability.edges.statistic,
                stability.edges.null,
                threshold=stability.edges.threshold,
                false_discovery_rate=FALSE_DISCOVERY_RATE,
                statistic="effect, in sizes that surrogates have",
                signal=fits.signal,
                session_id=f"{recording} {session}, {method}",
            )
            figure.savefig(out / f"halves_{recording}_{method}.png", dpi=100)
        drawn = {method: found.get(Subject(recording, method, session)) for method in MATRICES.get(recording, ())}
        matrices = {method: fits.matrix for method, fits in drawn.items() if fits}
        if matrices:
            regions = next(fits.regions for fits in drawn.values() if fits)
            figure = draw_ordered(matrices, session_id=f"{recording} {session}", regions=regions)
            figure.savefig(out / f"matrices_{recording}.png", dpi=90)


def draw_space(root: Path, out: Path) -> None:
    """The simulated ring in space, as a picture and as a page."""
    for path in sorted(root.glob(f"*/{RING}-*/seed0/connectivity.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            session = next(key.partition("/")[0] for key in arrays.files)
            effective, units = arrays[f"{session}/effective"], tuple(map(str, arrays[f"{session}/unit_ids"]))
            positions = np.stack([arrays[f"{session}/unit/{axis}"] for axis in POSITION], axis=1)
        figure = draw_network(effective, positions, n_connections=N_CONNECTIONS, session_id=session)
        figure.savefig(out / "network.png", dpi=100)
        page = network_page(effective, positions, n_connections=N_CONNECTIONS, unit_ids=units, session_id=session)
        (out / "network.html").write_text(page)


def read_removal(root: Path) -> pd.DataFrame:
    """Edge removal of every run that has it, with columns ``recording`` and ``method``; empty without."""
    tables = []
    for path in sorted(root.glob(f"*/*/seed0/{FILE}")):
        config = Run(path.parent).config
        named = {"recording": config["data"]["name"], "method": config["choices"]["model"]}
        tables.append(pd.read_csv(path).assign(**named))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def summarize(root: Path, connectome: Path, out: Path) -> str:
    """Write everything to a folder.

    Args:
        root: Folder of the runs.
        connectome: Folder of the connectomes.
        out: Where to write.

    Returns:
        The tables.

    Raises:
        UserError: if something is missing.
    """
    found = read_fits(root)
    worms = worm_scores(found, read_anatomy(connectome))
    stability = reproducibility(found)
    recordings = [recording.name for recording in RECORDINGS if recording.name in set(stability.recording)]
    removal = read_removal(root)
    out.mkdir(parents=True, exist_ok=True)
    blocks = [HEADER]
    if len(worms):
        blocks.append(worm_table(worms))
        worms.to_csv(out / "connectome.csv", index=False, float_format="%.4g")
        draw_connectome_scores(worms).savefig(out / "connectome.png", dpi=110)
    blocks.append(reproducibility_table(over_sessions(stability), recordings))
    stability.to_csv(out / "reproducibility.csv", index=False, float_format="%.4g")
    draw_reproducibility(stability, recordings).savefig(out / "reproducibility.png", dpi=110)
    if len(removal):
        blocks.append(removal_table(removal))
        mean = removal.assign(order=removal.order.str.partition(" ")[0])
        mean = mean.groupby(["recording", "method", "session", "score", "order", "share"]).value.agg(["mean", "std"])
        mean.to_csv(out / "edge_removal.csv", float_format="%.5g")
        for (recording, method), table in removal.groupby(["recording", "method"]):
            figure = draw_removal(table, label=f"{recording}, {method}")
            figure.savefig(out / f"removal_{recording}_{method}.png", dpi=100)
    draw_sessions(found, out)
    draw_space(root, out)
    text = "\n\n".join(blocks) + "\n"
    (out / "table.md").write_text(text)
    return text


def main() -> None:
    """Read, score, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, nargs="?", default=Path("outputs/connectivity"), help="folder of the runs")
    parser.add_argument("--connectome", type=Path, required=True, help="folder of the worm's connectomes")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: beside me)")
    options = parser.parse_args()
    try:
        print(summarize(options.root, options.connectome, options.out))
    except UserError as error:
        parser.exit(2, f"error: {error}\n")


if __name__ == "__main__":
    main()
