"""The overview shows every spike and every gap, whatever the size of the recording."""

import io
import itertools

import numpy as np
import pytest

from synapsnet.session import Session
from synapsnet.viz.condensed import MOST_COLUMNS, MOST_ROWS, condensed
from synapsnet.viz.overview import MOST_SERIES, MOST_TASKS, draw_overview


def session(activity, *, bin_width_s=0.1, signal="spikes", session_id="mouse", **fields):
    units = tuple(f"u{unit}" for unit in range(np.shape(activity)[1]))
    return Session(
        session_id=session_id, activity=np.asarray(activity), bin_width_s=bin_width_s, unit_ids=units, signal=signal,
        **fields,
    )  # fmt: skip


def counts(n_bins, n_units, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.uniform(0.05, 2.0, n_units), (n_bins, n_units))


def test_a_short_recording_is_drawn_bin_by_bin():
    recorded = counts(50, 4)
    drawn = condensed(session(recorded))
    assert (drawn.bins_per_column, drawn.units_per_row, drawn.regions) == (1, 1, None)
    np.testing.assert_allclose(drawn.image, recorded[:, drawn.order].T / 0.1)
    np.testing.assert_allclose(drawn.population, recorded.mean(1) / 0.1)
    np.testing.assert_allclose(drawn.edges_s, 0.1 * np.arange(51))
    assert (np.diff(recorded.mean(0)[drawn.order]) <= 0).all()  # the fastest at the top


def test_a_column_is_the_mean_of_its_recorded_bins_and_no_spike_is_lost():
    n_bins = 2 * MOST_COLUMNS + 100
    recorded = counts(n_bins, 3)
    segments = np.array([[0, 301], [700, n_bins]])
    known = np.zeros(n_bins, dtype=bool)
    known[:301] = known[700:] = True
    drawn = condensed(session(recorded, segments=segments))
    assert drawn.bins_per_column == 3
    column = np.arange(n_bins) // 3
    n_known = np.bincount(column, known)
    gap = n_known == 0
    assert gap.any()
    assert np.isnan(drawn.image[:, gap]).all()
    assert np.isnan(drawn.population[gap]).all()
    spikes = np.nansum(drawn.image * n_known * 0.1, axis=1)
    np.testing.assert_allclose(spikes, recorded[known].sum(0)[drawn.order])
    np.testing.assert_allclose(drawn.mean, recorded[known].mean(0) / 0.1)
    np.testing.assert_allclose(drawn.sd, recorded[known].std(0) / 0.1)
    assert drawn.edges_s[-1] == pytest.approx(0.1 * n_bins)


def test_rows_of_a_large_population_are_means_of_neighbours():
    recorded = counts(20, 2 * MOST_ROWS + 1)
    drawn = condensed(session(recorded))
    assert drawn.units_per_row == 3
    ordered = recorded[:, drawn.order].T / 0.1
    np.testing.assert_allclose(drawn.image[5], ordered[15:18].mean(0))
    np.testing.assert_allclose(drawn.image[-1], ordered[3 * (len(drawn.image) - 1) :].mean(0))
    np.testing.assert_allclose(drawn.population, recorded.mean(1) / 0.1)


def test_regions_are_blocks_sorted_by_rate_with_the_unknown_last():
    recorded = counts(200, 6)
    regions = np.array(["VISp", "", "CA1", "VISp", "CA1", ""])
    drawn = condensed(session(recorded, unit_table={"region": regions}))
    assert drawn.regions.tolist() == ["CA1", "CA1", "VISp", "VISp", "", ""]
    rates = recorded.mean(0)[drawn.order].reshape(3, 2)
    assert (np.diff(rates, axis=1) <= 0).all()
    assert "region" in drawn.ordering
    assert condensed(session(recorded, unit_table={"region": np.array(["VISp"] * 6)})).regions is None


def test_calcium_is_z_scored_and_units_of_alike_activity_lie_together():
    rng = np.random.default_rng(1)
    wave = np.sin(np.arange(300) / 20)
    signs = rng.permutation(np.repeat([1.0, -1.0], 5))
    activity = 1000 + 7 * (np.outer(wave, signs) + 0.3 * rng.standard_normal((300, 10)))
    drawn = condensed(session(activity, signal="calcium"))
    np.testing.assert_allclose(drawn.image.mean(1), 0, atol=1e-4)
    np.testing.assert_allclose(drawn.image.std(1), 1, rtol=1e-4)
    assert len(set(signs[drawn.order][:5])) == len(set(signs[drawn.order][5:])) == 1


