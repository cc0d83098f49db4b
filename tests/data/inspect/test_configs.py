"""A data set with a config of its own is trained with it, and what is announced is what that config takes."""

import importlib
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from synapsnet.configuration import options
from synapsnet.data.__main__ import main
from synapsnet.data.training_command import GROUPS
from synapsnet.experiment.build import build_data

CONF = Path(__file__).resolve().parents[3] / "conf"
NAMES = sorted(options("data") - {"base", "simulated", *GROUPS.values()})


def composed(*overrides):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        found = compose("train", overrides=["model=synapsnet", *overrides, "hydra.run.dir=unused"])
    return OmegaConf.to_container(found["data"], resolve=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_look_and_the_archives_name_the_config(name, inspect, capsys):
    importlib.import_module(f"layouts.{name}").write(Path("in"))
    if name in ("allen_vc_npx", "allen_vb_2p"):  # NWB files tell no data set, as `prepare` does
        assert f"data={'neuropixels' if name.endswith('npx') else 'calcium'} " in inspect("in").out
        return
    seen = inspect("in", "--max-figures", 0)
    (command,) = (line.removeprefix("train:") for line in seen.out.splitlines() if line.startswith("train:"))
    assert f"data={name} " in command
    assert f"settings of data={name}" in seen.out
    main(["prepare", "in", "--out", "out", "--jobs", "1"])
    assert f"data={name} data.root=" in capsys.readouterr().out
    again = inspect("out", "--max-figures", 0)
    assert f"data={name} data.root=out" in again.out
    assert "prepare:" not in again.out
    task = build_data(composed(*shlex.split(command)[3:])).task
    assert f" takes {task.spec.sessions[0].n_units:,} of " in again.words


def test_the_data_set_that_was_prepared_by_its_name(inspect, capsys, monkeypatch):
    from synapsnet.data.prepare import origin

    importlib.import_module("layouts.allen_vc_npx").write(Path("cache/allen_vc_npx"))
    monkeypatch.setattr(origin, "download", lambda files, folder: [folder])
    monkeypatch.setattr(origin.sources()["allen_vc_npx"], "files", lambda select: [])
    main(["prepare", "allen_vc_npx", "--cache", "cache", "--out", "out", "--jobs", "1"])
    assert "data=allen_vc_npx data.root=" in capsys.readouterr().out
    seen = inspect("out", "--max-figures", 0)
    assert "data=allen_vc_npx data.root=out" in seen.out
    assert "not among data.behavior" in seen.words
    task = build_data(composed("data=allen_vc_npx", "data.root=out")).task
    assert f" takes {task.spec.sessions[0].n_units:,} of " in seen.words
    assert f" and {len(task.spec.behavior_names)} of " in seen.words


def test_several_data_sets_are_counted_by_their_configs(inspect):
    for name in ("steinmetz2019", "ibl"):
        importlib.import_module(f"layouts.{name}").write(Path("in") / name)
    seen = inspect("in", "--max-figures", 0)
    assert "data sets: ibl (1), steinmetz2019 (1); units are taken by the settings of each" in seen.out
    assert "data=neuropixels data.root=in" in seen.out
