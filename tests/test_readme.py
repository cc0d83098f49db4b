"""Python in README runs, and what README names exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
import torch
from command import TESTS, in_new_process
from laws import simulated, small_task

from synapsnet.likelihoods import default_likelihood

PROJECT = TESTS.parent
TEXT = (PROJECT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_of_a_fit_runs(tmp_path: Path) -> None:
    (example,) = (code for code in PYTHON if "sn.fit" in code)
    quick = example.replace("seed=0)", 'seed=0, settings=["trainer.max_steps=20"])')
    done = in_new_process(tmp_path, "-c", quick)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["(20, 20)", "(4000, 20)"]


def test_the_example_of_a_model_trains() -> None:
    (example,) = (code for code in PYTHON if "class Decay" in code)
    names: dict[str, type] = {}
    exec(example, names)
    task = small_task(simulated("spikes"), "spikes")
    model = names["Decay"](spec=task.spec, likelihood=default_likelihood(signal="spikes"), start=0.1)
    for batch in task.loader("train", batch_size=8):
        loss = model.training_loss(batch) + model.penalty()
        loss.backward()
        assert torch.isfinite(loss)
    assert all(parameter.grad is not None for parameter in model.factors)


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`((?:src|conf|tests|experiments)/[\w./-]*)`", TEXT))))
def test_places_exist(place: str) -> None:
    assert "NAME" in place or (PROJECT / place).exists()


@pytest.mark.parametrize("place", sorted(set(re.findall(r"\]\(((?!https?:)[\w./-]+)\)", TEXT))))
def test_links_lead_somewhere(place: str) -> None:
    assert (PROJECT / place).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+\.py|slurm\.sh)`", TEXT))))
def test_tests_of_faults_exist(name: str) -> None:
    assert (TESTS / "faults" / name).exists()


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m (synapsnet[\w.]*)", TEXT))))
def test_modules_import(module: str) -> None:
    importlib.import_module(module)
