"""The recurrence that a CPU runs, against that of torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from synapsnet.models.decoders.recurrence import gated_readout

TIME, SIGNALS, BATCH, UNITS, HIDDEN = 30, 3, 4, 5, 8


class Case:
    """A GRU with everything it is given."""

    def __init__(self, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        self.gru = nn.GRU(HIDDEN, HIDDEN).to(dtype)
        shapes = (TIME, SIGNALS, BATCH, UNITS), (HIDDEN, SIGNALS), (HIDDEN, UNITS), (HIDDEN, BATCH, UNITS)
        self.given = [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]
        self.leaves = [*self.given, *self.gru.parameters()]

    def found(self, first: int = 0) -> Tensor:
        return gated_readout(self.gru, *self.given, first)

    def expected(self, first: int = 0) -> Tensor:
        signals, tokens, constant, readout = self.given
        tokens = torch.einsum("hs,tsbu->tbuh", tokens, signals) + constant.T
        states = self.gru(tokens.flatten(1, 2))[0].unflatten(1, (BATCH, UNITS))
        return torch.einsum("tbuh,hbu->tbu", states[first:], readout)


@pytest.mark.parametrize("first", [0, 9, TIME - 1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_forecasts_and_gradients_are_those_of_torch(dtype: torch.dtype, tolerance: float, first: int) -> None:
    case = Case(dtype)
    found, expected = case.found(first), case.expected(first)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=10 * tolerance)
    weights = torch.randn_like(found)
    gradients = [torch.autograd.grad(response, case.leaves, weights) for response in (found, expected)]
    for gradient, of_torch in zip(*gradients, strict=True):
        torch.testing.assert_close(
            gradient / of_torch.abs().max(), of_torch / of_torch.abs().max(), rtol=0, atol=tolerance
        )


def test_gradients_are_those_of_differences():
    case = Case(torch.float64)
    gru = case.gru.requires_grad_(False)
    assert torch.autograd.gradcheck(lambda *given: gated_readout(gru, *given, 20), case.given)


def test_a_graph_may_be_kept_for_another_backward_pass():
    case = Case(torch.float64)
    found = case.found()
    once, again = (torch.autograd.grad(found[-1].sum(), case.leaves, retain_graph=True) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(once, again, strict=True))


def test_a_second_derivative_is_refused():
    case = Case(torch.float64)
    (gradient,) = torch.autograd.grad(case.found().square().sum(), case.given[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_mixed_precision_is_that_of_float32_to_rounding():
    case = Case(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = case.found()
    mixed.sum().backward()
    gradients = [leaf.grad for leaf in case.leaves]
    expected = torch.autograd.grad(case.expected().sum(), case.leaves)
    torch.testing.assert_close(mixed, case.expected(), rtol=0, atol=0.2)
    for gradient, of_torch in zip(gradients, expected, strict=True):
        assert gradient is not None
        assert torch.corrcoef(torch.stack([gradient.flatten(), of_torch.flatten()]))[0, 1] > 0.99
