"""The end of training a SynapsNet: which members speak, and the connections.

Gradient steps on everything at once leave two questions, and validation answers both.

*How many unobserved neurons?* Current from unobserved neurons can imitate direct connections. So the members without
them compete with a committee that has them, and each side gets the connections that suit it. What direct connections
explain must be left to them: unobserved neurons speak only if their members, each by itself, validate better by more
than one standard error of the difference over windows (Breiman et al. 1984). Each by itself, because a mean of several
forecasts is better than one of them even where nothing is unobserved.

*Which connections?* A is refined: its posterior under a sparse prior is fitted, given the decoders. The decoders of the
better committee are then trained a little further with A fixed, and A is refined again, if this validates better.

Where unobserved neurons do not speak, their members can: with their unobserved neurons silenced, all members' decoders
are trained a little further with A fixed, and speak if they validate clearly better than those that had none.
Frozen weights, which are another session's as well, stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from synapsnet.errors import UserError
from synapsnet.models.base import Forecaster
from synapsnet.models.connectivity.base import Connectivity
from synapsnet.models.refinement import DrivenByCurrents
from synapsnet.models.validation import HeldOut, held_out
from synapsnet.plain import is_number
from synapsnet.session import Batch, Batches

CHECKS = 6  # validations during polishing
CLIP = 1.0  # largest norm of a gradient


@dataclass(frozen=True)
class Polish:
    """Gradient steps with fixed connections.

    Attributes:
        fraction: Their number, as a share of the budget of training; 0 for none.
        lr: Peak learning rate.
    """

    fraction: float
    lr: float

    def __post_init__(self) -> None:
        for name, value in (("fraction", self.fraction), ("lr", self.lr)):
            if not is_number(value):  # fails now, before the fit
                raise UserError(f"model.polish_{name} must be a number from 0, got {value!r}")


class _Candidate(NamedTuple):
    """Weights, of which who speaks is a part, and their validation score."""

    score: HeldOut
    state: dict[str, Tensor]

    @property
    def nll(self) -> str:
        """For a line."""
        return f"validation nll {self.score.nll:.4f}"


class Finishable(DrivenByCurrents, Protocol):
    """A committee of members around one connectivity; a `Forecaster`."""

    connectivity: Connectivity
    n_unobserved: tuple[int, ...]

    @property
    def n_heard(self) -> tuple[int, ...]:
        """Number of unobserved neurons that take part, by speaking member."""

    def speak(self, members: Sequence[int], *, unobserved: bool = True) -> None:
        """Let only some members forecast, with or without their unobserved neurons."""


def finish(
    committee: Finishable,
    polish: Polish,
    budget: int,
    *,
    train: Batches,
    validation: Batches,
    shuffled: Iterable[Batch],
) -> list[str]:
    """Decide which members speak, refine the connections, and polish the decoders; see the module.

    Args:
        committee: The model with its best weights.
        polish: The steps on its decoders with fixed connections.
        budget: Gradient steps of training.
        train: The train split in order.
        validation: The validation split.
        shuffled: The train split shuffled, another order in every pass.

    Returns:
        What was chosen, a line each.
    """
    model = cast(Forecaster, committee)
    refinable = committee.connectivity.refinable
    steps = round(polish.fraction * budget)
    trained, said = _copied(model), list[str]()

    def refined() -> _Candidate:
        if refinable:
            committee.connectivity.refine(committee, train, validation)
        return _Candidate(held_out(model, validation), _copied(model))

    sides, alone = [], []
    for members in _sides(committee, validation):
        model.load_state_dict(trained)
        committee.speak(members)
        side, who = refined(), _numbers(committee)
        sides.append(side)
        alone.append(_alone(committee, members, validation))
        said.append(f"{who}: {side.nll}, of a member by itself {alone[-1].nll:.4f}")
    needed = alone[-1].clearly_better_than(alone[0])
    best = chosen = sides[-1] if needed else sides[0]
    trials = (False,) if needed or len(sides) == 1 else (False, True)
    for silenced in trials if refinable and steps else ():
        model.load_state_dict(chosen.state)
        if silenced:
            committee.speak(range(len(committee.n_unobserved)), unobserved=False)
        _polish(model, shuffled, validation, steps, polish.lr)
        polished = refined()
        said.append(f"{_numbers(committee)}, polished and refined again: {polished.nll}")
        if polished.score.clearly_better_than(best.score) if silenced else polished.score.nll < best.score.nll:
            best = polished
    model.load_state_dict(best.state)
    return [*said, f"members that speak have {_numbers(committee)}: {best.nll}"]


def _numbers(committee: Finishable) -> str:
    return f"{'+'.join(map(str, committee.n_heard))} unobserved neurons"


def _sides(committee: Finishable, validation: Batches) -> list[tuple[int, ...]]:
    """The members without unobserved neurons, and the better of all members and those with unobserved neurons."""
    numbers = committee.n_unobserved
    without = tuple(member for member, n in enumerate(numbers) if not n)
    having = tuple(member for member, n in enumerate(numbers) if n)
    if not without or not having:
        return [without or having]
    scores = {}
    for members in (tuple(range(len(numbers))), having):
        committee.speak(members)
        scores[members] = held_out(cast(Forecaster, committee), validation).nll
    return [without, min(scores, key=lambda members: scores[members])]


def _alone(committee: Finishable, members: Sequence[int], validation: Batches) -> HeldOut:
    """Mean loss of single members, those with unobserved neurons if there are any."""
    judged = [member for member in members if committee.n_unobserved[member]] or members
    scores = []
    for member in judged:
        committee.speak([member])
        scores.append(held_out(cast(Forecaster, committee), validation))
    return HeldOut.mean_of(scores)


def _polish(model: Forecaster, shuffled: Iterable[Batch], validation: Batches, steps: int, lr: float) -> None:
    """Gradient steps from a warm-up down half a cosine; the weights that validate best stay."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    best, step = (held_out(model, validation).nll, _copied(model)), 0
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
                nll = held_out(model, validation).nll
                if nll < best[0]:
                    best = nll, _copied(model)
            if step == steps:
                break
    model.load_state_dict(best[1])
    model.eval()


def _copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
