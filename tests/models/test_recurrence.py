"""The recurrence that a CPU runs, against that of torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from laws import simulated, small_task
from torch import Tensor, nn
from torch.autograd import functional

from synapsnet.models.decoders.gru import GruDecoder
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


def _penalty(case: Case) -> None:
    (gradient,) = torch.autograd.grad(case.found().sum(), case.given[:1], create_graph=True)
    gradient.square().sum().backward()


@pytest.mark.parametrize(
    "second",
    [
        _penalty,
        lambda case: functional.hvp(lambda *given: gated_readout(case.gru, *given, 0).square().sum(), *_pair(case)),
        lambda case: functional.jvp(lambda *given: gated_readout(case.gru, *given, 0), *_pair(case)),
    ],
    ids=["a penalty on gradients", "a Hessian", "forward by twice backward"],
)
def test_a_second_derivative_is_refused_and_never_0(second: Callable[[Case], object]) -> None:
    with pytest.raises(RuntimeError, match="no second derivatives"):
        second(Case(torch.float64))


def _pair(case: Case) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    given = tuple(tensor.detach() for tensor in case.given)
    return given, given


@pytest.mark.parametrize("first", [0, 9])
def test_without_gradients_the_response_is_the_same_to_the_last_bit(first: int) -> None:
    case = Case(torch.float32)
    with torch.no_grad():
        found = case.found(first)
    assert torch.equal(found, case.found(first))


@pytest.mark.parametrize(("batch", "units"), [(0, UNITS), (BATCH, 0)])
def test_no_windows_and_no_units_are_no_error(batch: int, units: int) -> None:
    case = Case(torch.float32)
    signals, tokens, constant, readout = case.given
    given = signals[:, :, :batch, :units], tokens, constant[:, :units], readout[:, :batch, :units]
    assert gated_readout(case.gru, *given, 4).shape == (TIME - 4, batch, units)


@pytest.mark.parametrize("size", [1.0, 0.05])
def test_mixed_precision_is_that_of_float32_to_rounding(size: float) -> None:
    """Rounding is relative to the response, also where states are small."""
    case = Case(torch.float32)
    with torch.no_grad():
        for parameter in case.gru.parameters():
            parameter *= size
        case.given[3].add_(1.0)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = case.found()
    weights = torch.randn_like(mixed)
    gradients = torch.autograd.grad(mixed, case.leaves, weights)
    expected = case.expected()
    torch.testing.assert_close(mixed, expected, rtol=0, atol=0.02 * expected.abs().max().item())
    for gradient, of_torch in zip(gradients, torch.autograd.grad(expected, case.leaves, weights), strict=True):
        torch.testing.assert_close(gradient, of_torch, rtol=0, atol=0.05 * of_torch.abs().max().item())


@pytest.mark.parametrize("behavior", [True, False])
@pytest.mark.parametrize("first", [0, 4])
def test_a_decoder_on_a_cpu_reads_as_on_other_devices(*, behavior: bool, first: int) -> None:
    """The other devices run torch's GRU, which a CPU can run, too."""
    decoder, given = _decoder_and_input(behavior=behavior)
    readout = torch.randn(3, 5, 8)
    found, expected = (read(*given, readout, first) for read in (decoder._read_on_cpu, decoder._read))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_dropout_is_one_mask_for_each_window():
    decoder, (features, embeddings, behavior) = _decoder_and_input(behavior=True)
    decoder.dropout.p = 0.5
    features[1], behavior[1] = features[0], behavior[0]
    dropped, again = decoder(features, embeddings, behavior, 0), decoder(features, embeddings, behavior, 0)
    assert not torch.allclose(dropped[0], dropped[1])
    assert not torch.allclose(dropped, again)
    decoder.eval()
    whole = decoder(features, embeddings, behavior, 0)
    torch.testing.assert_close(whole[0], whole[1])


def _decoder_and_input(*, behavior: bool) -> tuple[GruDecoder, tuple[Tensor, Tensor, Tensor]]:
    task = small_task(simulated("spikes"), "spikes", **({} if behavior else {"behavior": []}))
    torch.manual_seed(0)
    decoder = GruDecoder(spec=task.spec, embedding_dim=4, hidden=8, dropout=0.0)
    features = torch.randn(3, 12, 5, decoder.signals.in_features)
    return decoder, (features, torch.randn(5, 4), torch.randn(3, 12, task.spec.n_behavior))
