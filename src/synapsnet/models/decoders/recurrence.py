"""A gated recurrent unit whose pointwise work stays in the cache of a core."""

from __future__ import annotations

from typing import Any, NamedTuple, final

import torch
from torch import Tensor, nn

_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


class Gates(NamedTuple):
    """The parts of every step: views of one tensor, ``[time, 4 hidden, rows]``.

    Attributes:
        heard: What the candidate receives from the state, before the reset gate multiplies it, ``[hidden, rows]``.
        reset: The reset gate, ``[hidden, rows]``.
        update: The update gate, the share of the state that stays, ``[hidden, rows]``.
        candidate: The candidate for the next state, ``[hidden, rows]``.
        of_state: The first three, which receive from the state, ``[3 hidden, rows]``.
        of_signals: The last three, which receive from the signals, ``[3 hidden, rows]``.
    """

    heard: tuple[Tensor, ...]
    reset: tuple[Tensor, ...]
    update: tuple[Tensor, ...]
    candidate: tuple[Tensor, ...]
    of_state: tuple[Tensor, ...]
    of_signals: tuple[Tensor, ...]

    @classmethod
    def of(cls, values: Tensor) -> Gates:
        """Views of ``[time, 4 hidden, rows]``."""
        hidden = values.shape[1] // 4
        parts = *values.chunk(4, dim=1), values[:, :-hidden], values[:, hidden:]
        return cls(*(part.unbind() for part in parts))


@final
class GatedReadout(torch.autograd.Function):
    """Readout of a gated recurrent unit, with a backward pass written by hand.

    The unit is that of Cho et al. (2014) in the form of `torch.nn.GRU`. Its state ``h`` is kept as ``g = (h + 1) / 2``,
    because ``tanh(a) = 2 σ(2 a) - 1``, and torch's ``tanh`` takes a CPU several times as long as its ``σ``:

        ``r, z = σ(a + W g_t-1)``, ``c = σ(b + r (d + V g_t-1))``, ``g_t = (1 - z) c + z g_t-1``, ``g_0 = 1/2``.

    `gated_readout` has the weights for ``g`` from those of torch. ``a`` and ``b`` are linear in the signals.

    Rows are sequences. They come last in memory, so that each part of a step is one contiguous piece, and a step of
    some hundred rows fits the cache of a core. torch's unit makes a new tensor in every operation, and copies parts.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]  # torch's
    def forward(
        ctx: Any,
        signals: Tensor,
        offset: Tensor,
        of_signals: Tensor,
        of_state: Tensor,
        readout: Tensor,
        first: int,
        kept: bool,
    ) -> Tensor:
        """Sum over hidden units of the readout times ``g``, from step ``first`` on, ``[time - first, rows]``.

        Args:
            ctx: Kept for the backward pass.
            signals: ``[time, inputs, rows]``.
            offset: All parts without signals and state, in the order of `Gates`, ``[4 hidden, rows]``.
            of_signals: Weights of the signals, ``[3 hidden, inputs]``, see `Gates`.
            of_state: Weights of the state, ``[3 hidden, hidden]``, see `Gates`.
            readout: ``[hidden, rows]``.
            first: The first step that is returned.
            kept: True if a backward pass may follow; otherwise each step is written over the one before.
        """
        time, (hidden, rows) = len(signals), readout.shape
        states = signals.new_empty(time + 1 if kept else 1, hidden, rows).expand(time + 1, -1, -1)
        values = signals.new_empty(time if kept else 1, 4 * hidden, rows).expand(time, -1, -1)
        response, product = signals.new_empty(time - first, rows), torch.empty_like(readout)
        gates, state, switches = Gates.of(values), states.unbind(), values[:, hidden:-hidden].unbind()
        state[0].fill_(0.5)
        for t, signal in enumerate(signals.unbind()):
            gates.heard[t].copy_(offset[:hidden])
            torch.addmm(offset[hidden:], of_signals, signal, out=gates.of_signals[t])
            gates.of_state[t].addmm_(of_state, state[t])
            switches[t].sigmoid_()
            candidate = gates.candidate[t].addcmul_(gates.reset[t], gates.heard[t]).sigmoid_()
            torch.lerp(candidate, state[t], gates.update[t], out=state[t + 1])
            if t >= first:
                torch.sum(torch.mul(state[t + 1], readout, out=product), 0, out=response[t - first])
        ctx.save_for_backward(signals, of_signals, of_state, readout, states, values)
        ctx.first = first
        return response

    @staticmethod
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]  # torch's
    def backward(ctx: Any, response: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the arguments of `forward`, from that of its result."""
        if torch.is_grad_enabled():  # torch's `once_differentiable` would leave some second derivatives 0
            raise RuntimeError("a GRU decoder on a CPU has no second derivatives")
        signals, of_signals, of_state, readout, states, values = ctx.saved_tensors
        gates, state = Gates.of(values), states.unbind()
        slopes = torch.empty_like(values[0])  # at one step, with respect to all gates before their sigmoid
        heard, reset, update, candidate, to_state, to_signals = (part[0] for part in Gates.of(slopes[None]))
        by_signals, by_offset, by_readout = map(torch.zeros_like, (signals, slopes, readout))
        by_weights, by_recurrence = torch.zeros_like(of_signals), torch.zeros_like(of_state)
        slope, stays = torch.zeros_like(readout), torch.empty_like(readout)  # with respect to the state
        for t in reversed(range(len(signals))):
            if t >= ctx.first:
                slope.addcmul_(readout, response[t - ctx.first])
                by_readout.addcmul_(state[t + 1], response[t - ctx.first])
            torch.mul(slope, gates.update[t], out=stays)
            slope.sub_(stays)  # with respect to the candidate
            torch.sub(state[t + 1], gates.candidate[t], out=update).mul_(slope)
            _sigmoid_backward(slope, gates.candidate[t], grad_input=candidate)
            torch.mul(candidate, gates.reset[t], out=heard)
            _sigmoid_backward(torch.mul(candidate, gates.heard[t], out=slope), gates.reset[t], grad_input=reset)
            torch.addmm(stays, of_state.T, to_state, out=slope)
            torch.mm(of_signals.T, to_signals, out=by_signals[t])
            by_recurrence.addmm_(to_state, state[t].T)
            by_weights.addmm_(to_signals, signals[t].T)
            by_offset.add_(slopes)
        return by_signals, by_offset, by_weights, by_recurrence, by_readout, None, None


