"""All matrices stand in one order, each in its own colours, with their correlation with the truth."""

import io

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.viz.connectivity import clustered_order, color_limit
from synapsnet.viz.matrices import draw_matrices

N_UNITS = 20


@pytest.fixture
def truth():
    matrix = np.random.default_rng(0).standard_normal((N_UNITS, N_UNITS))
    np.fill_diagonal(matrix, 0.0)
    return matrix


def panels(figure):
    return [axes for axes in figure.axes if axes.images]


def test_the_truth_comes_first_and_decides_the_order(truth):
    estimate = np.random.default_rng(1).standard_normal((N_UNITS, N_UNITS)) * 50
    drawn = panels(draw_matrices({"VAR": estimate}, truth=truth))
    order = clustered_order(truth)
    for axes, matrix in zip(drawn, (truth, estimate), strict=True):
        shown = axes.images[0].get_array() * color_limit(matrix)
        np.testing.assert_allclose(shown, matrix[np.ix_(order, order)])
        assert axes.images[0].get_clim() == (-1, 1)
        assert axes.images[0].origin == "upper"
    assert drawn[0].get_title(loc="left") == "truth"
    assert drawn[0].get_ylabel() == "receiving unit (post)"


def test_titles_carry_the_correlation_between_pairs_of_units(truth):
    estimate = -2 * truth + np.diag(np.full(N_UNITS, 1e6))
    titles = [axes.get_title(loc="left") for axes in panels(draw_matrices({"VAR": estimate}, truth=truth))]
    assert titles[1] == "VAR\nr = -1.00"


def test_a_method_without_sign_is_held_against_the_size_of_effects(truth):
    figure = draw_matrices({"transfer entropy": np.abs(truth)}, truth=truth, unsigned={"transfer entropy"})
    assert panels(figure)[1].get_title(loc="left") == "transfer entropy\nr with |truth| = 1.00"


def test_the_bar_says_that_each_matrix_has_its_own_scale(truth):
    figure = draw_matrices({"VAR": truth}, truth=truth)
    assert "99th percentile\nof its own matrix" in figure.axes[-1].get_ylabel()


def test_a_given_order_holds_without_truth(truth):
    order = np.arange(N_UNITS)[::-1]
    (axes,) = panels(draw_matrices({"VAR": truth}, order=order))
    np.testing.assert_allclose(axes.images[0].get_array() * color_limit(truth), truth[::-1, ::-1])
    assert axes.get_title(loc="left") == "VAR"


@pytest.mark.parametrize("n_methods", [1, 4, 9])
def test_there_is_a_panel_for_each_of_any_number_of_matrices(truth, n_methods):
    matrices = {f"method {number}": truth * number for number in range(n_methods)}  # the first is all zeros
    figure = draw_matrices(matrices, truth=truth)
    assert len(panels(figure)) == n_methods + 1
    assert panels(figure)[1].get_title(loc="left") == "method 0\nr undefined"
    figure.savefig(io.BytesIO(), format="png")


def test_matrices_that_do_not_fit_are_refused(truth):
    with pytest.raises(UserError, match="no matrix"):
        draw_matrices({})
    with pytest.raises(UserError, match=r"'VAR' must be \[20 post, 20 pre\]"):
        draw_matrices({"VAR": truth[:5, :5]}, truth=truth)
    with pytest.raises(UserError, match="NaN"):
        draw_matrices({"VAR": truth * np.nan}, truth=truth)
