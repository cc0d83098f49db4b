"""The reason why training ended, as saved in a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

UNLIMITED = 2**62  # steps, where only patience or the clock ends training
Reason = Literal["budget", "patience", "time", "formula"]
_WORDS: Mapping[Reason, str] = {
    "budget": "its budget was used",
    "patience": "validation stopped improving",
    "time": "CUT BY THE CLOCK, trainer.max_time",
    "formula": "fitted by formula",
}


@dataclass(frozen=True)
class Ending:
    """The reason why training ended.

    Attributes:
        reason: ``budget`` of steps or epochs, ``patience`` of early stopping, ``time`` (``trainer.max_time``), or
            ``formula`` where nothing was trained by gradient.
        step: Number of gradient steps done.
        budget: Number of gradient steps allowed, perhaps `UNLIMITED`.
    """

    reason: Reason
    step: int
    budget: int

    @property
    def cut(self) -> bool:
        """True if the clock ended training, so that the scores depend on how busy the machine was."""
        return self.reason == "time"

    def __str__(self) -> str:
        words = _WORDS[self.reason]
        allowed = "" if self.budget == UNLIMITED else f" of {self.budget}"
        return words if self.reason == "formula" else f"stopped at step {self.step}{allowed}: {words}"

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain data for checkpoints and scores."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Ending:
        """Inverse of `to_dict`."""
        if plain["reason"] not in get_args(Reason):
            raise ValueError(f"training cannot end by {plain['reason']!r}")
        return cls(plain["reason"], int(plain["step"]), int(plain["budget"]))
