"""Findings as text of 80 columns, to be read and to be quoted."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from synapsnet.audit.finding import Finding, worst

_WIDTH = 80
_LABELS = (("measured", "measured"), ("could mean", "meaning"), ("do", "advice"))


def rendered(title: str, facts: Sequence[str], findings: Sequence[Finding]) -> str:
    """A title with the verdict, facts about the subject, and every finding.

    Args:
        title: Name of the subject.
        facts: Lines about it.
        findings: The findings, the worst first.
    """
    lines = [*_wrapped(f"{worst(findings).upper()}: {title}", "")]
    for fact in facts:
        lines += _wrapped(fact, "  ")
    for finding in (one for one in findings if one.unmeasured is None):
        lines.append("")
        lines += _wrapped(f"{finding.verdict:<10}  {finding.check}", "  ")
        for label, field in _LABELS:
            if text := getattr(finding, field):
                lines += _wrapped(f"{label:<11} {text}", "    ", " " * 12)
    unmeasured = "; ".join(f"{one.check} ({one.unmeasured})" for one in findings if one.unmeasured is not None)
    if unmeasured:
        lines += ["", *_wrapped(f"not measured: {unmeasured}", "  ")]
    return "\n".join(lines)


def verdict_line(findings: Sequence[Finding]) -> str:
    """The verdict and the names of the checks behind it, on one line."""
    named = [
        f"{verdict.upper()} by {', '.join(finding.check for finding in findings if finding.verdict == verdict)}"
        for verdict in ("leak", "suspicious")
        if any(finding.verdict == verdict for finding in findings)
    ]
    n_measured = sum(finding.unmeasured is None for finding in findings)
    return "; ".join(named) or f"clean by {n_measured} checks"


def _wrapped(text: str, indent: str, hanging: str = "  ") -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + hanging, break_long_words=True
    ) or [""]
