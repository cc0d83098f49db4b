"""The most memory that a recording may take, checked against the sizes that its files declare before any is taken."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from synapsnet.errors import UserError

_most_gb: ContextVar[float | None] = ContextVar("most_gb", default=None)
_OF_CONTAINER = Path("/sys/fs/cgroup/memory.max")


@contextmanager
def at_most(gigabytes: float | None) -> Iterator[None]:
    """Limit what is read inside to a number of gigabytes; None is half of the machine's memory."""
    before = _most_gb.set(gigabytes)
    try:
        yield
    finally:
        _most_gb.reset(before)


def limit_gb() -> float:
    """The limit that holds now, in gigabytes."""
    most = _most_gb.get()
    return most if most is not None else _machine_gb() / 2


def limit_named() -> str:
    """The limit as a user sets it, in training and in other commands."""
    return f"data.max_memory={limit_gb():.3g} (--max-memory)"


def require_room(what: str, shape: Sequence[int], itemsize: int) -> None:
    """Refuse an array that would take more memory than the limit.

    An axis of length 0 counts as 1, because the other axes are counted all the same: units are named by number.

    Args:
        what: Name of the file or dataset in the message.
        shape: Shape that is declared.
        itemsize: Bytes of one element.

    Raises:
        UserError: naming the size and the setting.
    """
    gigabytes = math.prod(max(int(n), 1) for n in shape) * itemsize / 1e9
    if gigabytes > limit_gb():
        raise UserError(
            f"{what} of shape {' x '.join(map(str, shape))} would take {gigabytes:.3g} GB, more than {limit_named()}"
        )


def _machine_gb() -> float:
    """Memory of the machine, or of the container that this process runs in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no container, or one without a limit
        machine = min(machine, int(_OF_CONTAINER.read_text()))
    return machine / 1e9
