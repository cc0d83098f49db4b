"""Every score is drawn in the row of its method and the panel of its metric, together with chance."""

import io

import numpy as np
import pandas as pd
import pytest

from synapsnet.errors import UserError
from synapsnet.viz.recovery import draw_recovery
from synapsnet.viz.style import VERMILION

MEANS = {"correlation": 0.3, "SynapsNet": 0.9, "VAR": 0.7}


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            {
                "network": network,
                "method": method,
                "seed": seed,
                "pearson_r": mean + 0.01 * rng.standard_normal(),
                "auprc": mean - 0.1,
                "auprc_chance": chance,
            }
            for network, chance in (("sparse", 0.1), ("ring", 0.4))
            for method, mean in MEANS.items()
            for seed in range(7)
        ]
    )


def dots(axes):
    """Scores of each row, by method."""
    names = [label.get_text() for label in axes.figure.axes[0].get_yticklabels()]
    lines = [line for line in axes.lines if line.get_marker() == "."]
    return {names[round(np.mean(line.get_ydata()))]: (line.get_xdata(), line.get_color()) for line in lines}


def test_the_best_method_is_on_top(scores):
    axes = draw_recovery(scores, highlight=None).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["SynapsNet", "VAR", "correlation"]
    low, high = axes.get_ylim()
    assert low > high


def test_a_panel_holds_the_scores_of_its_network_and_metric(scores):
    panels = draw_recovery(scores, highlight="SynapsNet").axes
    assert len(panels) == 4
    for axes, (network, metric) in zip(
        panels, [(n, m) for n in ("sparse", "ring") for m in ("pearson_r", "auprc")], strict=True
    ):
        drawn = dots(axes)
        for method in MEANS:
            expected = scores[(scores.network == network) & (scores.method == method)][metric]
            np.testing.assert_array_equal(drawn[method][0], expected)
            assert (drawn[method][1] == VERMILION) == (method == "SynapsNet")
            assert f"{expected.median():.2f}" in {text.get_text() for text in axes.texts}


def test_chance_is_zero_for_a_correlation_and_the_networks_own_for_precision(scores):
    panels = draw_recovery(scores, highlight=None).axes
    chance = [next(line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--") for axes in panels]
    np.testing.assert_allclose(chance, [0.0, 0.1, 0.0, 0.4])


def test_titles_say_which_network_and_how_many(scores):
    panels = draw_recovery(scores, highlight=None).axes
    assert panels[0].get_title(loc="left") == "sparse, n = 7"
    assert panels[2].get_title(loc="left") == "ring, n = 7"
    assert "truth" in panels[2].get_xlabel()


def test_a_method_missing_from_a_network_has_no_dots_there(scores):
    kept = scores[~((scores.network == "ring") & (scores.method == "VAR"))]
    figure = draw_recovery(kept[kept.seed == 0], highlight=None)
    assert set(dots(figure.axes[2])) == {"SynapsNet", "correlation"}
    figure.savefig(io.BytesIO(), format="png")


def test_scores_without_a_column_or_rows_are_refused(scores):
    with pytest.raises(UserError, match="no column 'auprc_chance'"):
        draw_recovery(scores.drop(columns="auprc_chance"), highlight=None)
    with pytest.raises(UserError, match="no rows"):
        draw_recovery(scores[:0], highlight=None)
