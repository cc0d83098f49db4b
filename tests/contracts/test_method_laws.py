"""Every method of connectivity on disk keeps the laws of methods."""

from __future__ import annotations

import pytest
from hydra.utils import instantiate
from laws import CONF, names
from omegaconf import OmegaConf

from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.testing import MethodLaws


class TestMethodsOnDisk(MethodLaws):
    @pytest.fixture(params=names("method"))
    def method(self, request: pytest.FixtureRequest) -> ConnectivityMethod:
        """Every method on disk, from its yaml."""
        found = instantiate(OmegaConf.load(CONF / "method" / f"{request.param}.yaml"))
        assert isinstance(found, ConnectivityMethod)
        assert found.name == request.param
        return found
