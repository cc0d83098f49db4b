"""Every model on disk keeps the laws of models; in SynapsNet, connectivity is the only path between units."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from laws import from_disk, is_unconnected, names, trained
from torch import Tensor

from synapsnet.data.task import Task
from synapsnet.models.autoregressive import Autoregressive
from synapsnet.models.base import Forecaster
from synapsnet.models.mean import Mean
from synapsnet.models.nlinear import Nlinear
from synapsnet.models.persistence import Persistence
from synapsnet.testing import ModelLaws, Recipe
from synapsnet.testing.laws.under_test import batches


class TestModelsOnDisk(ModelLaws):
    @pytest.fixture(scope="class", params=names("model"))
    @classmethod
    def recipe(cls, request: pytest.FixtureRequest) -> Recipe:
        return partial(from_disk, request.param)

    def idle(self, model: Forecaster) -> set[str]:
        """Without connectivity there is no current to filter."""
        names = (name for name, _ in model.named_parameters() if "current_filters" in name)
        return set(names) if is_unconnected(model) else set()

    def sees_the_past(self, model: Forecaster) -> bool:
        return not isinstance(model, Mean)

    def separates_units(self, model: Forecaster) -> bool:
        return isinstance(model, Mean | Persistence | Autoregressive | Nlinear) or is_unconnected(model)


@pytest.fixture(scope="class")
def synapsnet(decoder: str, connectivity: str, task: Task) -> Forecaster:
    """SynapsNet away from its start, fitted once for all laws."""
    return trained("synapsnet_plain", task, f"model/decoder={decoder}", f"model/connectivity={connectivity}")


@pytest.mark.parametrize("decoder", names("model/decoder"), scope="class")
@pytest.mark.parametrize("connectivity", names("model/connectivity"), scope="class")
class TestConnectivityIsTheOnlyPath:
    """The law of SynapsNet, for every decoder and every connectivity on disk."""

    @pytest.fixture
    def jacobian(self, synapsnet: Any, task: Task) -> Callable[[Tensor], Tensor]:
        batch = batches(task)[0]

        def compute(matrix: Tensor) -> Tensor:
            """Summed absolute Jacobian ``[post, pre]`` of the last step, were ``matrix`` the connectivity."""
            past = batch.past[:6].clone().requires_grad_()
            inputs = synapsnet.inputs(past, 0)
            drive = synapsnet.departure(inputs, inputs @ matrix.T, batch.behavior[:6], 0, batch.slow[:6])[:, -1]
            rows = [
                torch.autograd.grad(drive[:, unit].sum(), past, retain_graph=True)[0].abs().sum((0, 1))
                for unit in range(past.shape[2])
            ]
            return torch.stack(rows)

        return compute

    def test_without_connectivity_no_unit_hears_another(self, jacobian: Callable[[Tensor], Tensor]) -> None:
        found = jacobian(torch.zeros(17, 17))
        assert (found.diagonal() > 0).all()
        assert not (found - torch.diag(found.diagonal())).any()

    def test_one_edge_opens_one_path(self, jacobian: Callable[[Tensor], Tensor]) -> None:
        matrix = torch.zeros(17, 17)
        matrix[2, 4] = 1.0
        found = jacobian(matrix)
        off_diagonal = found - torch.diag(found.diagonal())
        assert off_diagonal.nonzero().tolist() == [[2, 4]]

    def test_the_matrix_is_what_makes_the_currents(self, synapsnet: Any, task: Task) -> None:
        inputs = synapsnet.inputs(batches(task)[0].past, 0)
        matrix = synapsnet.connectivity.matrix(0)
        torch.testing.assert_close(synapsnet.connectivity(inputs, 0), inputs @ matrix.T, rtol=1e-4, atol=1e-5)
        assert not matrix.diagonal().any()
        assert bool(matrix.any()) != is_unconnected(synapsnet)
