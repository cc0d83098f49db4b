"""The checks there are: every module of `synapsnet.audit.checks`, and of ``checks`` in packages that the user trusts.

A module offers ``RECORDING_CHECKS``, ``RUN_CHECKS`` or ``TOGETHER_CHECKS``: functions of a `Recorded`, of a `Ran` or of
several `Sketch` that return a `Finding`. To add a check, add one module.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

from synapsnet import extensions
from synapsnet.audit import checks
from synapsnet.audit.finding import VERDICTS, Finding
from synapsnet.audit.sketch import Sketch
from synapsnet.audit.subject import Ran, Recorded


def audit_recording(recorded: Recorded) -> list[Finding]:
    """Every finding about a recording, the worst first.

    Args:
        recorded: The recording and its splits.
    """
    return _ordered(check(recorded) for check in _offered("RECORDING_CHECKS"))


def audit_run(ran: Ran) -> list[Finding]:
    """Every finding about a finished run, the worst first.

    Args:
        ran: The run.
    """
    return _ordered(check(ran) for check in _offered("RUN_CHECKS"))


def audit_together(sketches: Sequence[Sketch]) -> list[Finding]:
    """Every finding about several recordings that are trained on together, the worst first; none about a single one.

    Args:
        sketches: Sketches of the recordings.
    """
    return _ordered(check(sketches) for check in _offered("TOGETHER_CHECKS")) if len(sketches) > 1 else []


def _offered(kind: str) -> Iterator[Callable[[Any], Finding]]:
    for module in _modules():
        yield from getattr(module, kind, ())


def _modules() -> Iterator[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(checks.__path__))
    yield from (importlib.import_module(f"{checks.__name__}.{name}") for name in names)
    yield from extensions.modules("checks").values()


def _ordered(findings: Iterator[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -VERDICTS.index(finding.verdict))
