"""Every unit is a dot in the row of its session."""

import io

import numpy as np
import pytest

from synapsnet.viz.unit_scores import draw_unit_scores


@pytest.fixture
def unit_metrics():
    rng = np.random.default_rng(0)
    sizes = {"a": 40, "b": 7}
    return {
        name: {"pearson_r": rng.normal(0.2, 0.1, size), "bits_per_spike": rng.normal(0.05, 0.02, size)}
        for name, size in sizes.items()
    }


def dots(axes):
    """Scores drawn as dots, row by row."""
    return [line.get_xdata() for line in axes.lines if line.get_marker() == "."]


def medians(axes):
    return [line.get_xdata()[0] for line in axes.lines if line.get_linewidth() > 2]


def test_one_panel_a_metric_with_one_row_a_session(unit_metrics):
    correlation, information = draw_unit_scores(unit_metrics).axes
    assert correlation.get_xlabel() == "correlation r"
    assert information.get_xlabel() == "information (bits per spike)"
    assert [label.get_text() for label in correlation.get_yticklabels()] == ["a", "b"]


def test_dots_are_the_scores_and_the_bar_is_their_median(unit_metrics):
    for axes, metric in zip(draw_unit_scores(unit_metrics).axes, ("pearson_r", "bits_per_spike"), strict=True):
        for row, session in enumerate(unit_metrics):
            values = unit_metrics[session][metric]
            np.testing.assert_array_equal(np.sort(dots(axes)[row]), np.sort(values))
            assert medians(axes)[row] == pytest.approx(np.median(values))


def test_dots_stay_in_their_row(unit_metrics):
    unit_metrics["a"]["pearson_r"] = np.full(40, 0.2)
    rows = [line for line in draw_unit_scores(unit_metrics).axes[0].lines if line.get_marker() == "."]
    for row, line in enumerate(rows):
        assert np.abs(line.get_ydata() - row).max() < 0.4
    assert len(np.unique(rows[0].get_ydata())) == 40  # equal scores do not hide each other


def test_calcium_shows_explained_variance(unit_metrics):
    calcium = {
        name: {"pearson_r": scores["pearson_r"], "r2": scores["pearson_r"]} for name, scores in unit_metrics.items()
    }
    assert "R²" in draw_unit_scores(calcium).axes[1].get_xlabel()


def test_undefined_scores_are_left_out(unit_metrics):
    unit_metrics["b"]["pearson_r"][:] = np.nan
    unit_metrics["a"]["pearson_r"][:3] = np.nan
    figure = draw_unit_scores(unit_metrics)
    assert [len(row) for row in dots(figure.axes[0])] == [37, 0]
    figure.savefig(io.BytesIO(), format="png")


def test_a_straggler_is_counted_instead_of_squeezing_the_rest(unit_metrics):
    unit_metrics["a"]["bits_per_spike"][0] = -500.0
    axes = draw_unit_scores(unit_metrics).axes[1]
    assert axes.get_xlim()[0] > -1
    assert "1 unit beyond the axis" in axes.get_xlabel()
    assert len(dots(axes)[0]) == 39
