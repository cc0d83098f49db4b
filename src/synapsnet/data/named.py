"""Series that the user names as the activity of neurons, because the file does not say so."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import get_args

from synapsnet.session import Signal


@dataclass(frozen=True)
class Named:
    """Named series.

    Attributes:
        patterns: Names of the series, with ``*`` for any characters; all must be found.
        signal: Their signal; None if it can be told from their values.
    """

    patterns: tuple[str, ...]
    signal: Signal | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `named`."""
    parser.add_argument(
        "--activity",
        metavar="NAME",
        action="append",
        help="plain series of an NWB file that are the neurons, such as 'cell*'; may be given again",
    )
    parser.add_argument("--signal", choices=get_args(Signal), help="signal of these series, where it cannot be told")


def named(options: argparse.Namespace) -> Named | None:
    """The series that options name; None if they name none."""
    return Named(tuple(options.activity), options.signal) if options.activity else None
