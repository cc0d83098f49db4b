"""Tables and figures of the study, from run folders. See README.md in this folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments._summary import Summary, Tables, summarize
from experiments._tables import bold, is_best, markdown_table, number, read_runs, score_cell
from experiments.transfer.figures import PANELS, draw_probes, draw_transfer
from experiments.transfer.probe import FILE
from experiments.transfer.study import JOINT, SCRATCH, STUDY, TRANSFER
from synapsnet.analysis.significance import holm, paired_test
from synapsnet.errors import UserError
from synapsnet.experiment import load
from synapsnet.metrics import column
from synapsnet.results import Run

REFERENCES = ("ar", "mean")
LEGEND = """\
Scores of the animal left out, on the same test bins for every amount of data; a model is fitted on the last minutes of
its train split. *transfer*: decoders, trained on the other animals, are frozen. *scratch*: everything is trained on the
animal alone. Mean ± standard error over animals; the best of each amount in bold. Of `neuropixels_v1` a session is left
out, and three of its four sessions are of one mouse. Definitions: README.md here."""
PAIRED = """\
Below: *transfer* minus *scratch* on the same animals, mean ± standard error; p of the paired t test, corrected by Holm
over the amounts; and the animals in which transfer is better. Less is better where ↓ stands."""
PROBED = """\
Accuracy of linear probes on an animal that they were not trained on, from embeddings; from what training changed in
them, because they start at random; and from simple statistics of activity (mean, log mean, standard deviation,
autocorrelation at 1, 2, 4 and 8 bins). Mean ± standard error over animals, each the mean over the joint runs that hold
it. p: paired t test over animals against permuted labels, uncorrected."""


def read(out: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of each animal, amount and way of training; and accuracies of the probes of each joint run and animal.

    Where one of both ways is missing for an amount of an animal, so is the other.

    Raises:
        UserError: if nothing is left.
    """
    rows, probes = [], []
    for run in read_runs(out):
        way = run.folder.parts[-3]
        if way == JOINT:
            if (run.folder / FILE).is_file():
                probes.append(pd.read_csv(run.folder / FILE).assign(data=run.recording))
            continue
        signal = "spikes" if "bits_per_spike" in run.scores else "calcium"
        (animal,) = run.scores.index
        place = {"data": run.recording, "signal": signal, "animal": animal, **_minutes(run)}
        rows.append(place | {"way": way} | run.scores.loc[animal].to_dict())
        if way == SCRATCH:
            scores = run.fact("references")
            rows += [place | {"way": name} | scores[name]["sessions"][animal] for name in REFERENCES]
    both = {(row["animal"], row["minutes"]) for row in rows if row["way"] == TRANSFER}
    both &= {(row["animal"], row["minutes"]) for row in rows if row["way"] == SCRATCH}
    scores = pd.DataFrame([row for row in rows if (row["animal"], row["minutes"]) in both])
    if scores.empty:
        raise UserError(f"{out}: no animal was trained on in both ways; python -m experiments.transfer.study does it")
    return scores, pd.concat(probes, ignore_index=True) if probes else pd.DataFrame()


def _minutes(run: Run) -> dict[str, float | bool]:
    """Minutes of data that a run was fitted on, and whether these were the whole train split."""
    asked = run.data["train_minutes"]
    spec = load(run.checkpoint("best")).spec
    used = spec.sessions[0].n_train_bins * spec.bin_width_s / 60
    return {"minutes": used if asked is None else asked, "all": asked is None}


def score_block(scores: pd.DataFrame) -> str:
    """One recording as Markdown: a row for each amount and way of training."""
    columns = [column(name) for name in PANELS[scores.signal.iloc[0]]]
    rows = []
    for minutes, of in _amounts(scores):
        means, errors = (getattr(of.groupby("way")[[c.name for c in columns]], f)() for f in ("mean", "sem"))
        eligible = pd.Series(True, index=means.index)
        best = {c.name: is_best(means[c.name], eligible, c) for c in columns}
        for way in (way for way in (TRANSFER, SCRATCH, *REFERENCES) if way in means.index):
            cells = [
                bold(
                    score_cell(c, means.loc[way, c.name], error=errors.loc[way, c.name], owned=False),
                    bool(best[c.name][way]),
                )
                for c in columns
            ]
            rows.append([minutes, way, str(int((of.way == way).sum())), *cells])
    return markdown_table(["minutes", "training", "left out", *(c.heading for c in columns)], rows)


