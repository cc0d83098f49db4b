"""Halves against each other with their r, and connections against surrogates with the threshold."""

import io

import numpy as np
import pytest
from matplotlib.collections import PolyCollection

from synapsnet.errors import UserError
from synapsnet.viz.stability import draw_stability


def arrays(n_units):
    rng = np.random.default_rng(0)
    common = rng.standard_normal((n_units, n_units))
    first, second = common + 0.5 * rng.standard_normal((2, n_units, n_units))
    return [first, second, (first + second) / 2, 0.4 * rng.standard_normal((3, n_units, n_units))]


def draw(given, **changed):
    settings = {
        "threshold": 1.0,
        "false_discovery_rate": 0.05,
        "statistic": "absolute effect",
        "signal": "spikes",
        "session_id": "mouse",
    }
    return draw_stability(*given, **(settings | changed))


def between(matrix):
    return matrix[..., ~np.eye(matrix.shape[-1], dtype=bool)]


def test_a_dot_is_a_pair_of_units_in_both_halves():
    first, second, edges, null = arrays(12)
    axes = draw([first, second, edges, null]).axes[0]
    (cloud,) = [line for line in axes.lines if line.get_marker() == "."]
    np.testing.assert_array_equal(cloud.get_data(), [between(first), between(second)])
    r = np.corrcoef(between(first), between(second))[0, 1]
    assert axes.get_title(loc="left") == f"Half against half: r = {r:.2f}"
    assert axes.get_xlabel() == "first half (spikes per spike)"


def test_many_pairs_are_counted_in_hexagons():
    figure = draw(arrays(80))
    (hexagons,) = [c for c in figure.axes[0].collections if isinstance(c, PolyCollection)]
    within = np.abs(np.stack(arrays(80)[:2])).max(0) <= figure.axes[0].get_xlim()[1]
    assert hexagons.get_array().sum() == pytest.approx(between(within).sum(), abs=5)


def test_surrogates_are_scaled_to_the_number_of_connections():
    given = arrays(12)
    axes = draw(given).axes[1]
    recorded, surrogates = ({p.get_label(): p for p in axes.patches}[name] for name in ("recording", "surrogates"))
    assert recorded.get_data().values.sum() == 12 * 11
    assert surrogates.get_data().values.sum() == pytest.approx(12 * 11)
    counts = np.histogram(np.abs(between(given[2])), recorded.get_data().edges)[0]
    np.testing.assert_array_equal(recorded.get_data().values, counts)


def test_the_threshold_is_drawn_and_what_passes_it_counted():
    given = arrays(12)
    axes = draw(given, threshold=0.7).axes[1]
    assert {line.get_label(): line for line in axes.lines}["threshold"].get_xdata()[0] == 0.7
    n_selected = (np.abs(between(given[2])) >= 0.7).sum()
    assert axes.get_title(loc="left") == f"{n_selected} of 132 selected at FDR 0.05"


def test_titles_say_that_nothing_was_learned_and_nothing_selected():
    zeros = np.zeros((5, 5))
    figure = draw([zeros, zeros, zeros, np.zeros((2, 5, 5))], threshold=np.inf)
    assert figure.axes[0].get_title(loc="left").endswith("r undefined")
    assert figure.axes[1].get_title(loc="left").startswith("0 of 20")
    assert not figure.axes[1].lines
    figure.savefig(io.BytesIO(), format="png")


@pytest.mark.parametrize(("place", "message"), [(0, "first half"), (1, "second half"), (3, "null must be")])
def test_shapes_that_do_not_fit_are_refused(place, message):
    given = arrays(6)
    given[place] = given[place][..., :4]
    with pytest.raises(UserError, match=message):
        draw(given)


def test_what_was_not_fitted_is_not_drawn_and_says_so():
    first, second, edges, null = arrays(6)
    halves, against_null = draw([None, second, edges, null]).axes
    assert "Half against half: not fitted" in halves.get_title(loc="left")
    assert not halves.axison
    assert against_null.get_title(loc="left").endswith("selected at FDR 0.05")
    halves, against_null = draw([first, second, None, None]).axes[:2]
    assert halves.get_title(loc="left").startswith("Half against half: r")
    assert "Against surrogates: not fitted" in against_null.get_title(loc="left")
    with pytest.raises(UserError, match="nothing to draw"):
        draw([None, None, None, None])
