"""Many sessions cost as much each as few do: no model reads one session again for every other."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import pytest
import torch
from laws import build, names, simulated, small_task

from synapsnet.data.task import Task
from synapsnet.models.base import Forecaster
from synapsnet.models.closed_form import ClosedFormForecaster
from synapsnet.models.hooks import Finishing, Selecting
from synapsnet.session import Batch, Batches

N_UNITS = 5
OF_POLISHING = 5  # passes over validation, with the few steps and prior odds of these tests


class Counted:
    """Batches that count how many were cut."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self.cut = 0

    def __iter__(self) -> Iterator[Batch]:
        return self._counted(self._batches)

    def of_session(self, session: int) -> Iterator[Batch]:
        return self._counted(self._batches.of_session(session))

    def _counted(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self.cut += 1
            yield batch


def task_of(n_sessions: int) -> Task:
    sessions = simulated("levels", n_bins=400, units=(N_UNITS,) * n_sessions)
    return small_task(sessions, "levels")


@functools.cache
def passes(name: str, n_sessions: int) -> tuple[float, float, int]:
    """Number of times that fitting by formula, selecting or finishing reads the train split and the validation split.

    And how often it polishes, which is one more for a SynapsNet that does not need its unobserved neurons.
    """
    task = task_of(n_sessions)
    model: Forecaster = build(name, task.spec)
    said = list[str]()
    splits = [task.loader(split, batch_size=16) for split in ("train", "validation")]
    train, validation = (Counted(split) for split in splits)
    if isinstance(model, ClosedFormForecaster):
        model.fit_closed_form(train, validation)
    if isinstance(model, Selecting):
        model.select(validation)
    if isinstance(model, Finishing):
        torch.manual_seed(0)
        said = model.finish(train, validation, task.train_loader(batch_size=4, seed=0), budget=8)
    n_polished = sum("polished and refined again" in line for line in said)
    return train.cut / len(splits[0]), validation.cut / len(splits[1]), n_polished


def without_polishing(found: tuple[float, float, int]) -> tuple[float, float]:
    """The passes less those of polishing: a refinement reads the train split once, and both read validation."""
    train, validation, n_polished = found
    return train - n_polished, validation - OF_POLISHING * n_polished


@pytest.mark.parametrize("n_sessions", [4, 8])
@pytest.mark.parametrize("name", names("model"))
def test_the_number_of_passes_does_not_grow_with_the_sessions(name: str, n_sessions: int) -> None:
    assert without_polishing(passes(name, n_sessions)) == without_polishing(passes(name, 2))


def test_connections_are_refined_in_two_passes_over_train_whatever_the_number_of_sessions() -> None:
    """Each side of the committee in one, and another one after each polishing; one more for the shape of residuals."""
    train, _, n_polished = passes("synapsnet", 8)
    assert n_polished in (1, 2)
    assert train == 3 + n_polished
