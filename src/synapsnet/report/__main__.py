"""Judge how far the connectivity of runs can be trusted, from seeds, halves and surrogates of a recording.

Prints the findings of every session, and commands for the runs that are missing. Writes edges.csv and stability.png
for each session.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from synapsnet.configuration import conf_folder
from synapsnet.errors import UserError
from synapsnet.report.judgement import report


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m synapsnet.report") -> None:
    """Judge the runs in some folders.

    Args:
        arguments: Folders and options; those of the command line by default.
        prog: Name by which the program was called.

    Raises:
        SystemExit: with code 2, after one line on standard error, for bad input.
    """
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="run folders, or folders that contain them")
    parser.add_argument("--fdr", type=float, default=0.1, help="false-discovery rate of edges (default: 0.1)")
    parser.add_argument(
        "--out", type=Path, default=Path("outputs/report"), help="output folder (default: outputs/report)"
    )
    options = parser.parse_args(arguments)
    try:
        blocks = report(options.folders, false_discovery_rate=options.fdr, out=options.out, conf=conf_folder())
        for block in blocks:
            sys.stdout.write(f"{block}\n\n")
            sys.stdout.flush()
    except (UserError, OSError) as error:  # from the system: a folder that cannot be written, a full disk
        parser.exit(2, f"error: {' '.join(str(error).split())}\n")


if __name__ == "__main__":
    main()
