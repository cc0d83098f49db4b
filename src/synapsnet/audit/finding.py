"""The outcome of one check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

Verdict = Literal["clean", "suspicious", "leak"]
"""In ascending order. ``suspicious``: a leak and a property of the signal would look the same."""
_UNMEASURED = "not measured: "
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
        check: Name of the check in a few words.
        verdict: The verdict.
        measured: What was measured, with numbers.
        meaning: What it could mean; empty if clean.
        advice: What to do; empty if clean.
    """

    check: str
    verdict: Verdict
    measured: str
    meaning: str = ""
    advice: str = ""

    @property
    def unmeasured(self) -> str | None:
        """The reason why the check does not apply, if it does not."""
        return self.measured.removeprefix(_UNMEASURED) if self.measured.startswith(_UNMEASURED) else None


def graded(check: str, verdict: Verdict, measured: str, meaning: str, advice: str) -> Finding:
    """A finding that keeps its meaning and advice only if it is not clean."""
    return (
        Finding(check, verdict, measured) if verdict == "clean" else Finding(check, verdict, measured, meaning, advice)
    )


def unmeasured(check: str, reason: str) -> Finding:
    """The finding of a check that does not apply."""
    return Finding(check, "clean", f"{_UNMEASURED}{reason}")


def above(value: float, suspicious: float, leak: float) -> Verdict:
    """The verdict on a number that grows with the leak."""
    return "leak" if value >= leak else "suspicious" if value >= suspicious else "clean"


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst verdict of some findings; clean if there are none."""
    return max((finding.verdict for finding in findings), key=VERDICTS.index, default="clean")
