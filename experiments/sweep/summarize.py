"""The tables of the sweep: tested runs of the best settings, and all trials. See README.md in this folder."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from experiments import _tables
from experiments._summary import Summary, summarize
from experiments._tables import markdown_table, number
from experiments.forecasting.leader import LEGEND as LEADER_LEGEND
from experiments.forecasting.leader import leader_table
from experiments.forecasting.over_time import blocks_of, pairs_over_time
from experiments.forecasting.summarize import LEGEND as SCORES_LEGEND
from experiments.forecasting.summarize import block_text, for_every_seed, read_runs, table_of
from experiments.sweep.search import read_trials
from experiments.sweep.study import STUDY, tested
from synapsnet.errors import UserError

LEGEND = """\
Trials of each model, on validation: their number, those that were pruned or failed, the nll of the first one, which has
the defaults, and that of the best with its settings. Models that are not listed have nothing to tune."""


def summary(out: Path, data: Path | None = None) -> Summary:
    """The tables of the runs that were tested after the most trials."""
    folder, n_trials = _last_tested(out)
    runs, units = (for_every_seed(table) for table in read_runs(folder))
    table, trials = table_of(runs, sorted(runs.model.unique())), _first(read_trials(out), n_trials)
    over_time = pairs_over_time(blocks_of(_tables.read_runs(folder)))
    text = [f"# Sweep, {n_trials} trials of each model", SCORES_LEGEND, LEADER_LEGEND, LEGEND]
    for recording, block in table.groupby("data"):
        of_recording = units[units.data == recording]
        text.append(block_text(str(recording), block, of_recording))
        whole = block.model[(block.seeds == block.seeds_expected) & ~block.cut]
        if len(whole) and len(block) > 1:
            timed = over_time[over_time.data == recording]
            text.append(leader_table(of_recording, whole.iloc[0], list(block.model), timed))
        if len(trials):
            text.append(_chosen(trials[trials.recording == recording]))
    return Summary("\n\n".join(text) + "\n", {"table": table, "trials": trials}, {})


def _last_tested(out: Path) -> tuple[Path, int]:
    """The folder of the runs that were tested after the most trials, and their number."""
    pattern = re.compile(re.escape(tested(0)).replace("0", r"(\d+)"))
    found = {int(name[1]): path for path in out.glob("*") if (name := pattern.fullmatch(path.name))}
    if not found:
        raise UserError(f"{out}: no tested run there; first python -m experiments.{STUDY.name}.study")
    return found[max(found)], max(found)


def _first(trials: pd.DataFrame, n_trials: int) -> pd.DataFrame:
    return trials[trials.trial < n_trials] if len(trials) else trials


def _chosen(trials: pd.DataFrame) -> str:
    rows = []
    for model, block in trials.groupby("model"):
        states = block.state.value_counts()
        counts = [str(states.get(state, 0)) for state in ("pruned", "fail")]
        first = block[block.trial == 0].validation_nll
        best = block[block.validation_nll == block.validation_nll.min()].head(1)
        scores = [number(of.iloc[0] if len(of) else float("nan"), 4) for of in (first, best.validation_nll)]
        settings = best.settings.iloc[0] if len(best) else "-"
        rows.append([str(model), str(len(block)), *counts, *scores, _rounded(settings)])
    return markdown_table(["model", "trials", "pruned", "failed", "defaults", "best", "settings"], rows)


def _rounded(settings: str) -> str:
    return re.sub(r"\d+\.\d+(e-?\d+)?", lambda value: f"{float(value[0]):.3g}", settings.replace("model.", ""))


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
