"""Training does what is announced, and the numbers are those of the recorded bins."""

import shlex
from dataclasses import replace

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from inspected import planted, recorded

from synapsnet.data.inspect.facts import identical_units, unit_facts
from synapsnet.data.inspect.next_steps import next_steps
from synapsnet.data.inspect.outlook import outlook, settings_of
from synapsnet.data.readers import read_sessions
from synapsnet.data.task import build_task
from synapsnet.data.training_command import config_of


@pytest.mark.parametrize("bin_width_s", [None, 0.04])
def test_training_takes_what_is_announced(bin_width_s):
    many = recorded(n_units=40, n_bins=2000)
    rates = np.geomspace(1e-3, 1, 40)
    table = {"isi_violations": np.tile([0.1, 0.4, np.nan, 0.6], 10)}
    sparse = replace(
        many, activity=np.random.default_rng(1).poisson(rates, (2000, 40)), unit_table=table,
        segments=np.stack([np.arange(0, 2000, 50), np.arange(0, 2000, 50) + 45], axis=1),
    )  # fmt: skip
    for session in (planted(), sparse):
        assert_as_announced(session, bin_width_s)


def assert_as_announced(session, bin_width_s=None):
    usual = settings_of(config_of(session), bin_width_s=bin_width_s)
    expected = outlook(session, usual)
    assert expected.problem is None
    task = build_task([session], usual)
    kept = task.spec.sessions[0].unit_ids
    assert len(kept) == expected.n_units
    left = [unit for units in expected.left_units.values() for unit in units]
    assert sorted([*left, *kept]) == sorted(session.unit_ids)
    assert task.spec.behavior_names == expected.behavior
    assert tuple(task.n_targets(split) for split in ("train", "validation", "test")) == expected.targets
    assert expected.split_bins[0] == task.spec.sessions[0].n_train_bins


@pytest.mark.parametrize("name", ["neuropixels_v1/Cori_2016-12-14.npz", "spikes_m1", "calcium_worm/2022-07-26-31.npz"])
def test_real_training_takes_what_is_announced(recordings, name):
    (session,) = read_sessions(recordings / name, bin_width_s=None)
    assert_as_announced(session)


@pytest.mark.parametrize("path", ["a/b.nwb", "/my data/s,1=$x'\"[0].npz", "https://x.org/a?b=c&d=e", '~/x\\y\\"z\\'])
def test_the_command_for_training_reaches_the_path(path):
    (line,) = next_steps([path], "neuropixels", "movie", 0.04, None, None, is_prepared=True)
    command = shlex.split(line.removeprefix("train:"))
    assert command[:2] == ["python", "train.py"]
    overrides = OverridesParser.create().parse_overrides(command[2:])
    assert {override.key_or_group: override.value() for override in overrides} == {
        "model": "synapsnet", "data": "neuropixels", "data.root": path, "data.task": "movie", "data.bin_width_s": 0.04,
    }  # fmt: skip


def test_statistics_are_those_of_the_recorded_bins():
    rng = np.random.default_rng(3)
    activity = (1e4 + rng.standard_normal((900, 3))).astype(np.float32)
    activity[500:600] = -1e6
    segments = np.array([[0, 500], [600, 900]])
    facts = unit_facts(recorded(n_bins=900, n_units=3, activity=activity, signal="calcium", segments=segments))
    known = np.delete(activity, np.s_[500:600], axis=0).astype(np.float64)
    np.testing.assert_allclose(facts.mean, known.mean(0), rtol=1e-12)
    np.testing.assert_allclose(facts.sd, known.std(0), rtol=1e-9)
    np.testing.assert_allclose(facts.active, (known > known.min(0)).mean(0))
    np.testing.assert_array_equal(facts.peak, known.max(0))


def test_identical_units_are_found_and_chance_is_not():
    counts = np.random.default_rng(4).poisson(0.3, (400, 9))
    counts[:, 7] = counts[:, 2]
    counts[:, 8] = counts[::-1, 2]  # the same in every sum
    counts[:, 3:6] = 0
    counts[50, 3:5] = 1  # one spike in common
    session = recorded(n_bins=400, n_units=9, activity=counts)
    assert identical_units(session, unit_facts(session)) == [["u2", "u7"]]
