"""Report bad input in one line on standard error, with the matching exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from synapsnet.errors import UserError, with_advice
from synapsnet.names import SWEEP_NOTES

BAD_INPUT = (UserError, HydraException, OmegaConfBaseException, OSError)
"""Errors reported in one line: invalid settings, and disk errors (a read-only folder, a full disk)."""
BAD_INPUT_CODE = 2


def guard(main: Callable[[], object]) -> int:
    """Run a Hydra main function; bad input or a disk error gives one line on standard error.

    Returns:
        The exit code: 0, or 2 for bad input.
    """
    # Hydra would print its own errors over several lines and exit with 1; this makes it raise them instead.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    try:
        main()
    except BAD_INPUT as error:
        return report(error)
    finally:
        if SWEEP_NOTES in os.environ:  # whatever ended the sweep
            from synapsnet.experiment.sweep import conclude

            conclude()
    return 0


def report(error: BaseException) -> int:
    """Print the error in one line, and return the exit code of bad input."""
    sys.stderr.write(f"error: {with_advice(error)}\n")
    return BAD_INPUT_CODE
