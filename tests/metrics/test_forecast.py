"""Streaming scores against whole-array numpy and scipy, and the traps that scores of forecasts fall into."""

import numpy as np
import pytest
import torch
from scipy import stats

from synapsnet.likelihoods import Gaussian, NegativeBinomial, Poisson
from synapsnet.metrics import ForecastScores
from synapsnet.metrics.base import Reference
from synapsnet.session import Batch, SessionSpec, TaskSpec

N_TRAIN_BINS = 700


def make_spec(signal, *means_and_scales):
    """A task with one session for each pair of train means and scales."""
    sessions = []
    for index, (mean, scale) in enumerate(means_and_scales):
        ones = np.ones(len(mean))
        sessions.append(
            SessionSpec(
                session_id=f"s{index}",
                unit_ids=tuple(f"u{unit}" for unit in range(len(mean))),
                mean=np.asarray(mean, dtype=float),
                scale=np.asarray(scale, dtype=float),
                input_mean=0 * ones,
                input_scale=ones,
                increment_scale=ones,
                behavior_mean=np.empty(0),
                behavior_scale=np.empty(0),
                n_train_bins=N_TRAIN_BINS,
            )
        )
    return TaskSpec(sessions=tuple(sessions), signal=signal, bin_width_s=0.02, context_bins=2, window_bins=50)


def batch_of(past, target, counts, session):
    """A batch without behavior and slow state."""
    return Batch(past, past.new_zeros(*past.shape[:2], 0), past.new_zeros(*past.shape, 0), target, counts, session)


def scored(spec, likelihood, params, target, last, session=0, chunks=1):
    """Scores of ``[bins, units]`` arrays, given in some number of batches of two windows each."""
    scores = ForecastScores(spec, likelihood, train_mean(spec, likelihood))
    for part in np.array_split(np.arange(len(target)), chunks):
        half = len(part) // 2
        for rows in (part[:half], part[half:]):
            window = [torch.as_tensor(values[rows], dtype=torch.float32)[None] for values in (params, target, last)]
            everything = torch.ones(1, len(rows), dtype=torch.bool)
            scores.update(window[0], batch_of(window[2], window[1], everything, session))
    return scores


def train_mean(spec, likelihood):
    """Params of a train-mean model with a shape of 1."""
    means = (Reference.of(session, spec.signal).null_rate for session in spec.sessions)
    return [
        torch.cat([likelihood.location(mean)[:, None], torch.ones(len(mean), likelihood.n_params - 1)], dim=1)
        for mean in means
    ]


def spiking_example(n_bins=600, seed=0):
    rng = np.random.default_rng(seed)
    mean = np.array([0.05, 0.4, 2.0, 9.0])
    rate = mean * np.exp(0.5 * rng.standard_normal((n_bins, 4)))
    target = rng.poisson(rate).astype(float)
    last = np.vstack([target[:1], target[:-1]])
    return make_spec("spikes", (mean, np.sqrt(mean))), rate, target, last


LIKELIHOODS = [Poisson(), NegativeBinomial()]


@pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda value: type(value).__name__)
def test_streamed_scores_of_spikes_equal_whole_array_scores(likelihood):
    spec, rate, target, last = spiking_example()
    location = likelihood.location(torch.as_tensor(rate, dtype=torch.float32))[..., None]
    params = torch.cat([location, torch.full((*rate.shape, likelihood.n_params - 1), 1.0)], dim=-1)
    scores = scored(spec, likelihood, params.numpy(), target, last, chunks=7)
    units, session = scores.unit_metrics()["s0"], scores.session_metrics()["s0"]

    predicted = likelihood.mean(params.double()).numpy()
    info = spec.sessions[0]
    own, about_mean, copied = (np.square((forecast - target) / info.scale) for forecast in (predicted, info.mean, last))
    r = [stats.pearsonr(predicted[:, unit], target[:, unit]).statistic for unit in range(4)]
    gain = stats.poisson.logpmf(target, predicted) - stats.poisson.logpmf(target, info.mean)
    total = np.logaddexp(0, 1.0) + 1e-6
    nll, nll_of_mean = (
        -stats.poisson.logpmf(target, rate)
        if isinstance(likelihood, Poisson)
        else -stats.nbinom.logpmf(target, total, total / (total + rate))
        for rate in (predicted, info.mean)
    )
    above = nll_of_mean.mean(0) - nll.mean(0)
    expected_units = {
        "pearson_r": r,
        "mse": own.mean(0),
        "r2": 1 - own.sum(0) / about_mean.sum(0),
        "skill_vs_persistence": 1 - own.sum(0) / copied.sum(0),
        "nll": nll.mean(0),
        "gain": above,
        "mse_train_mean": about_mean.mean(0),
        "mse_persistence": copied.mean(0),
        "bits_per_bin": gain.mean(0) / np.log(2),
        "spikes_per_bin": target.mean(0),
        "bits_per_spike": gain.sum(0) / target.sum(0) / np.log(2),
    }
    expected_session = {
        "pearson_r": np.mean(r),
        "mse": own.mean(),
        "r2": 1 - own.sum() / about_mean.sum(),
        "skill_vs_persistence": 1 - own.sum() / copied.sum(),
        "nll": nll.mean(),
        "median_gain": np.median(above),
        "share_above_mean": np.mean(above > 0),
        "bits_per_spike": gain.sum() / target.sum() / np.log(2),
        "population_rate_r": stats.pearsonr(predicted.mean(1), target.mean(1)).statistic,
    }
    assert units.keys() == expected_units.keys()
    assert session.keys() == expected_session.keys()
    for name, values in expected_units.items():
        assert units[name].dtype == np.float64
        np.testing.assert_allclose(units[name], values, rtol=1e-9, atol=1e-9, err_msg=name)
    for name, value in expected_session.items():
        assert session[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_calcium_is_scored_as_it_is_under_the_normal():
    rng = np.random.default_rng(1)
    target = rng.standard_normal((400, 3))
    predicted = 0.5 * target + 0.3 * rng.standard_normal((400, 3))
    last = np.vstack([target[:1], target[:-1]])
    # Calcium targets are z-scored already: the raw mean and scale must not be applied a second time.
    spec = make_spec("calcium", ([100.0, 5.0, -3.0], [20.0, 0.1, 7.0]))
    params = np.stack([predicted, np.full_like(predicted, -0.5)], axis=-1)
    scores = scored(spec, Gaussian(), params, target, last, chunks=3)
    session = scores.session_metrics()["s0"]
    target, predicted, last = (values.astype(np.float32).astype(float) for values in (target, predicted, last))
    errors = np.square(predicted - target)
    assert "bits_per_spike" not in session
    assert session["mse"] == pytest.approx(errors.mean(), rel=1e-9)
    assert session["r2"] == pytest.approx(1 - errors.sum() / np.square(target).sum(), rel=1e-9)
    assert session["skill_vs_persistence"] == pytest.approx(1 - errors.sum() / np.square(target - last).sum(), rel=1e-9)
    sd = np.logaddexp(0, -0.5) + 1e-3
    assert session["nll"] == pytest.approx(-stats.norm(predicted, sd).logpdf(target).mean(), rel=1e-9)


@pytest.mark.parametrize("chunks", [2, 5, 100])
def test_the_size_of_a_batch_does_not_matter(chunks):
    spec, rate, target, last = spiking_example()
    params = np.log(np.expm1(rate))[..., None]
    whole = scored(spec, Poisson(), params, target, last).session_metrics()["s0"]
    pieces = scored(spec, Poisson(), params, target, last, chunks=chunks).session_metrics()["s0"]
    assert pieces == pytest.approx(whole, rel=1e-11)


def test_steps_that_are_not_scored_are_ignored():
    spec, rate, target, last = spiking_example(n_bins=40)
    params = np.log(np.expm1(rate))[..., None]
    expected = scored(spec, Poisson(), params[10:], target[10:], last[10:]).session_metrics()
    tensors = [torch.as_tensor(values, dtype=torch.float32)[None].clone() for values in (params, target, last)]
    for tensor in tensors:
        tensor[:, :10] = torch.nan
    mask = (torch.arange(40) >= 10)[None]
    scores = ForecastScores(spec, Poisson(), train_mean(spec, Poisson()))
    scores.update(tensors[0], batch_of(tensors[2], tensors[1], mask, 0))
    nothing = batch_of(tensors[2], tensors[1], torch.zeros_like(mask), 0)
    scores.update(tensors[0], nothing)
    assert scores.session_metrics()["s0"] == pytest.approx(expected["s0"], rel=1e-11)


def test_a_constant_predictor_does_not_profit_from_pooling_over_units():
    _, _, target, last = spiking_example()
    spec = make_spec("spikes", (target.mean(0), target.std(0)))
    constant = np.broadcast_to(target.mean(0), target.shape)
    assert stats.pearsonr(constant.ravel(), target.ravel()).statistic > 0.5  # the trap
    scores = scored(spec, Poisson(), np.log(np.expm1(constant))[..., None], target, last, chunks=9)
    np.testing.assert_array_equal(scores.unit_metrics()["s0"]["pearson_r"], 0.0)
    session = scores.session_metrics()["s0"]
    assert session["pearson_r"] == 0.0
    assert session["population_rate_r"] == 0.0
    assert session["r2"] == pytest.approx(0, abs=1e-6)
    assert session["bits_per_spike"] == pytest.approx(0, abs=1e-6)


def test_persistence_has_no_skill_over_itself():
    spec = make_spec("calcium", (np.zeros(2), np.ones(2)))
    target = np.random.default_rng(2).standard_normal((100, 2)).cumsum(0)
    last = np.vstack([target[:1], target[:-1]])
    params = np.stack([last, np.zeros_like(last)], axis=-1)
    scores = scored(spec, Gaussian(), params, target, last)
    assert scores.session_metrics()["s0"]["skill_vs_persistence"] == 0.0
    np.testing.assert_array_equal(scores.unit_metrics()["s0"]["skill_vs_persistence"], 0.0)


@pytest.mark.parametrize("train_mean", [1e4, 0.0])
def test_a_mean_far_above_the_spread_costs_no_digits(train_mean):
    """In float32, sums of squares of 1e4 ± 1 hold no digit of the spread; a drift after training costs none either."""
    rng = np.random.default_rng(3)
    signal = rng.standard_normal((500, 1))
    target = np.round(1e4 + 4 * signal + 2 * rng.standard_normal((500, 1)))
    predicted = (1e4 + 4 * signal).astype(np.float32)
    last = np.vstack([target[:1], target[:-1]])
    spec = make_spec("spikes", ([train_mean], [1.0]))
    scores = scored(spec, Poisson(), predicted[..., None], target, last, chunks=6)
    mean = Poisson().mean(torch.as_tensor(predicted)[..., None].double()).numpy()[:, 0]
    session = scores.session_metrics()["s0"]
    expected_r = stats.pearsonr(mean, target[:, 0]).statistic
    assert session["pearson_r"] == pytest.approx(expected_r, abs=1e-9)
    error = np.square(mean - target[:, 0]).sum()
    assert session["r2"] == pytest.approx(1 - error / np.square(target - train_mean).sum(), abs=1e-9)


def test_a_silent_unit_is_undefined_and_left_out_of_the_mean_correlation():
    spec, rate, target, last = spiking_example()
    target, last = target.copy(), last.copy()
    target[:, 1] = last[:, 1] = 0.0
    params = np.log(np.expm1(rate))[..., None]
    scores = scored(spec, Poisson(), params, target, last)
    units, session = scores.unit_metrics()["s0"], scores.session_metrics()["s0"]
    assert np.isnan(units["pearson_r"][1])
    assert np.isnan(units["bits_per_spike"][1])
    assert np.isnan(units["skill_vs_persistence"][1])
    assert session["pearson_r"] == pytest.approx(np.nanmean(units["pearson_r"]))
    assert np.isfinite(list(session.values())).all()


def test_a_recording_where_nothing_happens_is_undefined_not_an_error():
    spec = make_spec("spikes", ([0.0, 0.0], [1.0, 1.0]))
    zeros = np.zeros((20, 2))
    session = scored(spec, Poisson(), zeros[..., None], zeros, zeros).session_metrics()["s0"]
    assert np.isnan([session[name] for name in ("pearson_r", "population_rate_r", "r2", "bits_per_spike")]).all()
    assert np.isfinite([session["mse"], session["nll"]]).all()


def test_a_forecast_that_broke_down_shows_in_the_session_score():
    spec, rate, target, last = spiking_example()
    params = np.log(np.expm1(rate))[..., None]
    params[5, 2] = np.nan
    session = scored(spec, Poisson(), params, target, last).session_metrics()["s0"]
    assert np.isnan(list(session.values())).all()


def test_a_spike_of_a_unit_silent_in_training_costs_the_null_model_a_finite_amount():
    spec = make_spec("spikes", ([0.0], [1.0]))
    target = np.array([[0.0], [1.0], [0.0]])
    rate = 0.5 / N_TRAIN_BINS
    location = Poisson().location(torch.full((3, 1, 1), rate)).numpy()
    session = scored(spec, Poisson(), location, target, target).session_metrics()["s0"]
    assert session["bits_per_spike"] == pytest.approx(0.0, abs=1e-5)


def test_sessions_of_different_size_are_kept_apart():
    spec, rate, target, last = spiking_example()
    mean, scale = spec.sessions[0].mean, spec.sessions[0].scale
    pair = make_spec("spikes", (mean, scale), (mean[:2], scale[:2]))
    params = np.log(np.expm1(rate))[..., None]
    alone = scored(spec, Poisson(), params, target, last).session_metrics()["s0"]
    scores = scored(pair, Poisson(), params, target, last, session=0)
    assert scores.session_metrics().keys() == {"s0"}
    windows = [torch.as_tensor(values[:, :2], dtype=torch.float32)[None] for values in (params, target, last)]
    everything = torch.ones(1, len(target), dtype=torch.bool)
    scores.update(windows[0], batch_of(windows[2], windows[1], everything, 1))
    assert scores.session_metrics()["s0"] == pytest.approx(alone)
    np.testing.assert_allclose(scores.unit_metrics()["s1"]["nll"], scores.unit_metrics()["s0"]["nll"][:2], rtol=1e-12)
    assert list(scores.session_metrics()) == ["s0", "s1"]


def test_independent_noise_cannot_be_forecast():
    rng = np.random.default_rng(4)
    target = rng.poisson(0.5, (5000, 20)).astype(float)
    spec = make_spec("spikes", (np.full(20, 0.5), np.full(20, 0.5**0.5)))
    params = rng.standard_normal((5000, 20, 1))
    assert abs(scored(spec, Poisson(), params, target, target).session_metrics()["s0"]["pearson_r"]) < 0.02


def test_gains_are_undefined_without_the_train_mean_model():
    spec, rate, target, last = spiking_example()
    windows = [torch.as_tensor(values, dtype=torch.float32)[None] for values in (rate, target, last)]
    scores = ForecastScores(spec, Poisson(), None)
    everything = torch.ones(1, len(target), dtype=torch.bool)
    scores.update(windows[0][..., None], batch_of(windows[2], windows[1], everything, 0))
    session = scores.session_metrics()["s0"]
    assert np.isnan([session.pop(name) for name in ("median_gain", "share_above_mean")]).all()
    assert np.isfinite(list(session.values())).all()
