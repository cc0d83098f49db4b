"""A run on more units than matrices of all pairs can hold, here more than three."""

from __future__ import annotations

import json

import numpy as np
import pytest
from command import LIGHT, Command, write_recording
from numpy.testing import assert_array_equal

from synapsnet.models import pairs
from synapsnet.results.connectivity import read_connectivity

FORM = ("model=synapsnet", "model/connectivity=low_rank_sparse", "model.connectivity.candidates=3")
SETTINGS = (*[setting for setting in LIGHT if "log_odds" not in setting and "figures" not in setting],)
QUICKLY = (*SETTINGS, "trainer.max_steps=3", "callbacks.connectivity.max_windows=4")


@pytest.fixture(autouse=True)
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MOST_UNITS", 3)
    monkeypatch.setattr("synapsnet.training.callbacks.connectivity.STRONGEST", 2)


def test_a_run_keeps_the_strongest_edges_and_says_what_it_leaves_out(train: Command) -> None:
    root = write_recording(train.folder / "mouse.npz")
    references = ("reference_models=[ar,var]",)
    done = train(*FORM, *QUICKLY, *references, f"data.root={root}", "model.units_per_batch=2", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert "keeps the 2 strongest edges to each unit" in done.out
    assert "1 not looked at, because they are large or many" in done.out
    assert "reference var is left out: a vector autoregression holds a number for every pair of units" in done.out
    scores = json.loads((train.folder / "run" / "test_metrics.json").read_text())
    assert set(scores["references"]) == {"ar"}
    (connectivity,) = read_connectivity(train.folder / "run" / "connectivity.npz").values()
    n_units = len(connectivity.unit_ids)
    assert n_units > 3
    assert connectivity.effective is connectivity.raw is None
    senders = connectivity.strongest["senders"]
    assert senders.shape == connectivity.strongest["effective"].shape == (n_units, 2)
    assert not (senders == np.arange(n_units)[:, None]).any()
    edges = connectivity.to_frame()
    assert len(edges) == 2 * n_units
    assert_array_equal(edges["effective"], connectivity.strongest["effective"].ravel())
    assert (edges["post"] != edges["pre"]).all()


@pytest.mark.parametrize(
    "model", ["model=var", "model=glm", "model=netformer", "model=synapsnet_plain", "model=synapsnet"]
)
def test_a_model_of_all_pairs_is_refused_with_what_to_do(model: str, train: Command) -> None:
    root = write_recording(train.folder / "mouse.npz")
    done = train(model, "logger=csv", f"data.root={root}", "data.context_bins=5", "data.window_bins=20")
    assert done.code == 2
    assert "stops at 3 units" in done.err
    assert "model/connectivity=low_rank_sparse" in done.err
    assert "Traceback" not in done.err
