"""The strongest connections against random ones, with their spread."""

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.viz.edge_removal import draw_edge_removal

SHARES = np.array([0.0, 0.01, 0.125, 1.0])


@pytest.fixture
def scores():
    return np.array([0.06, 0.03, 0.02, 0.0]), np.random.default_rng(0).random((8, 4))


def draw(scores, shares=SHARES):
    return draw_edge_removal(shares, *scores, score="information (bits per spike)", session_id="mouse")


def test_lines_hold_the_scores_and_the_band_their_deviation(scores):
    axes = draw(scores).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(lines["the strongest"].get_data(), [SHARES, scores[0]])
    (name,) = set(lines) - {"the strongest"}
    assert "8 draws" in name
    np.testing.assert_allclose(lines[name].get_ydata(), scores[1].mean(0))
    corners = axes.collections[0].get_paths()[0].vertices
    assert corners[:, 1].max() == pytest.approx((scores[1].mean(0) + scores[1].std(0)).max())


def test_axes_carry_the_score_and_per_cent(scores):
    figure = draw(scores)
    assert figure.axes[0].get_ylabel() == "information (bits per spike)"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["0%", "1%", "12.5%", "100%"]
    assert "removed" in figure.axes[0].get_xlabel()
    assert figure.axes[0].get_title(loc="left").startswith("mouse")


def test_shapes_that_do_not_fit_are_refused(scores):
    with pytest.raises(UserError, match=r"\[draws, steps\]"):
        draw((scores[0], scores[1].T))
    with pytest.raises(UserError, match="edge removal needs"):
        draw(scores, shares=SHARES[:3])
    with pytest.raises(UserError, match="above 0 and a random draw"):
        draw((scores[0], scores[1][:0]))
