"""The end of training a SynapsNet: which members speak, and the connections.

Gradient steps on everything at once leave two questions, and validation answers both.

*How many unobserved neurons?* Current from unobserved neurons can imitate direct connections. So the members without
them compete with a committee that has them, and each side gets the connections that suit it. What direct connections
explain must be left to them: unobserved neurons speak only if they validate better by more than one standard error of
the difference over windows (Breiman et al. 1984).

*Which connections?* A is refined: its posterior under a sparse prior is fitted, given the decoders. The decoders of the
better committee are then trained a little further with A fixed, and A is refined again, if this validates better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor, nn

from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.refinement import DrivenByCurrents
from synapsnet.models.validation import session_nll, window_nll
from synapsnet.session import Batch, Batches

CHECKS = 6  # validations during polishing
CLIP = 1.0  # largest norm of a gradient


@dataclass(frozen=True)
class Polish:
    """Gradient steps with fixed connections.

    Attributes:
        steps: Their number; 0 for none.
        lr: Peak learning rate.
    """

    steps: int
    lr: float


@dataclass(frozen=True, eq=False)
class _Side:
    """Some members with connections that suit them.

    Attributes:
        members: Their indices.
        nll: Validation score.
        by_window: The same by window, ``[windows]``.
        state: Weights.
    """

    members: tuple[int, ...]
    nll: float
    by_window: Tensor
    state: dict[str, Tensor]

    def clearly_better_than(self, other: _Side) -> bool:
        """True if the gain exceeds one standard error of its mean over windows."""
        gain = other.by_window - self.by_window
        error = float(gain.std()) / math.sqrt(len(gain)) if len(gain) > 1 else math.inf
        return other.nll - self.nll > error


class Finishable(DrivenByCurrents, Protocol):
    """A committee of members around one connectivity; a `Forecaster`."""

    connectivity: Connectivity
    n_unobserved: tuple[int, ...]

    def speak(self, members: Sequence[int]) -> None:
        """Let only some members forecast."""


def finish(
    committee: Finishable,
    polish: Polish,
    *,
    train: Batches,
    validation: Batches,
    shuffled: Iterable[Batch],
) -> list[str]:
    """Decide which members speak, refine the connections, and polish the decoders; see the module.

    Args:
        committee: The model with its best weights.
        polish: The steps on its decoders with fixed connections.
        train: The train split in order.
        validation: The validation split.
        shuffled: The train split shuffled, another order in every pass.

    Returns:
        What was chosen, a line each.
    """
    model = cast(Forecaster, committee)
    refinable = committee.connectivity.refinable
    trained = _copied(model)

    def score() -> float:
        return float(session_nll(model, validation).mean())

    def refined() -> float:
        if refinable:
            committee.connectivity.refine(committee, train, validation)
        return score()

    sides, said = [], []
    for members in _sides(committee, score):
        model.load_state_dict(trained)
        committee.speak(members)
        nll = refined()
        sides.append(_Side(members, nll, window_nll(model, validation), _copied(model)))
        numbers = "+".join(str(committee.n_unobserved[member]) for member in members)
        said.append(f"{numbers} unobserved neurons: validation nll {nll:.4f}")
    side = sides[-1] if sides[-1].clearly_better_than(sides[0]) else sides[0]
    best = side.nll, side.state
    model.load_state_dict(side.state)
    if refinable and polish.steps:
        _polish(model, shuffled, score, polish)
        nll = refined()
        said.append(f"polished and refined again: validation nll {nll:.4f}")
        if nll < best[0]:
            best = nll, _copied(model)
    model.load_state_dict(best[1])
    chosen = ", ".join(str(committee.n_unobserved[member]) for member in side.members)
    return [*said, f"members that speak have {chosen} unobserved neurons: validation nll {best[0]:.4f}"]


def _sides(committee: Finishable, score: Callable[[], float]) -> list[tuple[int, ...]]:
    """The members without unobserved neurons, and the better of all members and those with unobserved neurons."""
    numbers = committee.n_unobserved
    without = tuple(member for member, n in enumerate(numbers) if not n)
    having = tuple(member for member, n in enumerate(numbers) if n)
    if not without or not having:
        return [without or having]
    scores = {}
    for members in (tuple(range(len(numbers))), having):
        committee.speak(members)
        scores[members] = score()
    return [without, min(scores, key=lambda members: scores[members])]


def _polish(model: Forecaster, shuffled: Iterable[Batch], score: Callable[[], float], polish: Polish) -> None:
    """Gradient steps from a warm-up down half a cosine; the weights that validate best stay."""
    steps, lr, parameters = polish.steps, polish.lr, list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=lr, weight_decay=0.0)
    best, step = (score(), _copied(model)), 0
    warm_up, check = max(steps // 10, 1), max(steps // CHECKS, 1)
    model.train()
    while step < steps:
        for batch in shuffled:
            rate = 0.5 * (1 + math.cos(math.pi * step / steps)) * min((step + 1) / warm_up, 1.0)
            optimizer.param_groups[0]["lr"] = lr * rate
            optimizer.zero_grad()
            torch.autograd.backward(model.training_loss(batch.to(model.device)))
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
            step += 1
            if step % check == 0 or step == steps:
                nll = score()
                if nll < best[0]:
                    best = nll, _copied(model)
            if step == steps:
                break
    model.load_state_dict(best[1])
    model.eval()


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
