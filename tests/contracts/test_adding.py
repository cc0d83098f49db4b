"""Adding a part is one file and one yaml, in a package of another lab, without an edit anywhere else."""

from __future__ import annotations

import csv
import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command import QUICK, Command, in_new_process
from runs import scores

import synapsnet as sn

FILES = {
    "__init__.py": "",
    "model.py": '''
import torch

from synapsnet.models.trained import TrainedForecaster


class Decay(TrainedForecaster):
    """A unit's next bin follows its last one, by one factor a session."""

    def __init__(self, *, spec, likelihood, start):
        super().__init__(spec=spec, likelihood=likelihood)
        self.factors = torch.nn.ParameterList(torch.full((1,), start) for _ in spec.sessions)

    def drive(self, inputs, behavior, session, slow):
        return inputs * self.factors[session]
''',
    "network.py": """
import numpy as np

from synapsnet.data.simulate.simulation import Simulation
from synapsnet.session import Session


def simulate_pair(*, n_bins: int, seed: int) -> Simulation:
    rng = np.random.default_rng(seed)
    first = rng.poisson(1.0, n_bins)
    second = rng.poisson(0.5 + 0.5 * np.roll(first, 1))
    activity = np.column_stack([first, second, rng.poisson(1.0, n_bins)])
    session = Session.from_arrays(activity, bin_width_s=0.02, session_id=f"pair-{seed}")
    truth = np.zeros((3, 3))
    truth[1, 0] = 0.5
    return Simulation(session, truth)
""",
    "method.py": """
import numpy as np

from synapsnet.analysis.methods.base import ConnectivityMethod


class Constant(ConnectivityMethod):
    name = "constant"

    def __init__(self, *, strength):
        self._strength = strength

    def estimate(self, task, session):
        n_units = task.spec.sessions[session].n_units
        return self.answer(task, session, np.full((n_units, n_units), self._strength))
""",
    "metrics/__init__.py": "",
    "metrics/absolute.py": """
import torch

from synapsnet.metrics.base import Metric
from synapsnet.metrics.columns import Column


class AbsoluteErrors(Metric):
    signals = ("spikes", "calcium")
    columns = (Column("mae", "absolute error", order=75, lower_is_better=True),)

    def __init__(self, reference):
        super().__init__(reference)
        self.add_state("total", torch.zeros(len(reference.mean), dtype=torch.float64), dist_reduce_fx="sum")

    def add(self, bins):
        self.total += (bins.predicted - bins.target).abs().sum(0)

    def per_unit(self):
        return {"mae": self.total / self.n_bins}

    def per_session(self):
        return {"mae": self.total.mean(0, keepdim=True) / self.n_bins}
""",
    "readers/__init__.py": "",
    "readers/textual.py": '''"""`*.counts`: one line of whole numbers a bin."""

from pathlib import Path

import numpy as np

from synapsnet.session import Session


def recognises(path):
    return Path(path).suffix == ".counts"


def read(path, *, bin_width_s):
    return [Session.from_arrays(np.loadtxt(path, dtype=int), bin_width_s=0.02, session_id=Path(path).stem)]
''',
    "sources/__init__.py": "",
    "sources/lab.py": '''"""The lab's shelf."""

import numpy as np

TITLE = "Counts from the lab's shelf"
CITATION = "A lab, 2026"
LICENCE = "CC0"
TASKS = ()


def fetch(folder, select):
    rng = np.random.default_rng(0)
    np.savetxt(folder / "shelf.counts", rng.poisson(1.0, (600, 5)), fmt="%d")
    return [folder / "shelf.counts"]
''',
    "conf/model/decay.yaml": "_target_: mylab.model.Decay\n_partial_: true\nstart: 0.1\ntuned: {lr: 1.0e-2}\n",
    "conf/data/network/pair.yaml": (
        "_target_: mylab.network.simulate_pair\nn_bins: 1500\nseed: ${data.network_seed}\n"
    ),
    "conf/method/constant.yaml": "# @package methods.constant\n_target_: mylab.method.Constant\nstrength: 0.25\n",
    "conf/data/lab.yaml": "defaults: [neuropixels, _self_]\nnetwork: null\n",
    "conf/experiment/mystudy.yaml": (
        "# @package _global_\ndefaults:\n  - override /method: [constant]\nreference_models: [mean]\n"
        "hydra: {run: {dir: 'outputs/mystudy/${choices.model}/seed${seed}'}}\n"
    ),
}


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, ...]]:
    """The package of another lab, and how a command line names it."""
    site = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        path = site / "mylab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(str(site))
    yield "--config-dir", str(site / "mylab" / "conf"), "trusted_packages=[mylab]"
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylab"]:
        del sys.modules[name]


