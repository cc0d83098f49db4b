"""Members of a committee in training: what they share, and what they do not compute."""

from __future__ import annotations

import pytest
import torch
from laws import KINDS, Kind, build, descend, simulated, small_task

from synapsnet.models.committee import following
from synapsnet.models.synapsnet import SynapsNet


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("decoder", ["fir", "gru", "transformer"])
def test_context_that_is_not_decoded_changes_no_loss_and_no_gradient(kind: Kind, decoder: str) -> None:
    """The loss of training is the mean loss of members that forecast whole windows by themselves."""
    task = small_task(simulated(kind), kind)
    model = build("synapsnet", task.spec, f"model/decoder={decoder}", "model.unobserved=[0,8]")
    assert isinstance(model, SynapsNet)
    descend(model, task, steps=4)
    model.eval()  # no dropout
    weights = list(model.parameters())
    for batch in list(task.loader("train", batch_size=16))[::3]:
        model.speak([0, 1])
        loss = model.training_loss(batch)
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        whole = torch.zeros(())
        for member in (0, 1):
            model.speak([member])
            params = model(batch.past, batch.behavior, batch.session, batch.slow)
            whole = whole + model.loss_of(params, batch) / 2
        torch.testing.assert_close(loss, whole, rtol=1e-5, atol=1e-6)
        expected = torch.autograd.grad(whole, weights, allow_unused=True)
        assert [g is None for g in gradients] == [g is None for g in expected]
        for gradient, by_whole in zip(gradients, expected, strict=True):
            if gradient is not None:
                torch.testing.assert_close(gradient, by_whole, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("decoder", "complete"),
    [("fir", True), ("fir", False), ("gru", True), ("gru", False), ("transformer", True)],
)
def test_decoders_that_follow_a_window_decode_as_each_does(kind: Kind, decoder: str, complete: bool) -> None:
    task = small_task(simulated(kind), kind, **({} if complete else {"behavior": []}))
    settings = (f"model/decoder={decoder}", "model.unobserved=[0,0,8]", f"model.slow_state={str(complete).lower()}")
    model = build("synapsnet", task.spec, *settings)
    assert isinstance(model, SynapsNet)
    descend(model, task, steps=4)
    model.eval().speak([2, 0])
    with torch.no_grad():
        for batch in list(task.loader("train", batch_size=16))[::3]:
            inputs = model.inputs(batch.past, batch.session)
            series = (inputs, model.connectivity(inputs, batch.session), batch.behavior)
            last = inputs.shape[1] - 1
            expected = torch.stack(model.decoded(*series, batch.session, batch.slow, first=last))
            for window in (0, len(inputs) - 1):
                follower = following(model.speaking_members(), batch.session, task.spec.window_bins)
                for bin_ in range(last + 1):
                    of_bin = (each[window, None, None, bin_] for each in (*series, model.read_slow(batch.slow)))
                    follower.add(*of_bin)
                torch.testing.assert_close(follower.drives()[:, 0], expected[:, window], rtol=1e-5, atol=1e-6)
