"""Memory that a training step frees, kept for the next step."""

from __future__ import annotations

import ctypes
import logging
import os
import platform

log = logging.getLogger(__name__)

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt(3)
_LARGEST_KEPT = 2**25  # bytes of one tensor; the largest that glibc itself ever takes from its heap
_KEPT = 2**31 - 1  # bytes, the largest number of mallopt


def keep_freed_memory() -> None:
    """Let this process keep memory that it frees, instead of giving it back to the system after every step.

    glibc gives back what is free at the end of its heap once that is more than some megabytes, depending on what was
    freed before. The next step then fetches it anew, page by page, which can cost as much as its arithmetic
    (``experiments/benchmark/NOTES.md``). A process that keeps it holds what its largest step needed until it ends.
    Tensors of more than 32 MiB are given back as ever.

    Nothing is changed where the C library is another, or where the user has set it up by ``GLIBC_TUNABLES``,
    ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_``.
    """
    set_up = ("GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in set_up):
        return
    mallopt = ctypes.CDLL(None).mallopt
    if not (mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT) and mallopt(_TRIM_THRESHOLD, _KEPT)):
        log.debug("glibc refused to keep freed memory")
