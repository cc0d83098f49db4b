import numpy as np
import torch

from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.persistence import Persistence


def test_repeats_the_last_bin(planted_task):
    rng = np.random.default_rng(0)
    task = planted_task(rng.poisson(2.0, size=(400, 5)), signal="spikes")
    model = Persistence(spec=task.spec, likelihood=Poisson())
    batch = task.train[0]
    torch.testing.assert_close(model.predicted(batch.past, batch.behavior, 0), batch.past)


def test_spread_is_that_of_the_changes(planted_task):
    rng = np.random.default_rng(0)
    task = planted_task(rng.normal(size=(400, 5)).cumsum(0), signal="calcium", context_bins=1)
    model = Persistence(spec=task.spec, likelihood=Gaussian())
    model.fit_closed_form(task.train, task.validation)
    batch = task.train[0]
    sd = model.likelihood.distribution(model(batch.past, batch.behavior, 0)).stddev[0, 0]
    torch.testing.assert_close(sd, (batch.target - batch.past)[0].square().mean(0).sqrt(), rtol=1e-4, atol=1e-4)
