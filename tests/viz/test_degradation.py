"""A line holds a method's mean over seeds at every level, its band the standard error."""

import io

import numpy as np
import pandas as pd
import pytest

from synapsnet.errors import UserError
from synapsnet.viz.degradation import draw_degradation
from synapsnet.viz.style import VERMILION

LEVELS = [500, 1500, 5000]


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {
                "method": method,
                "bins": bins,
                "seed": seed,
                "pearson_r": base + bins / 20_000 + 0.02 * rng.standard_normal(),
                "auprc": base,
                "auprc_chance": 0.1,
            }
            for method, base in (("VAR", 0.3), ("SynapsNet", 0.6))
            for bins in LEVELS
            for seed in range(4)
        ]
    )


def draw(scores, **changed):
    settings = {"level": "bins", "label": "bins recorded", "network": "Sparse tanh", "highlight": "SynapsNet"}
    return draw_degradation(scores, **(settings | changed))


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


def test_lines_are_means_and_bands_standard_errors(scores):
    axes = draw(scores).axes[0]
    of_method = scores[scores.method == "VAR"].groupby("bins")["pearson_r"]
    line = lines(axes)["VAR"]
    np.testing.assert_array_equal(line.get_xdata(), LEVELS)
    np.testing.assert_allclose(line.get_ydata(), of_method.mean())
    expected = {(x, round(y, 9)) for x, y in zip(LEVELS, of_method.mean() + of_method.std() / 2, strict=True)}
    corners = {
        (x, round(y, 9)) for band in axes.collections for path in band.get_paths() for x, y in path.vertices.tolist()
    }
    assert expected <= corners


def test_the_legend_lists_methods_as_their_lines_end_and_the_highlight_stands_out(scores):
    figure = draw(scores)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["SynapsNet", "VAR", "chance"]
    drawn = lines(figure.axes[0])
    assert drawn["SynapsNet"].get_color() == VERMILION != drawn["VAR"].get_color()


def test_chance_is_drawn_in_both_panels(scores):
    first, second = draw(scores).axes
    np.testing.assert_array_equal(lines(first)["chance"].get_ydata(), [0, 0, 0])
    np.testing.assert_allclose(lines(second)["chance"].get_ydata(), [0.1, 0.1, 0.1])


def test_axes_carry_the_level_and_the_title_what_was_degraded(scores):
    figure = draw(scores, logarithmic=True)
    axes = figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["500", "1500", "5000"]
    assert axes.get_xlabel() == "bins recorded"
    assert figure.get_suptitle().startswith("Sparse tanh")
    assert "4 networks" in figure.get_suptitle()


def test_many_methods_look_different_with_one_seed_and_a_missing_level(scores):
    many = pd.concat([scores[scores.seed == 0].assign(method=f"method {number}") for number in range(15)])
    kept = many[~((many.method == "method 3") & (many.bins == 500))]
    figure = draw(kept, highlight=None)
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in figure.axes[0].lines}
    assert len(looks) == 16
    figure.savefig(io.BytesIO(), format="png")


def test_scores_that_cannot_be_drawn_are_refused(scores):
    with pytest.raises(UserError, match="no column 'hidden'"):
        draw(scores, level="hidden")
    with pytest.raises(UserError, match="must be positive"):
        draw(scores.assign(bins=0), logarithmic=True)
