import numpy as np
import pytest
import torch

from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.mean import Mean


@pytest.mark.parametrize("signal", ["spikes", "calcium"])
def test_forecasts_the_train_mean_in_raw_units(planted_task, signal):
    activity = np.random.default_rng(0).poisson(2.0, size=(400, 5))
    task = planted_task(activity, signal=signal)
    model = Mean(spec=task.spec, likelihood=Poisson() if signal == "spikes" else Gaussian())
    model.fit_closed_form(task.train, task.validation)
    forecast = model.forecast(activity)
    np.testing.assert_allclose(forecast[3:], np.broadcast_to(activity[:300].mean(0), (397, 5)), rtol=1e-4)


def test_ignores_the_past(planted_task):
    task = planted_task(np.random.default_rng(0).poisson(2.0, size=(400, 5)), signal="spikes")
    model = Mean(spec=task.spec, likelihood=Poisson())
    batch = task.train[0]
    torch.testing.assert_close(
        model.predicted(batch.past, batch.behavior, 0, batch.slow),
        model.predicted(batch.past + 7, batch.behavior, 0, batch.slow),
    )
