"""Every model on disk that claims connectivity keeps the laws of claims; SynapsNet's does not know the gauge."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest
import torch
from hydra.utils import get_class
from laws import from_disk, is_unconnected, model_config, names, trained

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity_forecaster import ConnectivityForecaster
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.testing import ConnectivityLaws, Recipe
from synapsnet.testing.laws.connectivity import windows

CLAIMANTS = [
    name for name in names("model") if issubclass(get_class(model_config(name)["_target_"]), ConnectivityForecaster)
]


def test_some_models_claim_connectivity_and_some_do_not() -> None:
    assert set() < set(CLAIMANTS) < set(names("model"))


class TestClaimsOnDisk(ConnectivityLaws):
    @pytest.fixture(scope="class", params=CLAIMANTS)
    @classmethod
    def recipe(cls, request: pytest.FixtureRequest) -> Recipe:
        return partial(from_disk, request.param)

    def has_edges(self, model: Forecaster) -> bool:
        return not is_unconnected(model)


@pytest.mark.parametrize("decoder", names("model/decoder"))
def test_flipping_the_gauge_flips_raw_but_not_effective_connectivity(decoder: str, task: Task) -> None:
    model = trained("synapsnet_plain", task, f"model/decoder={decoder}", steps=20)
    assert isinstance(model, SynapsNet)
    given = windows(task, 0)
    raw, effective = model.raw_connectivity(0), model.effective_connectivity(*given, 1)[0]
    flip_currents(model)
    torch.testing.assert_close(model.raw_connectivity(0), -2 * raw)
    torch.testing.assert_close(model.effective_connectivity(*given, 1)[0], effective, rtol=1e-3, atol=1e-6)


@torch.no_grad()
def flip_currents(model: SynapsNet) -> None:
    """Scale A by -2 and what any decoder hears of the current by -1/2: the forecast stays as it is."""
    decoder = cast(Any, model.members[0]).decoder
    features = decoder.features
    decoder.features = lambda inputs, currents, slow, first: features(inputs, currents / -2, slow, first)
    for weights in model.connectivity.weights:
        weights.mul_(-2)
