"""Audit of leaks: `synapsnet audit PATH`, a verdict on a recording or on a finished run.

`checks` holds one module a family of checks, `register` finds them, `finding` is what each returns, and `text` prints
them. A check sees a `Recorded`, a `Ran` or several `Sketch`, and never reads a file itself.
"""

from synapsnet.audit.finding import Finding, Verdict, worst
from synapsnet.audit.register import audit_recording, audit_run, audit_together
from synapsnet.audit.sketch import Sketch, sketched
from synapsnet.audit.subject import FULL, QUICK, Effort, Ran, Recorded

__all__ = [
    "FULL",
    "QUICK",
    "Effort",
    "Finding",
    "Ran",
    "Recorded",
    "Sketch",
    "Verdict",
    "audit_recording",
    "audit_run",
    "audit_together",
    "sketched",
    "worst",
]
