"""Sessions as an audit sees them: what training would take, with its splits."""

from __future__ import annotations

from synapsnet.audit import Effort, Recorded
from synapsnet.data.admit import Admitted, admit
from synapsnet.data.selection import select_task
from synapsnet.data.settings import DataSettings
from synapsnet.session import Session


def recorded(session: Session, settings: DataSettings, effort: Effort) -> Recorded:
    """The units and bins that training would take; all of the task, without splits, if it would refuse the session.

    Args:
        session: As it was recorded.
        settings: Settings of the training.
        effort: The part that costly checks look at.

    Raises:
        UserError: if the session has no such task.
    """
    taken = admit(session, settings)
    if isinstance(taken, Admitted):
        return Recorded(taken.session, taken.whole, taken.pieces, effort)
    whole = select_task(session, settings.task)
    return Recorded(whole, whole, {}, effort)
