"""One order for all matrices: clustered above, region by region below with lines and names at the right places."""

import io

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.viz.connectivity import clustered_order, color_limit
from synapsnet.viz.ordered import draw_ordered, order_by_region, spread

N_UNITS = 30


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    learned, correlation = rng.standard_normal((2, N_UNITS, N_UNITS))
    return {"SynapsNet": learned, "pairwise correlation": correlation + correlation.T}


@pytest.fixture
def regions():
    return list(np.random.default_rng(1).permutation(["VISp"] * 20 + ["CA1"] * 9 + ["DG"]))


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_the_first_matrix_orders_them_all(matrices, regions):
    drawn = panels(draw_ordered(matrices, session_id="mouse", regions=regions))
    orders = [clustered_order(matrices["SynapsNet"]), order_by_region(matrices["SynapsNet"], regions)]
    expected = [(order, matrix) for order in orders for matrix in matrices.values()]
    for axes, (order, matrix) in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(axes.images[0].get_array() * color_limit(matrix), matrix[np.ix_(order, order)])
    assert [axes.get_title(loc="left") for axes in drawn] == [*matrices, *matrices]


def test_regions_are_kept_together_and_clustered_within(matrices, regions):
    order = order_by_region(matrices["SynapsNet"], regions)
    assert sorted(order) == list(range(N_UNITS))
    assert [regions[unit] for unit in order] == sorted(regions)
    members = np.flatnonzero(np.array(regions) == "VISp")
    within = clustered_order(matrices["SynapsNet"][np.ix_(members, members)])
    np.testing.assert_array_equal(order[10:], members[within])


def test_lines_run_between_regions_and_names_stand_beside_them(matrices, regions):
    axes = panels(draw_ordered(matrices, session_id="mouse", regions=regions))[2]
    across = [line.get_ydata()[0] for line in axes.lines if line.get_ydata()[0] == line.get_ydata()[1]]
    assert sorted(across) == [8.5, 9.5]
    assert {text.get_text(): text.xy[1] for text in axes.texts} == {"CA1": 4.0, "DG": 9.0, "VISp": 19.5}


def test_units_of_no_known_region_stand_together(matrices):
    regions = np.array(["", "VISp"] * (N_UNITS // 2))
    axes = panels(draw_ordered(matrices, session_id="mouse", regions=regions))[2]
    assert [text.get_text() for text in axes.texts] == ["VISp", "unknown"]


def test_without_regions_there_is_one_row(matrices):
    figure = draw_ordered(matrices, session_id="mouse", regions=None)
    assert len(panels(figure)) == 2
    assert "region" not in figure.get_suptitle()
    assert "mouse" in figure.get_suptitle()


def test_names_of_small_regions_keep_apart(matrices):
    regions = [f"region {unit % 15:02d}" for unit in range(N_UNITS)]
    figure = draw_ordered(matrices, session_id="mouse", regions=regions)
    places = sorted(text.xyann[1] for text in panels(figure)[2].texts)
    assert np.diff(places).min() > 0.05 * N_UNITS
    figure.savefig(io.BytesIO(), format="png")


def test_spread_moves_only_what_is_too_close():
    np.testing.assert_allclose(spread(np.array([0.0, 10.0, 20.0]), 2.0), [0, 10, 20])
    np.testing.assert_allclose(spread(np.array([0.0, 10.0, 10.5, 30.0]), 2.0), [0, 9.25, 11.25, 30])
    moved = spread(np.array([1.0, 1.1, 1.2, 1.3, 2.0]), 1.0)
    assert np.diff(moved).min() >= 1 - 1e-12
    assert moved.mean() == pytest.approx(1.32)


def test_what_does_not_fit_is_refused(matrices, regions):
    with pytest.raises(UserError, match="29 regions for 30 units"):
        draw_ordered(matrices, session_id="mouse", regions=regions[1:])
    with pytest.raises(UserError, match="'other' must be"):
        draw_ordered(matrices | {"other": np.zeros((4, 4))}, session_id="mouse", regions=None)
    with pytest.raises(UserError, match="no matrix"):
        draw_ordered({}, session_id="mouse", regions=None)
