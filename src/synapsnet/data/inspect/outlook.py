"""The outlook of a session: the parts that training would take, the parts that it would leave out, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from synapsnet.configuration import section
from synapsnet.data.admit import Refused, admit
from synapsnet.data.inspect.facts import lengths
from synapsnet.data.preprocessing import choose_behavior
from synapsnet.data.settings import DataSettings
from synapsnet.data.splits import SPLITS, Pieces
from synapsnet.plain import Plain
from synapsnet.session import Session


def settings_of(config: str, **given: Plain) -> DataSettings:
    """The training settings of a config, with some of them replaced.

    Args:
        config: Name of the config under ``data=``.
        given: Settings that replace those of the config.
    """
    return DataSettings.of({**section("data", config), "name": config, **given})


@dataclass(frozen=True)
class Outlook:
    """The outcome of admitting a session to training.

    Attributes:
        n_units: Units taken.
        behavior: Series of behavior taken.
        left_units: Ids of the units left out, by reason.
        left_bins: As of `Admitted`.
        left_behavior: Series of behavior left out because they are constant or never measured on the train split.
        unwanted: Series of behavior that the config does not ask for.
        split_bins: Bins of train, validation and test.
        targets: Number of bins to be forecast in each split: those with a full context before them.
        divided: A line on segments that are divided between splits, or "".
        silence: A line on pauses in which nothing was recorded, or "".
        extreme: A line on impossible values, or "".
        problem: The reason why training would leave the session out, if it would; attributes set after that point are
            then empty.
    """

    n_units: int = 0
    behavior: tuple[str, ...] = ()
    left_units: Mapping[str, list[str]] = field(default_factory=dict)
    left_bins: Mapping[str, str] = field(default_factory=dict)
    left_behavior: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    split_bins: tuple[int, ...] = ()
    targets: tuple[int, ...] = ()
    divided: str = ""
    silence: str = ""
    extreme: str = ""
    problem: str | None = None


def outlook(session: Session, settings: DataSettings) -> Outlook:
    """Admit a session as training does, and record what is left out.

    Args:
        session: As it was recorded.
        settings: Settings of the training.
    """
    taken = admit(session, settings)
    if isinstance(taken, Refused):
        return Outlook(left_units=taken.left_units, silence=taken.silence, problem=taken.reason)
    names = taken.session.behavior_names
    behavior, _ = choose_behavior([taken.session], [taken.pieces["train"]])
    return Outlook(
        n_units=taken.session.n_units,
        behavior=behavior,
        left_units=taken.left_units,
        left_bins=taken.left_bins,
        left_behavior=tuple(name for name in names if name not in behavior),
        unwanted=tuple(name for name in session.behavior_names if name not in names),
        split_bins=tuple(int(lengths(taken.pieces[split]).sum()) for split in SPLITS),
        divided=taken.divided,
        silence=taken.silence,
        extreme=taken.extreme,
        targets=tuple(_targets(taken.pieces[split], settings.context_bins) for split in SPLITS),
    )


def _targets(pieces: Pieces, context_bins: int) -> int:
    return int(np.maximum(lengths(pieces) - context_bins, 0).sum())
