"""Tables and figures of the study, from run folders. See README.md in this folder."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from experiments._summary import Summary, summarize
from experiments._tables import bold, is_best, markdown_table, number, read_runs
from experiments.population.components import FILE, N_COMPONENTS, Components, read_components
from experiments.population.figures import OURS, draw_components, draw_sessions
from experiments.population.study import STUDY
from synapsnet.errors import UserError
from synapsnet.metrics import Column

RIVALS = ("neuprint", "lstm")
"""Models whose sessions are compared with SynapsNet's: the paper's rival, and the strongest recurrent one."""
LEGEND = """\
Pearson r of recorded and predicted activity along the first principal components, which are fitted on the recorded
train split; one-step forecasts of all test bins. Mean ± standard error over sessions; the best of each column in bold.
Definitions: README.md of the study."""


def read(out: Path) -> tuple[pd.DataFrame, dict[str, dict[str, Components]]]:
    """One row per run, session and component; and the components themselves by recording and model.

    Raises:
        UserError: if no run was projected.
    """
    rows, found = [], {}
    for run in read_runs(out):
        if (run.folder / FILE).is_file():
            of = read_components(run)
            found.setdefault(run.recording, {})[run.model_name] = of
            for session, forecast in of.sessions.items():
                place = {"data": run.recording, "model": run.model_name, "session": session}
                scores = zip(forecast.pearson_r, forecast.explained, strict=True)
                for component, (r, explained) in enumerate(scores, 1):
                    rows.append({**place, "component": component, "r": r, "explained": explained})
    if not rows:
        raise UserError(f"{out}: no run was projected; python -m experiments.population.study does it")
    return pd.DataFrame(rows), found


def block(rows: pd.DataFrame) -> str:
    """One recording as Markdown: a row per model, a column per component and their mean."""
    by_session = rows.groupby(["model", "session", "component"]).r.mean().unstack("component")
    by_session["mean"] = by_session.mean(axis=1)
    means, errors = by_session.groupby("model").mean(), by_session.groupby("model").sem()
    any_model = pd.Series(True, index=means.index)
    shown = [*range(1, N_COMPONENTS + 1), "mean"]
    best = {name: is_best(means[name], any_model, Column(str(name), str(name), 0, False)) for name in shown}
    explained = rows.groupby("component").explained.mean()
    header = ["model", *(f"PC{n} ({explained[n]:.0%} of variance)" for n in shown[:-1]), "mean"]

    def cell(model: str, name: int | str) -> str:
        return bold(number(means.loc[model, name], error=errors.loc[model, name]), best[name][model])

    models = means.sort_values("mean", ascending=False).index
    return markdown_table(header, ([model, *(cell(model, name) for name in shown)] for model in models))


def summary(out: Path, data: Path | None = None) -> Summary:
    """The table and the figures of the runs."""
    rows, found = read(out)
    text = ["# Population", LEGEND]
    figures = {}
    for recording, of_recording in rows.groupby("data", sort=False):
        n_sessions = of_recording.session.nunique()
        text.append(f"## {recording}\n{n_sessions} session{'s' * (n_sessions > 1)}.\n\n{block(of_recording)}")
        if OURS in found[str(recording)]:
            figures[f"components_{recording}"] = draw_components(found[str(recording)], str(recording))
        if n_sessions > 1:
            figures[f"sessions_{recording}"] = draw_sessions(of_recording, RIVALS, str(recording))
    return Summary("\n\n".join(text) + "\n", {"table": rows}, figures)


if __name__ == "__main__":
    sys.exit(summarize(STUDY, summary))
