"""The outcome of a run: saved and printed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from synapsnet.errors import UserError, one_line
from synapsnet.experiment.recovery import recovery_table
from synapsnet.experiment.references import ReferenceScores
from synapsnet.experiment.run_folder import RunFolder
from synapsnet.experiment.tables import print_table, tables_of
from synapsnet.metrics import ForecastScores, against, owned_by_few, summarize
from synapsnet.results import Run
from synapsnet.results.ending import Ending
from synapsnet.results.files import RECOVERY, SCORES, STAGE
from synapsnet.results.scores import over_sessions, write_scores
from synapsnet.session import TaskSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The outcome of a run.

    Attributes:
        names: ``model``, ``data`` and ``seed``.
        scores: Scores of the test split; empty if it was not scored.
        spec: The task.
        validation: The best validation score; None for an evaluation.
        ended: The reason why training ended; None if the evaluated checkpoint is from before the end.
        references: Scores of the test split of the reference models, by name.
        facts: Further entries of ``test_metrics.json``.
    """

    names: Mapping[str, Any]
    scores: ForecastScores
    spec: TaskSpec
    validation: float | None
    ended: Ending | None
    references: Mapping[str, ReferenceScores]
    facts: Mapping[str, Any]

    @property
    def score(self) -> float:
        """The score that a sweeper minimises: the validation score, or the nll of the test split for an evaluation."""
        return summarize(self.scores.session_metrics())[0]["nll"] if self.validation is None else self.validation


def write_outcome(outcome: Outcome, folder: RunFolder) -> None:
    """Write scores, also per unit, to the staging folder for results."""
    facts = {
        **outcome.names,
        "stopped": None if outcome.ended is None else outcome.ended.to_dict(),
        "validation": outcome.validation,
        **outcome.facts,
        "references": {name: _reference(found, outcome) for name, found in outcome.references.items()},
    }
    write_scores(folder.path / STAGE, outcome.scores, outcome.spec, facts)


def gains_over_references(outcome: Outcome) -> dict[str, float]:
    """Scores of the typical unit over each reference, as loggers name them: ``test/share_better_than/ar``."""
    return {
        f"test/{metric}/{name}": value
        for name, found in outcome.references.items()
        for metric, value in summarize(_gains(found, outcome))[0].items()
    }


def scores_table(outcome: Outcome) -> pd.DataFrame:
    """Scores of the run's model and of each reference: a row per model and session, and one for the mean."""
    rows = []
    of_references = {name: found.sessions for name, found in outcome.references.items()}
    for name, by_session in {outcome.names["model"]: outcome.scores.session_metrics(), **of_references}.items():
        means, _ = summarize(by_session)
        rows += [
            {"model": name, "session": session, **scores} for session, scores in {"mean": means, **by_session}.items()
        ]
    return pd.DataFrame(rows)


def _gains(found: ReferenceScores, outcome: Outcome) -> dict[str, dict[str, float]]:
    ours, theirs = outcome.scores.unit_metrics(), found.units
    return {session: against(ours[session]["nll"], theirs[session]["nll"]) for session in ours}


def _reference(found: ReferenceScores, outcome: Outcome) -> dict[str, Any]:
    """Scores of a reference, and under ``against`` what the run's model gains over it in the typical unit.

    ``against`` also has the differences, the reference less the run's model, that few units own.
    """
    ours, theirs = outcome.scores.unit_metrics(), found.units
    unit_ids = {session.session_id: session.unit_ids for session in outcome.spec.sessions}
    owned = owned_by_few(theirs, ours, unit_ids)
    return {
        **over_sessions(found.sessions),
        "against": {
            **over_sessions(_gains(found, outcome)),
            "owned_by_few": {name: few._asdict() for name, few in owned.items()},
        },
    }


def show_results(folder: Path) -> float:
    """Print the scores of a finished run next to its references, and the recovery of its connections if it is known.

    Returns:
        Its validation score; NaN for an evaluation.

    Raises:
        UserError: if its scores cannot be read.
    """
    try:
        tables, validation = tables_of(Run(folder).facts), Run(folder).facts["validation"]
    except (UserError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / SCORES} is damaged ({one_line(error)}); overwrite=true runs it again") from error
    if not tables:
        log.info("validation score %.4f; the test split was not scored", validation)
    for table in tables:
        print_table(table)
    recovered = folder / RECOVERY
    if recovered.is_file():
        print_table(recovery_table(recovered))
    log.info("results in %s", folder)
    return math.nan if validation is None else float(validation)