def test_a_model_trains_is_scored_loads_and_stands_in_tables(
    lab: tuple[str, ...], train: Command, sessions: Path
) -> None:
    done = train(*lab, "model=decay", *QUICK, f"data.root={sessions}", "trainer.max_epochs=2", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert "decay " in done.out
    path = train.folder / "run" / "checkpoints" / "best.ckpt"
    with pytest.raises(sn.UserError, match="not a part of synapsnet"):
        sn.load(path)
    model = sn.load(path, trust=["mylab"])
    assert np.isfinite(model.forecast(sn.read(sessions / "s0.npz"))[5:]).all()
    done = train(*lab, "mode=test", f"ckpt_path={path}", *QUICK)
    assert done.code == 0, done.err
    (evaluation,) = (train.folder / "run" / "evaluations").iterdir()
    assert scores(evaluation)["mean"]["nll"] == pytest.approx(scores(train.folder / "run")["mean"]["nll"])
    swept = train("-m", *lab, "model=decay,mean", *QUICK, f"data.root={sessions}", "debug=fast", "hydra.sweep.dir=s")
    assert swept.code == 0, swept.out
    with (train.folder / "s" / "sweep_table.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)] == ["decay", "mean"]


def test_a_metric_is_scored_in_its_own_direction(lab: tuple[str, ...], train: Command, sessions: Path) -> None:
    quick = [setting for setting in QUICK if not setting.startswith("reference_models")]
    done = train(
        *lab, "model=mean", "reference_models=[persistence]", *quick, f"data.root={sessions}", "hydra.run.dir=run"
    )
    assert done.code == 0, done.err
    assert "absolute error ↓" in done.out
    results = scores(train.folder / "run")
    assert results["mean"]["mae"] > 0
    assert results["references"]["persistence"]["mean"]["mae"] > 0
    with (train.folder / "run" / "unit_metrics.csv").open() as file:
        assert all(float(row["mae"]) > 0 for row in csv.DictReader(file))


def test_a_network_and_a_method_are_scored_against_the_truth(lab: tuple[str, ...], train: Command) -> None:
    named = ("data=simulated", "data/network=pair", "method=[lagged_correlation,constant]")
    done = train(*lab, "model=synapsnet", *named, *QUICK, "trainer.max_epochs=2", "hydra.run.dir=run")
    assert done.code == 0, done.err
    with (train.folder / "run" / "recovery.csv").open() as file:
        rows = {row["method"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"synapsnet", "lagged_correlation", "constant"}
    assert float(rows["lagged_correlation"]["auroc"]) > 0.9
    with np.load(train.folder / "run" / "connectivity.npz") as arrays:
        assert arrays["pair-0/method/constant"][0, 1] == 0.25


def test_a_reader_and_a_source_prepare_inspect_and_train(lab: tuple[str, ...], train: Command) -> None:
    prepared = in_new_process(
        train.folder, "-m", "synapsnet.data", "prepare", "lab", "--trust", "mylab", "--out", "data", "--cache", "cache"
    )
    assert prepared.returncode == 0, prepared.stderr
    done = train(*lab, "data=lab", "model=mean", *QUICK, "data.root=data", "hydra.run.dir=run")
    assert done.code == 0, done.err
    assert list(scores(train.folder / "run")["sessions"]) == ["shelf"]
    np.savetxt(train.folder / "own.counts", np.random.default_rng(1).poisson(1.0, (600, 4)), fmt="%d")
    done = train(*lab, "model=mean", *QUICK, "data.root=own.counts", "hydra.run.dir=own")
    assert done.code == 0, done.err
    inspected = in_new_process(
        train.folder, "-m", "synapsnet.data", "inspect", "own.counts", "--trust", "mylab", "--max-figures", "0"
    )
    assert inspected.returncode == 0, inspected.stderr
    assert "4 units" in inspected.stdout
    steps = [shlex.split(line.partition("   (")[0]) for line in inspected.stdout.splitlines()]
    assert [step[-1] for step in steps if step[:1] == ["train:"]] == ["trusted_packages=[mylab]"]
    assert [step[-2:] for step in steps if step[:1] == ["prepare:"]] == [["--trust", "mylab"]]
    (train.folder / "counts").mkdir()
    (train.folder / "own.counts").rename(train.folder / "counts" / "own.counts")
    (train.folder / "counts" / "bad.counts").write_text("1 2\n3\n")
    done = train(*lab, "model=mean", *QUICK, "data.root=counts", "data.strict=false", "hydra.run.dir=without")
    assert done.code == 0, done.err
    assert "bad.counts: the reader mylab.readers.textual failed: ValueError: " in done.out + done.err
    done = train(*lab, "model=mean", *QUICK, "data.root=counts/bad.counts", "hydra.run.dir=bad")
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    train.monkeypatch.setenv("SYNAPSNET_TRUSTED", "")  # which a job hands down to the processes that it starts
    unknown = in_new_process(train.folder, "-m", "synapsnet.data", "inspect", "own.counts")
    assert unknown.returncode == 2  # the format of a package that is not named


def test_a_study_is_a_yaml(lab: tuple[str, ...], train: Command, sessions: Path) -> None:
    quick = [setting for setting in QUICK if not setting.startswith("reference_models")]
    done = train(
        *lab,
        "experiment=mystudy",
        "model=decay",
        *quick,
        f"data.root={sessions}",
        "debug=fast",
        "reference_models=[mean]",
    )
    assert done.code == 0, done.err
    run = train.folder / "outputs" / "mystudy" / "decay" / "seed0"
    assert json.loads((run / "test_metrics.json").read_text())["model"] == "decay"
