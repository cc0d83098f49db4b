import numpy as np
import pytest
import torch
from laws import Kind, simulated, small_task
from scipy.signal import lfilter

from synapsnet.errors import UserError
from synapsnet.models.memory import Memory
from synapsnet.models.own_past import OwnPast
from synapsnet.session import TaskSpec


def spec_of(kind: Kind) -> TaskSpec:
    """A context of 5 bins in windows of 12."""
    return small_task(simulated(kind, units=(3,)), kind).spec


def test_holds_the_last_bins_and_the_traces_of_scipy():
    memory = Memory(spec=spec_of("spikes"), lags=2, time_constants=[1.5, 20.0])
    signal = torch.randn(4, 12, 3)
    found = memory(signal)
    assert found.shape == (4, 12, 3, memory.size)
    torch.testing.assert_close(found[..., 1], signal)
    torch.testing.assert_close(found[:, 1:, :, 0], signal[:, :-1])
    for trace, constant in enumerate([1.5, 20.0], start=2):
        decay = np.exp(-1 / constant)
        expected = lfilter([np.sqrt(1 - decay**2)], [1, -decay], signal.numpy(), axis=1)
        np.testing.assert_allclose(found[..., trace], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "size"), [("spikes", 5 + 2), ("levels", 5 + 2), ("increments", 5)])
def test_lags_end_with_the_context_and_increments_have_no_traces(kind, size):
    assert Memory(spec=spec_of(kind), lags=10, time_constants=[1.5, 20.0]).size == size


@pytest.mark.parametrize(("lags", "time_constants"), [(0, [5.0]), (3, [5.0, 0.0])])
def test_impossible_sizes_are_refused(lags, time_constants):
    with pytest.raises(UserError, match="at least 1 lag and positive time constants"):
        Memory(spec=spec_of("spikes"), lags=lags, time_constants=time_constants)


def test_own_past_starts_at_zero_and_keeps_units_apart():
    spec = spec_of("spikes")
    own_past = OwnPast(spec=spec, lags=3, time_constants=[5.0])
    inputs = torch.randn(2, 12, 3, requires_grad=True)
    slow = torch.randn(2, 12, 3, len(spec.slow_s), requires_grad=True)
    assert not own_past(inputs, 0, slow).any()
    torch.nn.init.ones_(own_past.filters[0])
    for gradient in torch.autograd.grad(own_past(inputs, 0, slow)[:, :, 1].sum(), (inputs, slow)):
        assert gradient[:, :, 1].all()
        assert not gradient[:, :, [0, 2]].any()