def gated_readout(
    gru: nn.GRU, signals: Tensor, tokens: Tensor, constant: Tensor, readout: Tensor, first: int
) -> Tensor:
    """``(gru(tokens · signals + constant) · readout).sum()`` over the hidden units, ``[time - first, batch, units]``.

    That of torch to rounding, which is some 1e-7 of the sum of the readout in float32. No second derivatives.

    Args:
        gru: One layer, whose input is as wide as its state.
        signals: ``[time, inputs, batch, units]``.
        tokens: Their weights in the input of the GRU, ``[hidden, inputs]``.
        constant: The part of that input that stays, ``[hidden, units]``.
        readout: ``[hidden, batch, units]``.
        first: The first step that is returned, from 0.
    """
    (_, _, batch, units), hidden = signals.shape, gru.hidden_size
    # torch has the rows of reset gate, update gate and candidate. Those of the candidate are doubled for its σ.
    doubled = signals.new_ones(3 * hidden, 1)
    doubled[-hidden:] = 2.0
    weights, recurrent, bias, heard_bias = (
        doubled * getattr(gru, name).view(3 * hidden, -1)
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    )
    heard_bias = heard_bias - recurrent.sum(1, keepdim=True)  # the state is 2 g - 1
    offset = weights @ constant + bias
    offset = torch.cat(
        [heard_bias[-hidden:].expand(-1, units), offset[:-hidden] + heard_bias[:-hidden], offset[-hidden:]]
    )
    response: Tensor = GatedReadout.apply(  # type: ignore[no-untyped-call]  # torch's
        signals.flatten(2).contiguous(),  # the recurrence takes the layout of its arguments for its own tensors
        offset[:, None].expand(-1, batch, -1).flatten(1),
        weights @ tokens,
        (2 * recurrent).roll(hidden, 0),
        (2 * readout).flatten(1).contiguous(),
        first,
        torch.is_grad_enabled(),
    )
    return response.view(len(response), batch, units) - readout.sum(0, dtype=response.dtype)
