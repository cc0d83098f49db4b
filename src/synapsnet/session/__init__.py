"""The central types: a recorded `Session`, a `Batch` of windows, and the `TaskSpec` that a model is built from.

Time is always the first axis of a recording; widths are in seconds; identifiers are strings.
"""

from synapsnet.session.batch import Batch, Batches
from synapsnet.session.intervals import Intervals
from synapsnet.session.recording import Session, Signal
from synapsnet.session.spec import Inputs, SessionSpec, TaskSpec
from synapsnet.session.unit_table import UnitTable

__all__ = ["Batch", "Batches", "Inputs", "Intervals", "Session", "SessionSpec", "Signal", "TaskSpec", "UnitTable"]
