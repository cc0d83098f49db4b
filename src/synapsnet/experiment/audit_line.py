"""The quick audit at the end of training, on what was trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from synapsnet.audit import QUICK, Finding, Recorded, Sketch, audit_recording, audit_together, sketched, worst
from synapsnet.audit.text import verdict_line
from synapsnet.data.task import Task
from synapsnet.models.pairs import too_many
from synapsnet.session import Session
from synapsnet.session.scale import scale_of

_MOST_VALUES = 2**28  # of a session; larger ones, and those of too many units, are left to the command
_MOST_SESSIONS = 20  # spread evenly over the task, because each takes about a second


def audit_line(task: Task) -> str:
    """The verdict on the sessions of a task, on one line.

    Args:
        task: The task.
    """
    found: dict[str, list[Finding]] = {}
    sketches: list[Sketch] = []
    for subject in _subjects(task):
        found[subject.session.session_id] = audit_recording(subject)
        sketches.append(sketched(subject))
    n_clean = sum(worst(findings) == "clean" for findings in found.values())
    n_left = len(task.spec.sessions) - len(found)
    found |= {"all together": audit_together(sketches)}
    told = [f"{name}: {verdict_line(findings)}" for name, findings in found.items() if worst(findings) != "clean"]
    said = [f"{n_clean} of {len(sketches)} sessions clean"] if n_clean or not told else []
    said += [f"{n_left} not looked at, because they are large or many"] if n_left else []
    return f"audit: {'; '.join([*said, *told])}" + ("; synapsnet audit says more" if told else "")


def _subjects(task: Task) -> Iterator[Recorded]:
    spec = task.spec
    n_sessions = len(spec.sessions)
    for index in np.unique(
        np.linspace(0, n_sessions - 1, min(n_sessions, _MOST_SESSIONS)).round().astype(int)
    ).tolist():
        info, tensors, pieces = spec.sessions[index], task.sessions[index], task.pieces[index]
        if tensors.activity.numel() > _MOST_VALUES or too_many(info.n_units):
            continue
        counts = spec.signal == "spikes"
        raw = tensors.activity if counts else scale_of(spec, index).to_raw(tensors.activity)
        segments = np.concatenate(list(pieces.values()))
        session = Session(
            session_id=info.session_id,
            activity=raw.numpy(),
            bin_width_s=spec.bin_width_s,
            unit_ids=info.unit_ids,
            signal=spec.signal,
            segments=segments[np.argsort(segments[:, 0])],
            behavior=tensors.behavior[:, : len(spec.behavior_names)].numpy(),
            behavior_names=spec.behavior_names,
        )
        yield Recorded(session, session, pieces, QUICK)
