"""Settings of section ``data`` are checked once, and every complaint names its key."""

from __future__ import annotations

from typing import Any

import pytest
from laws import data_settings, default_section, names

from synapsnet.configuration import section
from synapsnet.data.settings import DataSettings
from synapsnet.errors import UserError

SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}


@pytest.mark.parametrize("name", [name for name in names("data") if name != "simulated"])
def test_files_read_without_hydra_say_the_same(name: str) -> None:
    assert DataSettings.of({**section("data", name), "name": "simulated"}) == data_settings(name)


def test_every_key_of_the_configuration_is_a_setting_and_the_other_way_round() -> None:
    assert default_section("base").keys() == DataSettings.__annotations__.keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rooot": "x"}, "data has no setting rooot (did you mean data.root?)"),
        ({"units": {"region": ["VISp"]}}, "data.units has no setting region (did you mean data.units.regions?)"),
        ({"units": {"regions": 3}}, "data.units.regions must be null, a label or a list of labels, got 3"),
        ({"units": {"max_isi_violations": True}}, "data.units.max_isi_violations must be null or a number, got True"),
        ({"units": 3}, "data.units must be null or a mapping, got 3"),
        ({"task": ["2019", "spontaneous"]}, "data.task must be null or the name of one task, got"),
        ({"task": {"2019": 1}}, "data.task must be null or the name of one task, got"),
        ({"task": "a", "tasks": ["b"]}, "data.task=a is not a task of this data set; it has b"),
        ({"context_bins": 20, "window_bins": 12}, "need 1 <= data.context_bins <= data.window_bins, got 20 and 12"),
        ({"context_bins": True}, "data.context_bins must be a whole number above 0, got True"),
        ({"surrogate_seed": -1}, "data.surrogate_seed must be a whole number, 0 or above, got -1"),
        ({"min_rate": float("nan")}, "data.min_rate must be a number, got nan"),
        ({"max_memory": 0}, "data.max_memory must be null or a positive number of gigabytes, got 0"),
        ({"bin_width_s": 0}, "data.bin_width_s must be null or a positive number of seconds, got 0"),
        ({"slow_s": 5}, "data.slow_s must be a list of seconds, got 5"),
        ({"slow_s": [5, "long"]}, "data.slow_s must be a number, got 'long'"),
        ({"slow_s": [20, 5]}, "data.slow_s must be positive and ascending seconds, got [20, 5]"),
        ({"slow_s": [0, 5]}, "data.slow_s must be positive and ascending seconds, got [0, 5]"),
        ({"inputs": "changes"}, "data.inputs must be auto, levels or increments, got 'changes'"),
        ({"fractions": {**SHARES, "train": 0.9}}, "data.fractions must be positive and sum to 1"),
        ({"fractions": {**SHARES, "test": -0.15}}, "data.fractions must be positive and sum to 1"),
        ({"fractions": {"train": 0.7, "test": 0.3}}, "data.fractions.validation is missing"),
        ({"root": 12e4}, "data.root must be null, a path or a list of paths, got 120000.0; quote it"),
        ({"root": []}, "data.root must be null, a path or a list of paths, got []"),
        ({"network": 3}, "data.network must be a mapping, got 3"),
    ],
)
def test_complaints(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refused:
        data_settings(**changes)
    assert message in str(refused.value)


def test_a_key_that_is_missing() -> None:
    given = default_section("base")
    with pytest.raises(UserError, match=r"data\.min_rate is missing"):
        DataSettings.of({key: value for key, value in given.items() if key != "min_rate"})
