"""Collect log messages of readers, which would otherwise interrupt a command's output or be lost with a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gathered_notes(level: int) -> Iterator[list[logging.LogRecord]]:
    """Collect this package's messages of a given level and above, in the order of arrival.

    Args:
        level: As in `logging`.
    """
    said: list[logging.LogRecord] = []

    class Gather(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record)

    logger, handler = logging.getLogger("synapsnet"), Gather()
    before = logger.level, logger.propagate
    logger.setLevel(level)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield said
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]
