"""The study of horizons: models without behavior have one row."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from experiments.horizon.summarize import CALIBRATIONS, HORIZONS, text_of

RESULTS = Path(__file__).resolve().parents[2] / "experiments" / "horizon" / "results"


@pytest.fixture(scope="module")
def committed() -> dict[str, pd.DataFrame]:
    return {name: pd.read_csv(RESULTS / f"{name}.csv") for name in (HORIZONS, CALIBRATIONS)}


def test_rows_of_given_behavior_are_those_of_models_that_hear_it(committed: dict[str, pd.DataFrame]) -> None:
    horizons = committed[HORIZONS]
    means = horizons.groupby(["data", "model", "behavior"]).mse.mean().unstack()
    hear = (means.frozen - means.given).abs() > 0
    for data, block in horizons.groupby("data"):
        text = text_of({HORIZONS: block, CALIBRATIONS: committed[CALIBRATIONS]})
        for model in set(block.model):
            assert f"| {model} |" in text
            assert (f"| {model}, behavior given |" in text) == hear[data, model]
