import numpy as np
import torch

from synapsnet.likelihoods import Gaussian, Poisson
from synapsnet.models.persistence import Persistence


def test_repeats_the_last_bin(planted_task):
    rng = np.random.default_rng(0)
    task = planted_task(rng.poisson(2.0, size=(400, 5)), signal="spikes")
    model = Persistence(spec=task.spec, likelihood=Poisson())
    batch = task.train[0]
    torch.testing.assert_close(model.predicted(batch.past, batch.behavior, 0, batch.slow), batch.past)


def test_the_floor_of_rates_is_chosen_on_validation(planted_task):
    """Noise asks for a high floor, bursts and silence for a low one; the train split, which is noise, has no say."""
    rng = np.random.default_rng(0)
    noise = rng.poisson(1.0, size=(300, 5))
    bursts = np.repeat(np.tile([0, 0, 0, 3], 8), 25)[:100, None] * np.ones((1, 5), dtype=int)
    floors = []
    for held_out in (noise[:100], bursts):
        task = planted_task(np.concatenate([noise, held_out]), signal="spikes")
        model = Persistence(spec=task.spec, likelihood=Poisson())
        model.fit_closed_form(task.train, task.validation)
        floors.append(model.floor[0] / model.scale(0).raw_mean)
    torch.testing.assert_close(floors[0], torch.full((5,), 0.5))
    assert (floors[1] < 0.1).all()


def test_spread_is_that_of_the_changes_in_train_and_validation(planted_task):
    rng = np.random.default_rng(0)
    task = planted_task(rng.normal(size=(400, 5)).cumsum(0), signal="calcium", context_bins=1)
    model = Persistence(spec=task.spec, likelihood=Gaussian())
    model.fit_closed_form(task.train, task.validation)
    batch = task.train[0]
    sd = model.likelihood.distribution(model(batch.past, batch.behavior, 0, batch.slow)).stddev[0, 0]
    changes = torch.cat([(b.target - b.past)[b.scored] for b in (*task.train, *task.validation)])
    torch.testing.assert_close(sd, changes.square().mean(0).sqrt(), rtol=1e-4, atol=1e-4)
