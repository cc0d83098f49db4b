"""The learning curve shows what was logged."""

import numpy as np
import pandas as pd
import pytest

from synapsnet.viz.learning_curve import draw_learning_curve


@pytest.fixture
def metrics():
    """Rows of the training loss and of the validation loss take turns, as a logger writes them."""
    train = pd.DataFrame({"step": [0, 50, 100, 150], "train/nll": [0.9, 0.7, 0.6, 0.5]})
    validation = pd.DataFrame({"step": [60, 120, 150], "validation/nll": [0.8, 0.65, 0.7]})
    return pd.concat([train, validation]).sort_values("step", kind="stable")


def lines(figure):
    return {line.get_label(): line for line in figure.axes[0].lines}


def test_both_curves_are_drawn_without_gaps(metrics):
    drawn = lines(draw_learning_curve(metrics))
    np.testing.assert_array_equal(drawn["train, one batch"].get_xydata(), [[0, 0.9], [50, 0.7], [100, 0.6], [150, 0.5]])
    np.testing.assert_array_equal(drawn["validation"].get_xydata(), [[60, 0.8], [120, 0.65], [150, 0.7]])


def test_the_best_step_is_marked_and_named(metrics):
    figure = draw_learning_curve(metrics)
    np.testing.assert_array_equal(lines(figure)["best"].get_xydata(), [[120, 0.65]])
    assert "step 120" in figure.axes[0].get_title(loc="left")
    assert "0.65" in figure.axes[0].get_title(loc="left")


def test_axes_say_what_and_in_which_unit(metrics):
    axes = draw_learning_curve(metrics).axes[0]
    assert axes.get_xlabel() == "training step"
    assert "nats per unit-bin" in axes.get_ylabel()
