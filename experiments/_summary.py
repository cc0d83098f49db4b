"""The tables and figures of all studies, by a command that is called from the root of the project.

python -m experiments.STUDY.summarize --data <folder of recordings> [--out <folder of runs>] [--quick]
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from experiments._study import PROJECT, Study, folder_of, jobs_of, missing, parser_of, say
from synapsnet.errors import UserError
from synapsnet.results import Run, runs

RUNS = "runs"  # table of versions, see `versions_of`
_HEADING = "\n## "
_DIGITS = "%.6g"  # of numbers in tables

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Summary:
    """The output of a study in ``results/``, by file name without suffix.

    Attributes:
        text: ``table.md``; Markdown, or a function that writes it from ``tables``.
        tables: CSV files; one without rows is not written.
        figures: PNG files; a figure, or a function that draws it from ``tables``.
        pages: HTML files.
        texts: Further Markdown files.
    """

    text: str | Callable[[Tables], str]
    tables: Tables
    figures: Mapping[str, Figure | Callable[[Tables], Figure]]
    pages: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def summarize(
    study: Study, summary: Callable[[Path, Path | None], Summary], arguments: Sequence[str] | None = None
) -> int:
    """Write the tables and figures of a study, print the table, and list the missing runs.

    Args:
        study: The study.
        summary: Makes the summary from the folder of runs and the folder of recordings; the latter may be None.
        arguments: The command line.

    Returns:
        The exit code.
    """
    parser = parser_of(study, "summarize", "Write the tables and figures of a study from its runs.")
    parser.add_argument(
        "--to", type=Path, help="output folder (default: results/ of the study, or in the folder of runs if --quick)"
    )
    options = parser.parse_args(arguments)
    out = folder_of(study, options)
    own = out / f"results_{study.name}" if study.runs_of else out / "results"  # other studies have the same runs
    to = options.to or (own if options.quick else PROJECT / "experiments" / study.name / "results")
    try:
        made = summary(out, options.data)
        versions = {RUNS: versions_of(runs(out))} if study.runs_of is None else {}
        made = replace(made, tables={name: as_written(rows) for name, rows in {**made.tables, **versions}.items()})
    except UserError as error:
        parser.exit(2, f"error: {error}\n")
    to.mkdir(parents=True, exist_ok=True)
    if study.by_recording:
        made = with_earlier(made, to)
    table = made.text(made.tables) if callable(made.text) else made.text
    written = {"table.md": table, **{f"{name}.md": text for name, text in made.texts.items()}}
    for name, text in (written | {f"{name}.html": page for name, page in made.pages.items()}).items():
        (to / name).write_text(text, encoding="utf-8")
    for name, rows in made.tables.items():
        if len(rows):
            rows.to_csv(to / f"{name}.csv", index=False, float_format=_DIGITS)
    for name, figure in made.figures.items():
        (figure(made.tables) if callable(figure) else figure).savefig(to / f"{name}.png")
    say(table)
    for job in missing(jobs_of(study, options), out):
        print(f"missing: {job}", file=sys.stderr)
    return 0


def as_written(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its numbers rounded as in its file, so that a text made from either is the same."""
    floats = table.select_dtypes("float").columns
    return table.assign(**{name: table[name].map(lambda value: float(_DIGITS % value)) for name in floats})


def with_earlier(made: Summary, folder: Path) -> Summary:
    """Add what an earlier summary in a folder has on recordings without runs; it says which these are."""
    tables = {name: _with_rows(table, folder / f"{name}.csv") for name, table in made.tables.items()}
    of_runs, all_recordings = ({*chain(*(table.data for table in some.values()))} for some in (made.tables, tables))
    kept = sorted(all_recordings - of_runs)
    if kept:
        say(f"{', '.join(kept)}: no run, so tables and texts stay as they are in {folder}")
    texts = {name: _with_sections(text, folder / f"{name}.md", kept) for name, text in made.texts.items()}
    text = made.text(tables) if callable(made.text) else _with_sections(made.text, folder / "table.md", kept)
    if kept:
        head, *sections = text.split(_HEADING)
        text = _HEADING.join([f"{head.rstrip()}\n\n{', '.join(kept)}: of an earlier summary.\n", *sections])
    return replace(made, text=text, tables=tables, texts=texts)


def versions_of(runs: Iterable[Run]) -> pd.DataFrame:
    """The commit that runs were made with: one row per recording, model and commit, with the number of runs."""
    made = [(run.recording, run.model_name, run.facts.get("commit") or "unknown") for run in runs]
    columns = ["data", "model", "commit"]
    return pd.DataFrame(made, columns=columns).groupby(columns).size().rename("runs").reset_index()


def _with_rows(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    earlier = pd.read_csv(path) if path.is_file() else table[:0]
    filled = [rows for rows in (table, earlier[~earlier.data.isin(table.data)]) if len(rows)]
    return pd.concat(filled or [table]).sort_values("data", kind="stable", ignore_index=True)


def _with_sections(text: str, path: Path, kept: Collection[str]) -> str:
    head, *sections = text.split(_HEADING)
    earlier = path.read_text(encoding="utf-8").split(_HEADING)[1:] if kept and path.is_file() else []
    sections += [section for section in earlier if section.split("\n", 1)[0] in kept]
    return _HEADING.join([head, *sorted(section.rstrip("\n") + "\n" for section in sections)])
