"""Parameter groups and schedules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from synapsnet.training.optimizers import Cosine, OneCycle, Schedule, adamw

SCHEDULES = [
    Cosine(warmup_fraction=0.1, final_fraction=0.01),
    OneCycle(warmup_fraction=0.3, initial_fraction=0.04, final_fraction=0.01),
]


class Model(nn.Module):
    """One parameter of each kind."""

    def __init__(self) -> None:
        super().__init__()
        self.connectivity = nn.Linear(4, 4)
        self.unobserved = nn.Linear(4, 3)
        self.decoder = nn.Linear(4, 2)
        self.embeddings = nn.ParameterList([torch.zeros(4, 3)])
        self.offset = nn.ParameterList([torch.zeros(4)])


def test_groups() -> None:
    model = Model()
    optimizer, _ = adamw(
        model,
        total_steps=100,
        lr=1e-2,
        weight_decay=0.1,
        connectivity={"lr": 1e-3, "weight_decay": 0.5},
        unobserved={"lr": 3e-3, "weight_decay": 0.2},
        schedule=lambda step, total: 1.0,
    )
    groups = {group["name"]: group for group in optimizer.param_groups}
    assert [id(p) for p in groups["weights"]["params"]] == [id(model.decoder.weight)]
    assert {id(p) for p in groups["connectivity"]["params"]} == {id(p) for p in model.connectivity.parameters()}
    assert {id(p) for p in groups["unobserved"]["params"]} == {id(p) for p in model.unobserved.parameters()}
    assert len(groups["undecayed"]["params"]) == 3
    assert [(g["lr"], g["weight_decay"]) for g in groups.values()] == [
        (1e-2, 0.1),
        (1e-2, 0.0),
        (1e-3, 0.5),
        (3e-3, 0.2),
    ]
    assert sum(len(group["params"]) for group in groups.values()) == len(list(model.parameters()))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total_steps", [1, 2, 50, 1000])
def test_schedules_rise_once_to_the_peak_and_fall_to_the_end(schedule: Schedule, total_steps: int) -> None:
    factors = [schedule(step, total_steps) for step in range(total_steps + 1)]
    peak = factors.index(max(factors))
    assert all(0 < factor <= 1 for factor in factors)
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    if total_steps >= 50:
        assert max(factors) == pytest.approx(1.0, abs=0.01)
        assert factors[-1] == pytest.approx(0.01)


def test_the_rates_follow_the_schedule_beyond_its_end() -> None:
    optimizer, schedule = adamw(
        Model(),
        total_steps=3,
        lr=1.0,
        weight_decay=0.0,
        connectivity={"lr": 0.1, "weight_decay": 0.0},
        unobserved={"lr": 0.1, "weight_decay": 0.0},
        schedule=lambda step, total: 1.0 - step / total,
    )
    rates = []
    for _ in range(5):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    assert [rate[0] for rate in rates] == pytest.approx([1.0, 2 / 3, 1 / 3, 0.0, 0.0])
    assert [rate[-1] for rate in rates] == pytest.approx([0.1, 0.2 / 3, 0.1 / 3, 0.0, 0.0])
