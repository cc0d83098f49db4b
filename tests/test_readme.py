"""Python in the guides runs, and what they name exists."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest
import torch
from command import TESTS, in_new_process
from hydra import compose, initialize_config_dir
from laws import simulated, small_task

from synapsnet.likelihoods import default_likelihood

PROJECT = TESTS.parent
GUIDES = (
    "README.md",
    "CONTRIBUTING.md",
    "src/synapsnet/data/README.md",
    "tests/faults/README.md",
    "experiments/README.md",
)
TEXTS = {PROJECT / name: (PROJECT / name).read_text(encoding="utf-8") for name in GUIDES}
PYTHON = [code for text in TEXTS.values() for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]


def named(pattern: str) -> list[tuple[Path, str]]:
    """Whatever the guides name by a pattern, and the folder of the guide."""
    return sorted({(path.parent, found) for path, text in TEXTS.items() for found in re.findall(pattern, text)})


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


@pytest.mark.parametrize(("folder", "command"), named(r"(?m)^(?:srun )?python train\.py (.*)$"))
def test_commands_of_training_compose(folder: Path, command: str) -> None:
    """With the first value of what is swept; commands over several lines, or with a glob, are not among them."""
    if "launcher" in command:
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher", reason="needs the extra sweep")
        pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs the extra sweep")
    given = [word.replace("$SEED", "3") for word in shlex.split(command, comments=True) if word != "-m"]
    with initialize_config_dir(str(PROJECT / "conf"), version_base="1.3"):
        compose("train", overrides=[word.split(",")[0] for word in given], return_hydra_config=True)


@pytest.mark.parametrize(("_", "place"), named(r"`((?:src|conf|tests|experiments)/[\w./-]*)`"))
def test_places_exist(_: Path, place: str) -> None:
    assert "NAME" in place or (PROJECT / place).exists()


@pytest.mark.parametrize(
    ("folder", "place"), named(r"\]\(((?!https?:)[\w./-]+)\)") + named(r"`(test_\w+\.py|slurm\.sh)`")
)
def test_links_lead_somewhere(folder: Path, place: str) -> None:
    assert (folder / place).exists()


@pytest.mark.parametrize(("_", "module"), named(r"python -m (synapsnet[\w.]*)"))
def test_modules_import(_: Path, module: str) -> None:
    importlib.import_module(module)
