"""Choices made on the test split, as far as the folder of a run tells."""

from __future__ import annotations

from synapsnet.audit.finding import Finding, graded
from synapsnet.audit.subject import Ran

_HELD_OUT = "validation/"


def selection_on_test(ran: Ran) -> Finding:
    """Names of the scores that chose the weights, ended training, or stand in the training curve."""
    others = [f"{place} follows {score}" for place, score in ran.monitored.items() if not score.startswith(_HELD_OUT)]
    tested = [column for column in ran.curve if column.startswith("test/")]
    others += [f"the training curve has {column}" for column in tested]
    looks_at_test = tested or any(score.startswith("test") for score in ran.monitored.values())
    followed = ", ".join(sorted(set(ran.monitored.values()))) or "nothing"
    return graded(
        "selection on test",
        "leak" if looks_at_test else "suspicious" if others else "clean",
        "; ".join(others) if others else f"weights and the end of training were chosen by {followed}",
        "a choice was made by another split than validation, so the test score is too good. A choice between runs "
        "leaves no trace in a folder.",
        "set monitor to a score of validation, and look at the test split once.",
    )


RUN_CHECKS = (selection_on_test,)
