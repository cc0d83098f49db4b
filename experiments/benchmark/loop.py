"""The cost of Lightning's loop over a bare torch loop."""

from __future__ import annotations

import statistics
from functools import partial

from experiments.benchmark._kit import Plan, Table, in_turns, ratio
from experiments.benchmark._training import Steps, bare_loop, composed, real_loop
from synapsnet.experiment.build import build_data

TARGET = 1.10
_MODELS = ("synapsnet", "synapsnet_plain", "nlinear")  # the last has the cheapest steps, which show the loop most


def measured(plan: Plan) -> Table:
    """CPU time of a step in both loops, of the same model, optimizer and batches."""
    task = build_data(composed(*plan.data)["data"]).task
    loops = {}
    for name in _MODELS:
        config = composed(*plan.data, f"model={name}")
        loops[f"bare {name}"] = partial(bare_loop, task, config, plan.steps)
        loops[name] = partial(real_loop, task, config, plan.steps)
    seconds = {name: [_per_step(steps) for steps in of] for name, of in in_turns(loops, plan.repeats).items()}
    rows = []
    for name in _MODELS:
        ours, bare = seconds[name], seconds[f"bare {name}"]
        both = (f"{statistics.median(values) * 1e3:.2f}" for values in (bare, ours))
        rows.append((f"`{name}`", *both, f"{ratio(ours, bare):.2f}"))
    return Table(
        "Lightning's loop",
        f"the target is a ratio of {TARGET:.2f} or less",
        ("model", "CPU ms a step, bare loop", "CPU ms a step, Lightning's loop", "ratio"),
        rows,
    )


def _per_step(steps: Steps) -> float:
    return sum(steps.seconds) / len(steps.seconds)
