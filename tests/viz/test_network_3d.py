"""The strongest connections between the right places, in the colour of their sign; still and interactive alike."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from synapsnet.errors import UserError
from synapsnet.viz.network_3d import PIECES, draw_network, interactive_network, network_page, strongest_connections
from synapsnet.viz.style import BLUE, VERMILION

N_UNITS = 8
POSITIONS = np.random.default_rng(0).random((N_UNITS, 3)) * [100.0, 200.0, 800.0]
IDS = tuple(f"cell{unit}" for unit in range(N_UNITS))


@pytest.fixture
def connectivity():
    matrix = 0.01 * np.random.default_rng(1).random((N_UNITS, N_UNITS))
    np.fill_diagonal(matrix, 9.0)
    matrix[2, 5], matrix[1, 0], matrix[6, 3] = -3.0, 2.0, 1.0
    return matrix


def draw(connectivity, positions=POSITIONS, n_connections=3):
    return draw_network(connectivity, positions, n_connections=n_connections, session_id="mouse")


def interact(connectivity, positions=POSITIONS, n_connections=3, unit_ids=IDS):
    return interactive_network(
        connectivity, positions, n_connections=n_connections, unit_ids=unit_ids, session_id="mouse"
    )


def lines(figure):
    """Pieces of the lines, ``[connections, pieces, 2, 3]`` with widths, by colour."""
    drawn = {}
    for collection in figure.axes[0].collections:
        if hasattr(collection, "_segments3d"):  # the only record of depth that matplotlib keeps
            pieces = np.array(collection._segments3d).reshape(PIECES, -1, 2, 3).swapaxes(0, 1)
            drawn[to_hex(collection.get_color()[0]).upper()] = (pieces, np.array(collection.get_linewidth()))
    return drawn


def test_the_strongest_come_first_without_the_diagonal(connectivity):
    post, pre = strongest_connections(connectivity, 3)
    assert list(zip(post.tolist(), pre.tolist(), strict=True)) == [(2, 5), (1, 0), (6, 3)]


def test_no_more_than_there_are(connectivity):
    sparse = np.where(connectivity == 2.0, 2.0, 0.0)
    assert strongest_connections(sparse, 10) == (np.array([1]), np.array([0]))


def test_a_line_runs_from_sender_to_receiver_in_the_colour_of_its_sign(connectivity):
    drawn = lines(draw(connectivity))
    pieces, widths = drawn[BLUE]
    np.testing.assert_allclose(pieces[0, 0, 0], POSITIONS[5])
    np.testing.assert_allclose(pieces[0, -1, 1], POSITIONS[2])
    assert (np.diff(widths) < 0).all()  # thick at the sender
    pieces, _ = drawn[VERMILION]
    np.testing.assert_allclose(pieces[:, 0, 0], POSITIONS[[0, 3]])
    np.testing.assert_allclose(pieces[:, -1, 1], POSITIONS[[1, 6]])


def test_axes_are_in_micrometres_and_true_to_scale(connectivity):
    figure = draw(connectivity)
    axes = figure.axes[0]
    assert [axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()] == ["x (µm)", "y (µm)", "z (µm)"]
    sides = [high - low for low, high in (axes.get_xlim(), axes.get_ylim(), axes.get_zlim())]
    np.testing.assert_allclose(sides / axes._box_aspect, sides[0] / axes._box_aspect[0])
    assert "3 strongest connections of 8 units" in figure.get_suptitle()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"excites (2)", "inhibits (1)"} <= set(names)


@pytest.mark.parametrize("positions", [POSITIONS * [1, 1, 0], np.zeros_like(POSITIONS)], ids=["plane", "one place"])
def test_a_plane_and_a_single_place_have_room_on_every_side(connectivity, positions):
    axes = draw(connectivity, positions).axes[0]
    for (low, high), places in zip((axes.get_xlim(), axes.get_ylim(), axes.get_zlim()), positions.T, strict=True):
        assert low < places.min() <= places.max() < high
    assert len(interact(connectivity, positions).data) == 5


def test_without_connections_units_alone_are_drawn(connectivity):
    assert lines(draw(np.zeros_like(connectivity))) == {}
    units, *others = interact(np.zeros_like(connectivity)).data
    assert units.text == IDS
    assert not any(len(trace.x) for trace in others)


def test_the_interactive_figure_shows_the_same(connectivity):
    traces = interact(connectivity).data
    units, excites, _, inhibits, arrow = traces
    np.testing.assert_array_equal(np.stack([units.x, units.y, units.z], axis=1), POSITIONS)
    assert units.text == IDS
    assert excites.name == "excites (2)"
    line = np.stack([inhibits.x, inhibits.y, inhibits.z], axis=1)
    np.testing.assert_allclose(line, [POSITIONS[5], POSITIONS[2], [np.nan] * 3])
    assert inhibits.line.color == BLUE
    np.testing.assert_allclose([arrow.x[0], arrow.y[0], arrow.z[0]], POSITIONS[2])  # its tip is at the receiver
    away = POSITIONS[2] - POSITIONS[5]
    np.testing.assert_allclose([arrow.u[0], arrow.v[0], arrow.w[0]], away / np.linalg.norm(away))
    assert arrow.text == ("cell5 inhibits cell2<br>effect -3",)


def test_the_page_needs_no_network(connectivity):
    page = network_page(connectivity, POSITIONS, n_connections=3, unit_ids=IDS, session_id="mouse")
    assert page.rstrip().endswith("</html>")
    assert "<script src=" not in page
    assert "cell5 inhibits cell2" in page


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"positions": POSITIONS[:, :2]}, r"\[units, 3\]"),
        ({"positions": POSITIONS[:5]}, r"\[5 post, 5 pre\]"),
        ({"positions": POSITIONS * np.nan}, "known position"),
        ({"n_connections": 0}, "at least 1"),
    ],
)
def test_what_does_not_fit_is_refused(connectivity, changed, message):
    for show in (draw, interact):
        with pytest.raises(UserError, match=message):
            show(connectivity, **changed)


def test_every_unit_needs_a_name(connectivity):
    with pytest.raises(UserError, match="1 unit_ids for 8 units"):
        interact(connectivity, unit_ids=("a",))
