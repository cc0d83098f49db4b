"""The matrix is drawn the right way round, with colours that are fair to both signs."""

import io

import numpy as np
import pytest

from synapsnet.viz.connectivity import clustered_order, draw_connectivity


def draw(connectivity, **changed):
    ids = tuple(f"cell{unit}" for unit in range(len(connectivity)))
    return draw_connectivity(connectivity, **({"unit_ids": ids, "signal": "spikes", "session_id": "mouse"} | changed))


@pytest.fixture
def connectivity():
    matrix = np.random.default_rng(0).standard_normal((60, 60))
    np.fill_diagonal(matrix, 0.0)
    matrix[3, 50] = 100.0
    return matrix


def test_rows_receive_and_columns_send(connectivity):
    axes = draw(connectivity).axes[0]
    image = axes.images[0]
    np.testing.assert_array_equal(image.get_array(), connectivity)
    assert image.origin == "upper"
    assert axes.get_ylabel() == "receiving unit (post)"
    assert axes.get_xlabel() == "sending unit (pre)"


def test_colours_are_symmetric_and_saturate_at_the_99th_percentile(connectivity):
    low, high = draw(connectivity).axes[0].images[0].get_clim()
    assert low == -high
    assert high == pytest.approx(np.percentile(np.abs(connectivity[~np.eye(60, dtype=bool)]), 99))
    assert high < 5


def test_a_few_strong_connections_among_zeros_are_not_clipped_away():
    sparse = np.zeros((50, 50))
    sparse[1, 2], sparse[4, 7] = 0.5, -0.2
    assert draw(sparse).axes[0].images[0].get_clim() == (-0.5, 0.5)


@pytest.mark.parametrize("n_units", [1, 3])
def test_no_connections_at_all_have_colours_for_both_signs(n_units):
    figure = draw(np.zeros((n_units, n_units)))
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high < 0
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize(
    ("signal", "unit"), [("spikes", "spikes of receiver per spike"), ("calcium", "activity of rec")]
)
def test_the_colour_bar_carries_the_unit(connectivity, signal, unit):
    assert unit in draw(connectivity, signal=signal).axes[1].get_ylabel()


def test_an_order_permutes_both_axes_and_the_names():
    matrix = np.arange(16.0).reshape(4, 4)
    order = np.array([2, 0, 3, 1])
    axes = draw(matrix, order=order).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix[np.ix_(order, order)])
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cell2", "cell0", "cell3", "cell1"]


def test_clustering_brings_planted_groups_together():
    rng = np.random.default_rng(1)
    group = rng.permutation(np.repeat([0, 1, 2], 10))
    matrix = np.where(group[:, None] == group, 1.0, 0.0) + 0.05 * rng.standard_normal((30, 30))
    order = clustered_order(matrix)
    assert sorted(order) == list(range(30))
    assert np.count_nonzero(np.diff(group[order])) == 2


@pytest.mark.parametrize("n_units", [1, 2])
def test_too_few_units_to_cluster_keep_their_order(n_units):
    np.testing.assert_array_equal(clustered_order(np.zeros((n_units, n_units))), np.arange(n_units))
