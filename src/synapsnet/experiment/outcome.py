"""The outcome of a run: saved and printed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapsnet.experiment.recovery import recovery_table
from synapsnet.experiment.run_folder import RunFolder
from synapsnet.experiment.tables import Scores, print_table, score_table
from synapsnet.metrics import ForecastScores, summarize
from synapsnet.results.ending import Ending
from synapsnet.results.files import RECOVERY, STAGE
from synapsnet.results.scores import finite, write_scores
from synapsnet.session import TaskSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of a run.

    Attributes:
        names: ``model``, ``data`` and ``seed``.
        scores: Scores of the test split.
        spec: The task.
        validation: The best validation score; None for an evaluation.
        ended: The reason why training ended; None if the evaluated checkpoint is from before the end.
        references: Scores of the reference models by name.
        facts: Further entries of ``test_metrics.json``.
    """

    names: Mapping[str, Any]
    scores: ForecastScores
    spec: TaskSpec
    validation: float | None
    ended: Ending | None
    references: Mapping[str, Scores]
    facts: Mapping[str, Any]

    @property
    def summary(self) -> Scores:
        """Mean and standard error over sessions."""
        mean, sem = summarize(self.scores.session_metrics())
        return Scores(mean, sem, cut=self.ended is not None and self.ended.cut)

    @property
    def score(self) -> float:
        """The score that a sweeper minimises: the validation score, or the nll of the test split for an evaluation."""
        return self.summary.mean["nll"] if self.validation is None else self.validation


def write_outcome(outcome: Outcome, folder: RunFolder) -> None:
    """Write scores, also per unit, to the staging folder for results."""
    ended, references = outcome.ended, outcome.references
    facts = {
        **outcome.names,
        "stopped": None if ended is None else ended.to_dict(),
        "validation": outcome.validation,
        **outcome.facts,
        "references": {name: {"mean": finite(of.mean), "sem": finite(of.sem)} for name, of in references.items()},
    }
    write_scores(folder.path / STAGE, outcome.scores, outcome.spec, facts)


def show_outcome(outcome: Outcome, folder: Path) -> None:
    """Print the scores of a finished run next to its references, and the recovery of its connections if it is known."""
    rows = {outcome.names["model"]: outcome.summary, **outcome.references}
    n_sessions = len(outcome.spec.sessions)
    over = "1 session" if n_sessions == 1 else f"mean ± standard error over {n_sessions} sessions"
    print_table(score_table(f"{outcome.names['data']}, test split, {over}", rows))
    recovered = folder / RECOVERY
    if recovered.is_file():
        print_table(recovery_table(recovered))
    log.info("results in %s", folder)
