"""Forecast neuronal population activity and learn functional connectivity."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version

_COMMANDS = {
    "train": "train and test a model, or sweep over many; takes settings such as model=synapsnet data.root=PATH",
    "inspect": "say what is in a recording, and draw it",
    "prepare": "convert recordings, or a public data set that is downloaded, into session archives",
    "audit": "look for leaks in recordings and finished runs; exit code 3 if there is one",
    "report": "write one page on a run or a sweep, and say how far its connectivity can be trusted",
}


def main() -> int:
    """Run the command that is named first; it reads all other arguments.

    Returns:
        The exit code.

    Raises:
        SystemExit: with code 2 for bad input, or once help was shown.
    """
    parser = argparse.ArgumentParser(prog="synapsnet", description=__doc__)
    parser.add_argument("--version", action="version", version=version("synapsnet"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in _COMMANDS.items():
        commands.add_parser(name, help=summary, add_help=False)
    command = parser.parse_args(sys.argv[1:2]).command
    arguments = sys.argv[2:]
    # Each is imported only where it is asked for: torch and lightning take seconds.
    if command == "train":
        from synapsnet.training.signals import leave_at_once

        leave_at_once()  # a scheduler may ask for it while the libraries are loaded
        from synapsnet.experiment.command import main as train

        return train(arguments)
    if command == "report":
        from synapsnet.report.__main__ import main as report

        report(arguments, prog="synapsnet report")
        return 0
    if command == "audit":
        from synapsnet.experiment.audit import main as audit

        return audit(arguments, prog="synapsnet audit")
    from synapsnet.data.__main__ import main as data

    data([command, *arguments], prog="synapsnet")
    return 0
