"""Bad input in one line on standard error, and the exit code that goes with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from synapsnet.errors import UserError, one_line
from synapsnet.names import SWEEP_NOTES

BAD_INPUT = (UserError, HydraException, OmegaConfBaseException, OSError)
"""What costs one line: settings that do not do, and a disk that refuses (a folder that is read-only, a full one)."""
BAD_INPUT_CODE = 2


def guard(main: Callable[[], object]) -> int:
    """Run a Hydra main function; bad input, or a disk that refuses, costs one line on standard error.

    Returns:
        The exit code: 0, or 2 for bad input.
    """
    # Hydra would print its own errors over several lines and exit with 1; so it lets them through.
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
    """Write the error's line, and return the exit code of bad input."""
    sys.stderr.write(f"error: {one_line(error)}\n")
    return BAD_INPUT_CODE
