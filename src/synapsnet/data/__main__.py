"""Inspect recordings, or prepare them for training."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from synapsnet import extensions
from synapsnet.command_line import print_anything
from synapsnet.errors import UserError, one_line

_COMMANDS = {
    "inspect": "say what is in a recording, and draw it",
    "prepare": "convert recordings, or a public data set that is downloaded, into session archives",
}


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m synapsnet.data") -> None:
    """Run the command that the arguments name.

    Args:
        arguments: A command and its arguments; those of the command line by default.
        prog: Name by which the program was called.

    Raises:
        SystemExit: with code 2, after one line on standard error, for bad input; with 130 if it was interrupted.
    """
    print_anything()
    try:
        _run(sys.argv[1:] if arguments is None else arguments, prog)
    except KeyboardInterrupt:
        _exit(130, "interrupted")
    except (UserError, OSError) as error:  # from the system: a folder that cannot be written, a full disk
        _exit(2, f"error: {one_line(error)}")


def _run(arguments: Sequence[str], prog: str) -> None:
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    trusted = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    trusted.add_argument(
        "--trust",
        metavar="PACKAGE",
        action="append",
        default=[],
        help="also use the readers and sources of this package",
    )
    extensions.trust(trusted.parse_known_args(arguments)[0].trust)  # before they are listed
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, what in _COMMANDS.items():
        command = commands.add_parser(name, help=what, parents=[trusted])
        if name in arguments[:1]:  # the other command is not imported
            module = importlib.import_module(f"synapsnet.data.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    options.run(options)


def _exit(code: int, message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
