"""A current drawn out row by row, and curves over lags in seconds."""

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.viz.currents import draw_current_correlation, draw_input_current
from synapsnet.viz.style import BLUE, VERMILION

WEIGHTS = np.array([-2.0, 1.0, 0.5])


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    activity = rng.standard_normal((40, 3))
    contributions = activity * WEIGHTS
    return {
        "activity": activity,
        "weights": WEIGHTS,
        "contributions": contributions,
        "current": contributions.sum(1) + 0.1 * rng.standard_normal(40),
        "own": rng.standard_normal(40),
    }


def draw(parts):
    return draw_input_current(
        **parts, source_ids=("a", "b", "c"), unit_id="x", bin_width_s=0.02, start_s=10.0, session_id="mouse"
    )


def test_a_row_holds_a_source_its_weight_and_its_contribution(parts):
    figure = draw(parts)
    times = 10 + 0.02 * np.arange(40)
    for row, name in enumerate("abc"):
        left, middle, right = figure.axes[3 * row : 3 * row + 3]
        np.testing.assert_allclose(left.lines[0].get_data(), [times, parts["activity"][:, row]])
        np.testing.assert_allclose(right.lines[0].get_data(), [times, parts["contributions"][:, row]])
        assert left.get_ylabel() == name
        assert middle.patches[0].get_width() == WEIGHTS[row]
        assert right.lines[0].get_color() == (VERMILION if WEIGHTS[row] > 0 else BLUE)


def test_rows_share_the_scales_that_are_compared(parts):
    figure = draw(parts)
    assert len({axes.get_xlim() for axes in figure.axes[1:9:3]}) == 1
    limits = {axes.get_ylim() for axes in figure.axes[2:9:3]}
    assert len(limits) == 1
    assert max(limits)[1] >= np.abs(parts["contributions"]).max()


def test_the_total_of_all_sources_and_the_units_own_activity_stand_below(parts):
    own, total = draw(parts).axes[-2:]
    np.testing.assert_array_equal(own.lines[0].get_ydata(), parts["own"])
    lines = {line.get_label(): line.get_ydata() for line in total.lines}
    np.testing.assert_array_equal(lines["of all sources"], parts["current"])
    np.testing.assert_allclose(lines["of these sources"], parts["contributions"].sum(1))
    assert total.get_xlabel() == "time (s)"


def test_silent_sources_lie_in_the_middle_of_their_rows(parts):
    silent = {name: values if name == "weights" else np.zeros_like(values) for name, values in parts.items()}
    for axes in draw(silent).axes:
        low, high = axes.get_ylim()
        assert low == -high < 0


def test_parts_that_do_not_fit_are_refused(parts):
    with pytest.raises(UserError, match=r"\[40, 3\]"):
        draw(parts | {"activity": parts["activity"][:, :2]})
    with pytest.raises(UserError, match="own activity"):
        draw(parts | {"own": parts["own"][1:]})


LAGS = np.arange(-3, 4)


def curves(*names):
    rng = np.random.default_rng(0)
    return {name: (rng.random(7), rng.random(7)) for name in names}


def draw_curves(given):
    return draw_current_correlation(LAGS, given, bin_width_s=0.05, highlight="SynapsNet", session_id="mouse")


def test_a_curve_lies_over_lags_in_seconds_with_its_deviation():
    given = curves("SynapsNet", "pairwise correlation", "shuffle")
    axes = draw_curves(given).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    for (name, (mean, deviation)), band in zip(given.items(), axes.collections, strict=True):
        np.testing.assert_allclose(lines[name].get_xdata(), LAGS * 0.05)
        np.testing.assert_array_equal(lines[name].get_ydata(), mean)
        assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx((mean + deviation).max())
        assert (lines[name].get_color() == VERMILION) == (name == "SynapsNet")
    assert axes.get_xlabel() == "lag of activity behind current (s)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list(given)


def test_curves_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="no curve"):
        draw_curves({})
    with pytest.raises(UserError, match="'a' has"):
        draw_curves({"a": (np.zeros(6), np.zeros(7))})
