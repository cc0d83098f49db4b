"""The table and figures of recovered connectivity, from run folders alone.

    python experiments/synthetic_connectivity/summarize.py [outputs/synthetic_connectivity] [--out <here>]

Prints one block a network, and writes ``table.md``, ``table.csv`` and PNGs. Runs of a network that were not given the
same recording and budget are refused. See README.md in this folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from figures import draw_all
from runs import read_runs
from study import METHODS, ROWS, TABLE, Row, expected_seeds

from synapsnet.errors import UserError

SCORES = (
    "pearson_r",
    "auprc",
    "sign_accuracy",
    "spearman_r",
    "auroc",
    "sender_sign_accuracy",
    "in_degree_r",
    "out_degree_r",
    "forecast_r",
)
OF_MAGNITUDES = ("pearson_r", "spearman_r")  # where the method knows no sign, and so another score
LEGEND = """\
Mean ± standard deviation over networks (seeds). **Bold**: the best of a column. ≈: within one standard error of the
best, the error being that of the differences on the same networks. †: a method without signs, whose correlations are
with magnitudes and take no part in the bold. "2 of 5" marks an incomplete row, "cut" one with a run that the clock
ended (`trainer.max_time`), so that it depends on the machine; neither takes part. Rows that are planned with fewer
networks than others cannot be the best, but can be ≈. Definitions: README.md here."""


def summarize(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a network and method, planned ones without a run included; the highest ``pearson_r`` first.

    Args:
        runs: As `read_runs` returns it.
    """
    blocks = []
    for row in ROWS:
        block = runs[runs.data == row.data]
        if block.empty:
            continue
        names = dict.fromkeys([*row.n_seeds, *METHODS, *block.method])
        table = pd.DataFrame([_of_method(row, name, block[block.method == name]) for name in names])
        table["auprc_chance"] = block.groupby("seed").auprc_chance.first().mean()
        for score in SCORES:
            _mark(table, block, score)
        blocks.append(table.sort_values(["pearson_r", "method"], ascending=[False, True], na_position="last"))
    return pd.concat(blocks, ignore_index=True)


def _of_method(row: Row, name: str, runs: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {"data": row.data, "method": name, "seeds": len(runs)}
    found["seeds_expected"] = expected_seeds(row, name)
    found["cut"] = bool(runs.cut.any())
    found["signed"] = runs.empty or bool(runs.sign_accuracy.notna().any())
    for score in (*SCORES, "fit_seconds"):
        found[score], found[f"{score}_sd"] = runs[score].mean(), runs[score].std(ddof=1)
    return found


def _mark(table: pd.DataFrame, runs: pd.DataFrame, score: str) -> None:
    """Add a column that says which row is ``best`` in a score, and which are ``near`` to it."""
    whole = (table.seeds >= table.seeds_expected) & (table.seeds > 0) & ~table.cut
    eligible = whole & (table.signed | (score not in OF_MAGNITUDES)) & table[score].notna()
    most = table.seeds_expected[eligible].max()
    marks = pd.Series("", index=table.index)
    if eligible.any():
        contenders = table[score].where(eligible & (table.seeds_expected == most))
        best = contenders.idxmax()
        marks[contenders == contenders[best]] = "best"
        by_seed = runs.pivot(index="seed", columns="method", values=score)
        for place in table.index[eligible & (marks == "")]:
            behind = (by_seed[table.method[best]] - by_seed[table.method[place]]).dropna()
            if len(behind) > 1 and behind.mean() <= behind.sem():
                marks[place] = "near"
    table[f"{score}_mark"] = marks


def markdown(table: pd.DataFrame) -> str:
    """The rows of the table's networks; levels of degradation curves are left to the figures and ``table.csv``."""
    parts = ["# Recovery of known connectivity", LEGEND]
    for row in TABLE:
        block = table[table.data == row.data]
        if len(block):
            parts += [f"## {row.title} (`{row.data}`)", _block(block)]
    absent = [row.data for row in TABLE if row.data not in set(table.data)]
    if absent:
        parts.append(f"No run of {', '.join(absent)}.")
    return "\n\n".join(parts) + "\n"


def _block(block: pd.DataFrame) -> str:
    heads = [f"auprc (chance {block.auprc_chance.iloc[0]:.2f})" if name == "auprc" else name for name in SCORES]
    lines = [
        f"| method | networks | {' | '.join(heads)} | fit_seconds |",
        "| --- " + "| ---: " * (len(SCORES) + 2) + "|",
    ]
    for _, row in block.iterrows():
        short = row.seeds < row.seeds_expected
        cells = [f"{row.method}{'' if row.signed else ' †'}"]
        cells.append((f"{row.seeds} of {row.seeds_expected}" if short else str(row.seeds)) + ", cut" * row.cut)
        cells += [_cell(row, score) for score in SCORES]
        cells.append("-" if np.isnan(row.fit_seconds) else f"{row.fit_seconds:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(row: pd.Series, score: str) -> str:
    if np.isnan(row[score]):
        return "-"
    spread = row[f"{score}_sd"]
    text = f"{row[score]:z.3f}" if np.isnan(spread) else f"{row[score]:z.3f} ± {spread:.3f}"
    return {"best": f"**{text}**", "near": f"{text} ≈", "": text}[row[f"{score}_mark"]]


def main() -> None:
    """Read, check, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path, nargs="?", default=Path("outputs/synthetic_connectivity"),
                        help="folder of the runs")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: beside me)")
    options = parser.parse_args()
    try:
        runs = read_runs(options.root)
        figures = draw_all(runs, options.root)
    except UserError as error:
        parser.exit(2, f"error: {error}\n")
    table = summarize(runs)
    text = markdown(table)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text(text)
    table.to_csv(options.out / "table.csv", index=False, float_format="%.4g")
    for name, figure in figures.items():
        figure.savefig(options.out / f"{name}.png")


if __name__ == "__main__":
    main()
