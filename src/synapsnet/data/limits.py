"""The most memory that a recording may take, as an option of commands."""

from __future__ import annotations

import argparse
import math

from synapsnet.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `max_memory`."""
    parser.add_argument(
        "--max-memory",
        type=float,
        metavar="GB",
        help="most gigabytes that an array may take (default: half of the machine's memory)",
    )


def max_memory(options: argparse.Namespace) -> float | None:
    """The limit in gigabytes that options give; None if they give none.

    Raises:
        UserError: unless it is positive and finite.
    """
    most: float | None = options.max_memory
    return None if most is None else checked_gigabytes("--max-memory", most)


def checked_gigabytes(name: str, gigabytes: float) -> float:
    """A limit of memory, once it is known to be positive and finite.

    Raises:
        UserError: that begins with ``name``, if it is not.
    """
    if not (math.isfinite(gigabytes) and gigabytes > 0):
        raise UserError(f"{name} must be a positive number of gigabytes, got {gigabytes:g}")
    return gigabytes