def test_behavior_has_gaps_where_nothing_was_measured_and_what_never_varies_is_left_out():
    rng = np.random.default_rng(2)
    series = np.stack([5 + 2 * rng.standard_normal(100), np.full(100, 3.0), np.full(100, np.nan)], axis=1)
    series[40:60, 0] = np.nan
    drawn = condensed(session(counts(100, 2), behavior=series, behavior_names=("speed", "lick", "pupil")))
    assert drawn.varying == [0]
    np.testing.assert_array_equal(np.isnan(drawn.behavior[:, 0]), np.isnan(series[:, 0]))
    assert np.nanmean(drawn.behavior[:, 0]) == pytest.approx(0, abs=1e-6)
    assert np.nanstd(drawn.behavior[:, 0]) == pytest.approx(1, rel=1e-6)


def texts(figure):
    figure.draw_without_rendering()
    return {text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))}


def test_labels_say_what_is_shown():
    series = np.cumsum(np.random.default_rng(0).standard_normal((3000, 2)), axis=0)
    series[:, 1] = 4.0
    recording = session(
        counts(3000, 5), bin_width_s=0.01, behavior=series, behavior_names=("speed", "lick"), meta={"region": "VISp"},
        segments=np.array([[0, 1000], [1000, 3000]]), tasks={"spontaneous": np.array([[0, 500]])},
    )  # fmt: skip
    shown = texts(draw_overview(recording))
    assert "mouse: spikes, 5 units, 3,000 bins of 10 ms (30 s), VISp" in shown
    assert "Activity; a pixel is the mean of 3 bins (30 ms)" in shown
    assert "5 units, by rate" in shown
    assert {"spontaneous", "2 segments", "speed"} <= shown
    assert "lick" not in shown
    assert any("1 constant or never measured" in text for text in shown)
    assert "recorded time, breaks not to scale (s)" in shown


def test_bars_lie_where_the_tasks_do():
    tasks = {"gratings": np.array([[10, 30], [50, 60]]), "movie": np.array([[30, 50]])}
    bars = draw_overview(session(counts(100, 2), tasks=tasks)).axes[0].collections
    for bar, name in zip(bars, tasks, strict=True):
        spans = [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in bar.get_paths()]
        np.testing.assert_allclose(spans, tasks[name] * 0.1)


MANY = 30
EXTREMES = {
    "one unit, one bin": session([[1]]),
    "one spike": session(np.eye(1, 40).T),
    "silent": session(np.zeros((100, 3), dtype=int)),
    "flat calcium": session(np.full((100, 3), 2.5), signal="calcium"),
    "one frame": session([[0.5, 1.5]], signal="calcium"),
    "hours": session(counts(5000, 2), bin_width_s=5.0),
    "names": session(
        counts(60, 4), session_id="$a_^ [bold] " + "x" * 200, behavior=np.arange(60.0)[:, None],
        behavior_names=("$\\speed" * 20,), unit_table={"region": np.array(["$x", "$x", "y_$", ""])},
    ),
    "many of each": session(
        counts(600, MANY), behavior=np.random.default_rng(0).random((600, MANY)),
        behavior_names=tuple(f"b{i}" for i in range(MANY)),
        unit_table={"region": np.array([f"R{i}" for i in range(MANY)])},
        tasks={f"t{i}": np.array([[20 * i, 20 * i + 20]]) for i in range(MANY)},
        segments=np.stack([np.arange(0, 600, 2), np.arange(1, 601, 2)], axis=1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_recordings_are_drawn_without_a_warning(name):
    recording = EXTREMES[name]
    before = recording.activity.copy()
    draw_overview(recording).savefig(io.BytesIO(), format="png", dpi=40)
    np.testing.assert_array_equal(recording.activity, before)


def test_of_many_tasks_and_series_some_are_drawn_and_the_rest_are_counted():
    shown = texts(draw_overview(EXTREMES["many of each"]))
    assert f"t{MOST_TASKS - 2}" in shown
    assert f"t{MOST_TASKS - 1}" not in shown
    assert f"{MANY - MOST_TASKS + 1} more tasks" in shown
    assert f"b{MOST_SERIES - 1}" in shown
    assert f"b{MOST_SERIES}" not in shown
    assert any(f"{MANY - MOST_SERIES} more not drawn" in text for text in shown)


@pytest.mark.parametrize("sizes", [[40, 30, 20, 5, 2, 1, 1, 1], [100, 1], [10] * 12], ids=["skewed", "two", "alike"])
def test_names_of_regions_do_not_overlap(sizes):
    regions = np.repeat([f"REGION{i}" for i in range(len(sizes))], sizes)
    figure = draw_overview(session(counts(50, len(regions)), unit_table={"region": regions}))
    figure.draw_without_rendering()
    labels = [label for label in figure.axes[0].get_yticklabels() if label.get_text()]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.y0)
    assert len(boxes) == sum(size >= 0.035 * sum(sizes) for size in sizes)
    assert all(below.y1 <= above.y0 for below, above in itertools.pairwise(boxes))
