"""The study of horizons: its texts are written from its tables, and models without behavior have one row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments._study import as_written
from experiments.horizon.summarize import CALIBRATIONS, HORIZONS, text_of

RESULTS = Path(__file__).resolve().parents[2] / "experiments" / "horizon" / "results"


@pytest.fixture(scope="module")
def committed() -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(RESULTS / f"{name}.csv") for name in (HORIZONS, CALIBRATIONS)}


def test_the_committed_text_is_that_of_the_committed_tables(committed: dict[str, pd.DataFrame]) -> None:
    assert text_of(committed) == (RESULTS / "table.md").read_text(encoding="utf-8")


def test_a_text_is_the_same_from_the_numbers_of_a_file(committed: dict[str, pd.DataFrame]) -> None:
    exact = {name: table.assign(**(table.select_dtypes("float") * (1 + 3e-7))) for name, table in committed.items()}
    assert text_of({name: as_written(table) for name, table in exact.items()}) == text_of(committed)


def test_rows_of_given_behavior_are_those_of_models_that_hear_it(committed: dict[str, pd.DataFrame]) -> None:
    horizons = committed[HORIZONS]
    means = horizons.groupby(["data", "model", "behavior"]).mse.mean().unstack()
    hear = (means.frozen - means.given).abs() > 0
    for data, block in horizons.groupby("data"):
        text = text_of({HORIZONS: block, CALIBRATIONS: committed[CALIBRATIONS]})
        for model in set(block.model):
            assert f"| {model} |" in text
            assert (f"| {model}, behavior given |" in text) == hear[data, model]
