"""Online latency: the time between a bin and the forecast of the next, for hundreds of units."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from functools import partial

import numpy as np

from experiments.benchmark._kit import Plan, Table, in_turns
from experiments.benchmark._training import composed, fresh
from synapsnet.experiment.build import build_data

_RIVALS = ("lstm", "var", "tsmixer", "netformer", "poco")
_MODELS = ("synapsnet", "synapsnet_plain", "synapsnet model/decoder=gru", "synapsnet_plain model/decoder=gru", *_RIVALS)
_UNITS, _QUICK_UNITS = 500, 8
_BINS, _QUICK_BINS = 300, 10  # forecast


def measured(plan: Plan) -> Table:
    """CPU milliseconds a bin of untrained models, in which all members of a committee speak: the most that it can cost.

    A plan's recording is not used.
    """
    n_units = _QUICK_UNITS if plan.quick else _UNITS
    n_bins = _QUICK_BINS if plan.quick else _BINS
    measures = {
        name: partial(latencies, name.split(), n_units, n_bins) for name in _MODELS[: 2 if plan.quick else None]
    }
    rows = []
    for name, turns in in_turns(measures, plan.repeats).items():
        middle, late, worst = (statistics.median(np.quantile(turn, q) for turn in turns) for q in (0.5, 0.99, 1))
        rows.append((f"`{name}`", *(f"{milliseconds:.2f}" for milliseconds in (middle, late, worst))))
    return Table(
        "Online forecasts",
        f"{n_units} simulated units, {n_bins} bins after the context; from a bin to the forecast of the next",
        ("model", "median CPU ms a bin", "99 % of bins", "slowest bin"),
        rows,
    )


def latencies(settings: Sequence[str], n_units: int, n_bins: int) -> list[float]:
    """CPU milliseconds of each bin that is forecast.

    Args:
        settings: The model, as overrides without ``model=``.
        n_units: Number of units.
        n_bins: Number of bins after the context.
    """
    network = (f"data.network.n_units={n_units}", "data.network.duration_s=200", "data.min_rate=0")
    config = composed(f"model={settings[0]}", *settings[1:], *network)
    task = build_data(config["data"]).task
    online = fresh(task, config).eval().online()
    counts = np.random.default_rng(0).poisson(0.2, (task.spec.context_bins + n_bins, n_units))
    spent = []
    for row in counts:
        start = time.process_time()
        online.step(row)
        spent.append(1e3 * (time.process_time() - start))
    return spent[task.spec.context_bins :]
