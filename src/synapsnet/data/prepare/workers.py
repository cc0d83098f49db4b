"""Conversion of recordings in several processes at once."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from synapsnet.data.prepare.convert import Job, Outcome, convert
from synapsnet.errors import UserError


def outcomes(jobs: Sequence[Job], n_processes: int) -> Generator[tuple[Job, Outcome]]:
    """Convert recordings in parallel and yield each when it is done; closing the iterator ends the processes at once.

    Raises:
        UserError: if the system kills a process.
    """
    if min(n_processes, len(jobs)) <= 1:
        for job in jobs:
            yield job, convert(job)
        return
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")  # fork is unsafe with the threads of libraries
    executor = ProcessPoolExecutor(min(n_processes, len(jobs)), context, initializer=_end_with_parent)
    try:
        with _interrupts_ignored():
            waiting = {executor.submit(convert, job): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BaseException as error:
        for child in set(multiprocessing.active_children()) - before:
            child.kill()
            child.join()
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                "the system killed a process, most likely because memory ran out; repeat the command with a "
                "smaller --jobs: it continues where it stopped"
            ) from error
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Make processes that are started inside ignore Ctrl-C, which a terminal sends to all; this one handles it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with_parent() -> None:
    """End this process if its parent is killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
