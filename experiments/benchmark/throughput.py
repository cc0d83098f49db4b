"""Throughput of training: every trained model, and SynapsNet with every decoder, next to a plain reference."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hydra.utils import get_class

from experiments.benchmark._kit import Plan, Table, in_turns, ratio
from experiments.benchmark._reference import WINDOW_BINS, reference_rate
from experiments.benchmark._training import composed, real_loop
from experiments.forecasting.study import MODELS
from synapsnet.configuration import conf_folder
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.experiment.build import Config, build_data
from synapsnet.models.closed_form import ClosedFormForecaster

REFERENCE = f"plain GRU, a window of {WINDOW_BINS} bins a target"
DECODERS = sorted(path.stem for path in (conf_folder() / "model" / "decoder").glob("*.yaml"))


class OwnCode(NamedTuple):
    """The authors' code of a rival.

    Attributes:
        repository: Its repository on GitHub.
        file: The file there that has the model.
        row: Its row in the table.
    """

    repository: str
    file: str
    row: str


OWN_CODE = {
    "netformer": OwnCode(
        "NeuroAIHub/NetFormer", "NetFormer/models.py", "NetFormer by its authors' code, a window of 60 bins a target"
    ),
    "poco": OwnCode(
        "yuvenduan/POCO",
        "zapbench_scripts/standalone_poco.py",
        "POCO by its authors' code, a window of 64 bins for 16 targets",
    ),
}


def measured(plan: Plan) -> Table:
    """Scored unit-bins per CPU second in the real loop, and their ratio to the reference in the same turn."""
    gru = composed(*plan.data, "model=synapsnet_plain", "model/decoder=gru")
    task = build_data(gru["data"]).task
    rates: dict[str, Callable[[], float]] = {REFERENCE: partial(reference_rate, task, gru, max(plan.steps // 6, 1))}
    rates |= {f"`{name}`": partial(_rate, task, config, plan.steps) for name, config in contestants(*plan.data).items()}
    rates |= {OWN_CODE[rival].row: partial(own_loop, task, plan, rival) for rival in plan.clones}
    found = in_turns(rates, plan.repeats)
    rows = [
        (name, f"{statistics.median(values):,.0f}", f"{ratio(values, found[REFERENCE]):.1f}")
        for name, values in sorted(found.items(), key=lambda item: -statistics.median(item[1]))
    ]
    (session,) = task.spec.sessions
    return Table(
        "Throughput of training",
        f"{session.session_id}, {session.n_units} units, {session.n_train_bins} train bins",
        ("model", "scored unit-bins per CPU second", "times the reference"),
        rows,
    )


def contestants(*data: str) -> dict[str, Config]:
    """Configurations of every model that is trained by gradient, and of SynapsNet with its other decoders."""
    configs = {name: composed(*data, f"model={name}") for name in MODELS}
    trained = {name: config for name, config in configs.items() if _is_trained(config)}
    for name in ("synapsnet", "synapsnet_plain"):
        for decoder in DECODERS:
            config = composed(*data, f"model={name}", f"model/decoder={decoder}")
            trained |= {f"{name} model/decoder={decoder}": config} if config != configs[name] else {}
    return trained


def _is_trained(config: Config) -> bool:
    return not issubclass(get_class(config["model"]["_target_"]), ClosedFormForecaster)


def own_loop(task: Task, plan: Plan, rival: str) -> float:
    """The rate of a rival's own code on the first piece of the train split."""
    (session,), (start, stop) = task.sessions, task.pieces[0]["train"][0]
    with tempfile.TemporaryDirectory() as folder:
        np.save(path := Path(folder) / "activity.npy", session.activity[start:stop].float().numpy())
        printed = own_code(rival, "_own_loop.py", rival, str(plan.clones[rival]), str(path), str(plan.steps))
    return float(printed.split()[-1])


def own_code(rival: str, script: str, *arguments: str) -> str:
    """Standard output of a script that runs a rival's own code."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"exit code {done.returncode}"
        raise UserError(f"{rival}'s own code failed: {said.splitlines()[-1]}")
    return done.stdout


def _rate(task: Task, config: Config, n_steps: int) -> float:
    return real_loop(task, config, n_steps).rate
