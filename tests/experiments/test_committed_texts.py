"""Texts of a study are made from its tables: a recording can be renewed alone, and a table be checked by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from experiments._summary import as_written
from experiments.ablations import summarize as ablations
from experiments.connectivity import summarize as connectivity
from experiments.horizon import summarize as horizon
from experiments.transfer import summarize as transfer

RESULTS = Path(__file__).resolve().parents[2] / "experiments"
OF_RUNS = "runs"  # not shown
STUDIES = {
    "ablations": ablations.text_of,
    "connectivity": connectivity.text,
    "horizon": horizon.text_of,
    "transfer": transfer.text_of,
}


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest) -> tuple[Path, Callable[[dict[str, pd.DataFrame]], str]]:
    return RESULTS / request.param / "results", STUDIES[request.param]


def tables_of(folder: Path) -> dict[str, pd.DataFrame]:
    return {path.stem: pd.read_csv(path) for path in folder.glob("*.csv") if path.stem != OF_RUNS}


def test_the_committed_text_is_that_of_the_committed_tables(study: tuple[Path, Callable]) -> None:
    folder, text_of = study
    written = (folder / "table.md").read_text(encoding="utf-8")
    assert text_of(tables_of(folder)) == re.sub(r"\n\n[^\n]+: of an earlier summary\.", "", written)


def test_a_text_is_the_same_from_the_numbers_of_a_file(study: tuple[Path, Callable]) -> None:
    folder, text_of = study
    committed = tables_of(folder)
    exact = {name: table.assign(**(table.select_dtypes("float") * (1 + 3e-7))) for name, table in committed.items()}
    assert text_of({name: as_written(table) for name, table in exact.items()}) == text_of(committed)
