"""Signals that ask a run to leave: SIGTERM, and SIGUSR1 and SIGUSR2, which schedulers send before a preemption."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LEAVE = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
STOPPED_CODE = 128 + signal.SIGTERM  # as a shell reports SIGTERM, whatever the signal was
_deferred = False  # True during training, which ends by itself after the step


class Stopped(BaseException):
    """The run was asked to leave. It is not an `Exception`, so that nothing mistakes it for a failure and continues."""


def leave_at_once() -> None:
    """Let a signal end the process with `STOPPED_CODE` while libraries are loaded, which takes seconds."""
    for number in LEAVE:
        signal.signal(number, lambda *_: sys.exit(STOPPED_CODE))


@contextmanager
def leaving_on_signals() -> Iterator[None]:
    """Within the block, a signal to leave raises `Stopped`; training instead stops by itself after the step.

    Only the main thread receives signals; in other threads the block changes nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, _leave) for number in LEAVE}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        defer_leaving(False)


def defer_leaving(deferred: bool) -> None:
    """Set whether training is running, and so ends by itself between two steps."""
    global _deferred
    _deferred = deferred


def _leave(signum: int, frame: FrameType | None) -> None:
    if not _deferred:
        raise Stopped(signal.Signals(signum).name)
