"""Unobserved neurons: an own path between units, which is reported apart."""

from __future__ import annotations

import pytest
import torch
from laws import KINDS, Kind, build, descend, simulated, small_task

from synapsnet.analysis.jacobian import differentiable, differentiated
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.models.synapsnet import SynapsNet


def speaking(kind: Kind, members: list[int]) -> tuple[SynapsNet, Task]:
    """A SynapsNet after some steps, of whose two members some speak; the second has unobserved neurons."""
    task = small_task(simulated(kind), kind)
    model = build("synapsnet", task.spec, "model.unobserved=[0,8]")
    assert isinstance(model, SynapsNet)
    descend(model, task, steps=30)
    model.speak(members)
    return model.eval(), task


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("members", [[0, 1], [1]])
def test_direct_effects_and_those_by_unobserved_neurons_add_up(kind: Kind, members: list[int]) -> None:
    """To the Jacobian of the forecast, lag by lag, in both sessions."""
    model, task = speaking(kind, members)
    for session, batch in enumerate(task.loader("test", batch_size=64)):
        full = batch.scored[:, -1]
        given = batch.past[full], batch.behavior[full], session, batch.slow[full]
        with differentiable(model):
            via = model.via_unobserved(*given, 3)
            direct = model.effective_connectivity(*given, 3)
            total = differentiated(model, *given, n_lags=3, blocks=[len(given[0])])[0]
        assert float(via.abs().max()) > 1e-4
        torch.testing.assert_close(direct + via, total, rtol=1e-4, atol=1e-4 * float(total.abs().max()))


def test_silent_unobserved_neurons_leave_direct_connections() -> None:
    model, task = speaking("spikes", [0, 1])
    batch = next(iter(task.loader("test", batch_size=64)))
    moved = batch.past.clone()
    moved[:, :, 0] += 3
    every = torch.ones(17, 17, dtype=torch.bool)

    @torch.no_grad()
    def change() -> torch.Tensor:
        before, after = (model(past, batch.behavior, 0, batch.slow) for past in (batch.past, moved))
        return (after - before)[:, :, 1:]

    with model.without_edges(0, every):
        assert change().any()
        with model.without_unobserved():
            assert not change().any()
        assert change().any()  # heard again


def test_members_without_unobserved_neurons_have_no_other_path() -> None:
    model, task = speaking("spikes", [0])
    batch = next(iter(task.loader("test", batch_size=64)))
    assert not model.via_unobserved(batch.past, batch.behavior, 0, batch.slow, 2).any()


def test_a_member_speaks_without_its_unobserved_neurons() -> None:
    model, task = speaking("spikes", [0, 1])
    model.speak([0, 1], unobserved=False)
    batch = next(iter(task.loader("test", batch_size=64)))
    given = batch.past, batch.behavior, 0, batch.slow
    assert not model.via_unobserved(*given, 2).any()
    with torch.no_grad():
        found = model(*given)
        model.speak([0, 1])
        assert not torch.allclose(found, model(*given))
        with model.without_unobserved():
            torch.testing.assert_close(found, model(*given))
    assert model.n_heard == (0, 8)


@pytest.mark.parametrize("unobserved", [True, False])
def test_who_speaks_is_saved(unobserved: bool) -> None:
    model, task = speaking("spikes", [1])
    model.speak([1], unobserved=unobserved)
    other = build("synapsnet", task.spec, "model.unobserved=[0,8]", seed=1).eval()
    other.load_state_dict(model.state_dict())
    batch = next(iter(task.loader("test", batch_size=64)))
    given = batch.past, batch.behavior, 0, batch.slow
    with torch.no_grad():
        assert torch.equal(other(*given), model(*given))


@pytest.mark.parametrize("numbers", ["[]", "[-1]", "[0.5]"])
def test_refuses_numbers_of_neurons_that_are_none(numbers: str) -> None:
    task = small_task(simulated("spikes", units=(3,)), "spikes")
    with pytest.raises(UserError, match="must be whole numbers of neurons"):
        build("synapsnet", task.spec, f"model.unobserved={numbers}")
