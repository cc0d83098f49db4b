"""Traces show the right units, at the right time, unaltered."""

import io

import numpy as np
import pytest

from synapsnet.viz.traces import draw_traces, units_by_rank

N_BINS, N_UNITS = 50, 9
SCORES = np.array([0.3, np.nan, 0.9, 0.1, 0.5, 0.2, 0.8, 0.4, 0.6])  # the median is unit 7 or 4


@pytest.fixture(params=["spikes", "calcium"])
def signal(request):
    return request.param


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return rng.poisson(1.0, (N_BINS, N_UNITS)).astype(float), rng.random((N_BINS, N_UNITS))


def draw(arrays, signal, scores=SCORES):
    ids = tuple(f"cell{unit}" for unit in range(N_UNITS))
    return draw_traces(
        *arrays, pearson_r=scores, unit_ids=ids, bin_width_s=0.02, start_s=10.0, signal=signal, session_id="mouse"
    )


def drawn(axes, signal):
    """Values and times of the recorded and the forecast trace of one row."""
    if signal == "spikes":
        steps = {patch.get_label(): patch.get_data() for patch in axes.patches}
        return {label: (data.edges, data.values) for label, data in steps.items()}
    return {line.get_label(): line.get_data() for line in axes.lines}


def test_rows_go_from_the_best_unit_to_the_poorest(arrays, signal):
    titles = [axes.get_title(loc="left") for axes in draw(arrays, signal).axes]
    assert titles[0] == "best: cell2, r = 0.90"
    assert titles[2].startswith("median: cell")
    assert titles[-1] == "poorest: cell3, r = 0.10"
    assert len(titles) == 5
    assert not any("cell1," in title for title in titles)  # its score is undefined


def test_a_row_holds_the_data_of_its_unit_in_seconds(arrays, signal):
    target, predicted = arrays
    traces = drawn(draw(arrays, signal).axes[0], signal)
    times, recorded = traces["recorded"]
    np.testing.assert_array_equal(recorded, target[:, 2])
    np.testing.assert_array_equal(traces["forecast"][1], predicted[:, 2])
    edges = 10.0 + 0.02 * np.arange(N_BINS + 1)
    np.testing.assert_allclose(times, edges if signal == "spikes" else edges[:-1])


def test_labels_name_the_session_the_horizon_and_the_units(arrays, signal):
    figure = draw(arrays, signal)
    assert "mouse" in figure.get_suptitle()
    assert "20 ms ahead" in figure.get_suptitle()
    assert figure.axes[-1].get_xlabel() == "time (s)"
    assert figure.get_supylabel() == ("spikes per bin" if signal == "spikes" else "activity (z-score)")
    assert {text.get_text() for text in figure.axes[0].get_legend().get_texts()} == {"recorded", "forecast"}


def test_one_unit_stands_for_all_where_no_score_is_defined(arrays, signal):
    target, predicted = (values.copy() for values in arrays)
    target[10:15] = predicted[10:15] = np.nan
    figure = draw((target, predicted), signal, scores=np.full(N_UNITS, np.nan))
    assert len(figure.axes) == 1
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize(("n_units", "expected"), [(1, [0]), (2, [1, 0]), (3, [2, 1, 0]), (5, [4, 3, 2, 1, 0])])
def test_no_unit_is_shown_twice(n_units, expected):
    assert [unit for _, unit in units_by_rank(np.arange(float(n_units)))] == expected
