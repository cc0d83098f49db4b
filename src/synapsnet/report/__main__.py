"""Write one page on a run, a sweep or a study: scores, paired comparisons, curves, connectivity and its odds, commands.

The page is a single file that loads nothing. Prints how far each connectivity can be trusted, from seeds, halves and
surrogates of a recording, and commands for the runs that are missing to judge it. Writes edges.csv and stability.png
for each session to a folder beside the page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from synapsnet.command_line import print_anything
from synapsnet.configuration import conf_folder
from synapsnet.errors import UserError, with_advice
from synapsnet.report.connections import Connections
from synapsnet.report.html import printable
from synapsnet.report.review import write_page
from synapsnet.report.study import open_study
from synapsnet.results.files import PAGE


def main(arguments: Sequence[str] | None = None, *, prog: str = "python -m synapsnet.report") -> None:
    """Write the page, and print the judgements.

    Args:
        arguments: Folders and options; those of the command line by default.
        prog: Name by which the program was called.

    Raises:
        SystemExit: with code 2, after one line on standard error, for bad input.
    """
    parser = argparse.ArgumentParser(prog=prog, description=__doc__)
    parser.add_argument("folders", metavar="PATH", type=Path, nargs="+", help="a run, or a folder that holds runs")
    parser.add_argument("--fdr", type=float, default=0.1, help="false-discovery rate of edges (default: 0.1)")
    parser.add_argument("--out", metavar="FILE", type=Path, help=f"the page (default: {PAGE} in the first PATH)")
    options = parser.parse_args(arguments)
    print_anything()
    try:
        _report(options.folders, options.fdr, options.out or options.folders[0] / PAGE)
    except (UserError, OSError) as error:  # from the system: a folder that cannot be written, a full disk
        parser.exit(2, f"error: {with_advice(error)}\n")


def _report(folders: Sequence[Path], false_discovery_rate: float, out: Path) -> None:
    if not 0 < false_discovery_rate < 1:
        raise UserError(f"--fdr: a false-discovery rate lies between 0 and 1, got {false_discovery_rate:g}")
    if out.is_dir() or out.suffix != ".html":
        raise UserError(f"{out}: --out names the page, a file that ends with .html")
    study = open_study(folders)
    for reason in study.left_out:
        sys.stderr.write(f"{printable(reason)}\n")
    connections = Connections(study, false_discovery_rate, out.with_suffix(""), conf_folder())
    for block in connections.judgements():
        sys.stdout.write(f"{printable(block)}\n\n")
        sys.stdout.flush()
    write_page(study, connections.section(), out, conf_folder())
    sys.stdout.write(f"written: {out} ({out.stat().st_size / 1e6:.1f} MB)\n")


if __name__ == "__main__":
    main()
