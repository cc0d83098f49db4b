"""Every model on disk finds nothing in noise."""

from __future__ import annotations

from functools import partial

import pytest
from laws import from_disk, names

from synapsnet.testing import HonestyLaws, Recipe


class TestHonestyOnDisk(HonestyLaws):
    @pytest.fixture(scope="class", params=names("model"))
    @classmethod
    def recipe(cls, request: pytest.FixtureRequest) -> Recipe:
        return partial(from_disk, request.param)
