"""Recordings are named by where they lie and what is forecast of them."""

from __future__ import annotations

from synapsnet.experiment.resolvers import recording_name


def test_a_task_may_be_named_by_a_number() -> None:
    for task in (2019, "2019"):
        assert recording_name("mice", task) == "mice-2019"


def test_a_folder_may_be_named_by_a_number() -> None:
    assert recording_name(2019) == "2019"
