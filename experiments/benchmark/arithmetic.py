"""Arithmetic: the share of the machine's rate of matrix products that a training step reaches."""

from __future__ import annotations

import math
import statistics
import time
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from experiments.benchmark._kit import Plan, Table, in_turns, ratio
from experiments.benchmark._training import WARM_UP_STEPS, composed, descend, fresh
from synapsnet.data.task import Task
from synapsnet.experiment.build import Config, build_data, build_optimizer

_PRODUCT = "a product of two matrices"
_MODELS = ("synapsnet", "synapsnet_plain")
_MATRIX, _QUICK_MATRIX = 2048, 256  # rows and columns
_PRODUCTS = 5
_Shape = tuple[int, ...]


def measured(plan: Plan) -> Table:
    """Floating-point operations per CPU second, and their share of what a large matrix product reaches in that turn."""
    configs = {name: composed(*plan.data, f"model={name}") for name in _MODELS}
    task = build_data(configs[_MODELS[0]]["data"]).task
    flops = {name: flops_of_step(task, config) for name, config in configs.items()}
    size = _QUICK_MATRIX if plan.quick else _MATRIX
    seconds = in_turns(
        {_PRODUCT: partial(_seconds_of_product, size)}
        | {name: partial(seconds_of_step, task, config, plan.steps) for name, config in configs.items()},
        plan.repeats,
    )
    flops[_PRODUCT] = 2 * size**3
    rates = {name: [flops[name] / of_turn for of_turn in values] for name, values in seconds.items()}
    rows = [
        (
            _PRODUCT if name == _PRODUCT else f"`{name}`",
            f"{flops[name] / 1e9:.3f}",
            f"{statistics.median(seconds[name]) * 1e3:.1f}",
            f"{statistics.median(values) / 1e9:.1f}",
            f"{ratio(values, rates[_PRODUCT]):.1%}",
        )
        for name, values in rates.items()
    ]
    return Table(
        "Arithmetic",
        f"steps on one batch, and products of {size} x {size} in float32",
        ("step", "GFLOP of products", "CPU ms", "GFLOP per CPU second", "share of the machine's rate"),
        rows,
    )


def flops_of_step(task: Task, config: Config) -> int:
    """Floating-point operations in the matrix products of one training step; others are not counted."""
    model = fresh(task, config)
    optimizer, _ = build_optimizer(config["optimizer"], model)(model, total_steps=1)
    batch = next(iter(task.train_loader(batch_size=config["data"]["batch_size"], seed=0)))
    with FlopCounterMode(display=False, custom_mapping=_RECURRENT) as counter:
        descend(model, optimizer, batch, config["trainer"]["gradient_clip_val"])
    return int(counter.get_total_flops())


def _of_recurrent_layer(inputs: _Shape, weights: _Shape, recurrent: _Shape, *_: object, **__: object) -> int:
    return 2 * math.prod(inputs[:-1]) * (math.prod(weights) + math.prod(recurrent))


def _of_its_gradient(inputs: _Shape, weights: _Shape, recurrent: _Shape, *_: object, **__: object) -> int:
    return 2 * _of_recurrent_layer(inputs, weights, recurrent)


_RECURRENT = {  # torch has no formulas for the LSTM layers of its CPU build
    torch.ops.aten.mkldnn_rnn_layer: _of_recurrent_layer,
    torch.ops.aten.mkldnn_rnn_layer_backward: _of_its_gradient,
}


def seconds_of_step(task: Task, config: Config, n_steps: int) -> float:
    """Mean CPU seconds of a training step, always on the batch of `flops_of_step`."""
    model = fresh(task, config)
    optimizer, _ = build_optimizer(config["optimizer"], model)(model, total_steps=n_steps)
    batch = next(iter(task.train_loader(batch_size=config["data"]["batch_size"], seed=0)))
    start = 0.0
    for step in range(WARM_UP_STEPS + n_steps):
        if step == WARM_UP_STEPS:
            start = time.process_time()
        descend(model, optimizer, batch, config["trainer"]["gradient_clip_val"])
    return (time.process_time() - start) / n_steps


def _seconds_of_product(size: int) -> float:
    left, right = torch.randn(2, size, size)
    torch.mm(left, right)
    start = time.process_time()
    for _ in range(_PRODUCTS):
        torch.mm(left, right)
    return (time.process_time() - start) / _PRODUCTS