def _amounts(scores: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Scores by amount of data: a number of minutes, then all, of which animals may have different numbers."""
    part, whole = scores[~scores["all"]], scores[scores["all"]]
    named = [(f"{minutes:g}", of) for minutes, of in part.groupby("minutes")]
    return [*named, *([(f"all ({whole.minutes.mean():.2g})", whole)] if len(whole) else [])]


def paired(scores: pd.DataFrame) -> pd.DataFrame:
    """Paired tests of one recording: a row for each score and amount."""
    found = []
    for name in PANELS[scores.signal.iloc[0]]:
        rows = []
        for minutes, of in _amounts(scores):
            by_way = of.pivot_table(index="animal", columns="way", values=name).reindex(columns=[TRANSFER, SCRATCH])
            test = paired_test(by_way[TRANSFER].to_numpy(), by_way[SCRATCH].to_numpy())
            sign = -1 if column(name).lower_is_better else 1
            better = int((sign * (by_way[TRANSFER] - by_way[SCRATCH]) > 0).sum())
            rows.append({"score": name, "minutes": minutes, "better": better, **vars(test)})
        of_score = pd.DataFrame(rows)
        found.append(of_score.assign(t_holm=holm(of_score.t.tolist())))
    return pd.concat(found, ignore_index=True)


def paired_block(tests: pd.DataFrame) -> str:
    """Paired tests of one recording as Markdown."""
    rows = [
        [
            column(row.score).heading,
            row.minutes,
            number(row.difference, 4, error=row.sem),
            "-" if np.isnan(row.t_holm) else f"{row.t_holm:.2g}",
            f"{row.better} of {row.n}",
        ]
        for row in tests.itertuples()
    ]
    return markdown_table(["score", "minutes", "transfer - scratch", "p (Holm)", "transfer is better"], rows)


def by_animal(probes: pd.DataFrame) -> pd.DataFrame:
    """Accuracies of each recording, question, features and animal, means over joint runs."""
    return probes.groupby(["data", "question", "features", "animal"], sort=False).mean().reset_index()


def probe_block(animals: pd.DataFrame) -> str:
    """Probes of one recording as Markdown: a row for each question and features."""
    rows = []
    for (question, features), of in animals.groupby(["question", "features"], sort=False):
        p = paired_test(of.probe.to_numpy(), of.permuted.to_numpy()).t
        cells = [f"{of[name].mean():.1%} ± {of[name].sem():.1%}" for name in ("probe", "permuted", "most_frequent")]
        asked = f"{question}, {of.n_classes.mean():.0f} classes"
        rows.append([asked, str(features), *cells, "-" if np.isnan(p) else f"{p:.2g}"])
    table = markdown_table(["question", "from", "accuracy", "permuted labels", "most frequent class", "p"], rows)
    return f"{table}\n\nEmbeddings correlate with their random start by r = {animals.start_r.mean():.2f}."


def text_of(tables: Tables) -> str:
    """``table.md``, from the tables alone."""
    text = ["# Transfer", LEGEND, PAIRED]
    for name, of in tables["scores"].groupby("data", sort=False):
        tests = tables["paired"]
        text += [f"## {name}", score_block(of), paired_block(tests[tests.data == name])]
    if "probes" in tables:
        text += ["# Probes", PROBED]
        text += [f"## {name}\n\n{probe_block(of)}" for name, of in tables["probes"].groupby("data", sort=False)]
    return "\n\n".join(text) + "\n"


def summary(out: Path, data: Path | None = None) -> Summary:
    """The tables and figures of the runs."""
    scores, probes = read(out)
    tests = [paired(of).assign(data=name) for name, of in scores.groupby("data", sort=False)]
    tables = {"scores": scores, "paired": pd.concat(tests, ignore_index=True)}
    figures: dict[str, Callable[[Tables], Figure]] = {"transfer": lambda tables: draw_transfer(tables["scores"])}
    if len(probes):
        tables["probes"], figures["probes"] = by_animal(probes), lambda tables: draw_probes(tables["probes"])
    return Summary(text_of, tables, figures)


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
