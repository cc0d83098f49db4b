"""Sums that several devices made apart are the sums of one pass."""

import json
import os
import runpy
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.metrics import mean_squared_error, r2_score

from synapsnet.metrics.base import Reference, ScoredBins
from synapsnet.metrics.families import metric_families

RANKS = Path(__file__).with_name("ranks.py")
SPLITS = {"halves": [200], "uneven": [1, 399], "one without bins": [400]}


def example(n_units):
    """Counts whose mean lies far above their spread, a forecast of them, and the train statistics."""
    rng = np.random.default_rng(n_units)
    target = rng.poisson(1e4, (400, n_units)).astype(float)
    predicted = target + 30 * rng.standard_normal((400, n_units))
    bins = ScoredBins(
        predicted=torch.from_numpy(predicted),
        target=torch.from_numpy(target),
        last=torch.from_numpy(np.roll(target, 1, axis=0)),
        nll=torch.from_numpy(-stats.poisson.logpmf(target, predicted)),
        train_mean_nll=torch.from_numpy(-stats.poisson.logpmf(target, target.mean(0))),
    )
    mean, scale = torch.from_numpy(target.mean(0)), torch.from_numpy(target.std(0))
    return bins, Reference(mean=mean, scale=scale, null_rate=mean)


def slices(bins, cuts):
    edges = [0, *cuts, len(bins.target)]
    for start, stop in pairwise(edges):
        rows = slice(start, stop)
        yield ScoredBins(**{name: values[rows] for name, values in vars(bins).items()})


def on_devices(bins, reference, cuts):
    """By family, the metrics of each device, which was given some of the bins."""
    devices = []
    for part in slices(bins, cuts):
        metrics = [family(reference) for family in metric_families("spikes")]
        for metric in metrics:
            if len(part.target):
                metric.update(part)
        devices.append(metrics)
    return list(zip(*devices, strict=True))


def reduced(devices):
    """Result on one device after every state is gathered from all devices and reduced."""
    metric, *_ = devices
    of_all = {name: [device.metric_state[name] for device in devices] for name in metric.metric_state}
    gathered = iter(of_all.values())  # states are asked for one by one, in their order
    metric.dist_sync_fn = lambda state, group: next(gathered)
    metric.distributed_available_fn = lambda: True
    return metric.compute()


def merged(devices):
    metric, *others = devices
    for other in others:
        metric.merge_state(other)
    return metric.compute()


@pytest.mark.parametrize("n_units", [1, 5])
@pytest.mark.parametrize("cuts", SPLITS.values(), ids=SPLITS)
@pytest.mark.parametrize("join", [reduced, merged])
def test_joined_states_score_as_one_pass_does(n_units, cuts, join):
    bins, reference = example(n_units)
    units, session = {}, {}
    for (whole,), devices in zip(on_devices(bins, reference, []), on_devices(bins, reference, cuts), strict=True):
        expected, joined = whole.compute(), join(devices)
        assert joined.per_session == pytest.approx(expected.per_session, rel=1e-11)
        for name, values in expected.per_unit.items():
            assert joined.per_unit[name].shape == (n_units,)
            np.testing.assert_allclose(joined.per_unit[name], values, rtol=1e-11, err_msg=name)
        units |= joined.per_unit
        session |= joined.per_session
    target, predicted = bins.target.numpy(), bins.predicted.numpy()
    r = [stats.pearsonr(predicted[:, unit], target[:, unit]).statistic for unit in range(n_units)]
    np.testing.assert_allclose(units["pearson_r"], r, rtol=1e-9)
    np.testing.assert_allclose(units["r2"], r2_score(target, predicted, multioutput="raw_values"), rtol=1e-9)
    scaled = mean_squared_error(target, predicted, multioutput="raw_values") / target.var(0)
    np.testing.assert_allclose(units["mse"], scaled, rtol=1e-9)
    assert session["nll"] == pytest.approx(-stats.poisson.logpmf(target, predicted).mean(), rel=1e-9)


def test_every_state_is_float64_and_says_how_devices_reduce_it():
    _, reference = example(2)
    for family in metric_families("spikes") + metric_families("calcium"):
        metric = family(reference)
        assert metric.metric_state
        for name, state in metric.metric_state.items():
            assert state.dtype == torch.float64, (family, name)
            assert metric._reductions[name] is not None, (family, name)


def test_processes_of_a_run_agree_on_the_scores_of_all_their_bins(tmp_path):
    command = [sys.executable, str(RANKS)]
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    places = [tmp_path / f"{rank}.json" for rank in range(2)]
    ranks = [
        subprocess.Popen([*command, str(rank), "2", str(tmp_path / "meeting"), str(place)], env=environment)
        for rank, place in enumerate(places)
    ]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    first, second = (json.loads(place.read_text()) for place in places)
    assert first == second
    alone = runpy.run_path(str(RANKS))["scores"](0, 1)
    assert list(first["sessions"]) == ["s0", "s1"]
    for session, expected in alone.session_metrics().items():
        assert first["sessions"][session] == pytest.approx(expected, rel=1e-11)
        for name, values in alone.unit_metrics()[session].items():
            np.testing.assert_allclose(first["units"][session][name], values, rtol=1e-11, err_msg=name)
