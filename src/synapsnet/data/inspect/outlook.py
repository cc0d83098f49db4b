"""What training would take of a session, and what it would leave out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from synapsnet.data.inspect.facts import lengths
from synapsnet.data.preprocessing import choose_behavior, keep_active_units, rebin
from synapsnet.data.selection import UnitFilter, select_behavior, select_units
from synapsnet.data.splits import SPLITS, Pieces, split_segments
from synapsnet.errors import UserError
from synapsnet.session import Session, Signal


@dataclass(frozen=True)
class Settings:
    """What training does under a config unless told otherwise.

    These numbers are those of ``conf/data``, which a package may be installed without; a test holds the two together.
    """

    config: str = "neuropixels"
    behavior: Sequence[str] | None = None
    units: UnitFilter = field(
        default_factory=lambda: UnitFilter(
            quality=("good",), max_isi_violations=0.5, max_amplitude_cutoff=0.1, min_presence_ratio=0.9
        )
    )
    context_bins: int = 10
    min_rate: Mapping[Signal, float] = field(default_factory=lambda: {"spikes": 0.01, "calcium": 0.0})
    min_active_bins: int = 10
    fractions: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "validation": 0.15, "test": 0.15})


_SPECIAL: Mapping[str, Mapping[str, Any]] = {  # what the configs of data sets have otherwise
    "steinmetz2019": {"units": {"quality": ("good", "unsorted")}},
    "ibl": {"units": {"max_isi_violations": None, "max_amplitude_cutoff": None, "min_presence_ratio": None}},
    "allen_vc_npx": {
        "units": {"min_presence_ratio": 0.95},
        "behavior": ("running_speed", "filtered_gaze_mapping_*"),
    },
    "allen_vb_2p": {"behavior": ("speed_unfiltered", "pupil_tracking_*")},
}


def settings_of(config: str) -> Settings:
    """What training does under a config.

    Args:
        config: Name of the config under ``data=``.
    """
    special = _SPECIAL.get(config, {})
    usual = Settings()
    units = replace(usual.units, **special.get("units", {}))
    return replace(usual, config=config, behavior=special.get("behavior"), units=units)


@dataclass(frozen=True)
class Outlook:
    """What would become of a session.

    Attributes:
        n_units: Units taken.
        behavior: Series of behavior taken.
        left_units: Ids of the units left out, by the reason.
        left_behavior: Series of behavior left out: constant, or never measured, on the train split.
        unwanted: Series of behavior that the config does not ask for.
        split_bins: Bins of train, validation and test.
        targets: Bins of each to be forecast: those with a full context before them.
        problem: Why training would stop, if it would; what follows that point is then empty.
    """

    n_units: int = 0
    behavior: tuple[str, ...] = ()
    left_units: Mapping[str, list[str]] = field(default_factory=dict)
    left_behavior: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()
    split_bins: tuple[int, ...] = ()
    targets: tuple[int, ...] = ()
    problem: str | None = None


def outlook(session: Session, settings: Settings, *, bin_width_s: float | None) -> Outlook:
    """Take the steps of training up to the first batch, and note what each leaves out.

    Args:
        session: The session, of the task that is to be trained on.
        settings: Those of the training.
        bin_width_s: Width its bins would be widened to; None for its own.
    """
    left: dict[str, list[str]] = {}
    try:
        taken, unfit = select_units(select_behavior(session, settings.behavior), settings.units)
        left |= unfit
        taken = rebin(taken, bin_width_s)
        pieces = split_segments(taken.segments, settings.fractions)
        targets = tuple(_targets(pieces[split], settings.context_bins) for split in SPLITS)
        train = pieces["train"]
        if not all(targets):
            raise UserError(
                f"too short: a split has no stretch of {settings.context_bins + 1} bins; lower data.context_bins"
            )
        active, inactive = _active(taken, train, settings)
        left |= inactive
    except UserError as error:
        return Outlook(left_units=left, problem=str(error))
    behavior, _ = choose_behavior([active], [train])
    return Outlook(
        n_units=active.n_units,
        behavior=behavior,
        left_units=left,
        left_behavior=tuple(name for name in active.behavior_names if name not in behavior),
        unwanted=tuple(name for name in session.behavior_names if name not in active.behavior_names),
        split_bins=tuple(int(lengths(pieces[split]).sum()) for split in SPLITS),
        targets=targets,
    )


def _active(session: Session, train: Pieces, settings: Settings) -> tuple[Session, dict[str, list[str]]]:
    """The units of which the train split says enough, and the ids of the others by the reason."""
    rate, least = settings.min_rate[session.signal], settings.min_active_bins
    taken = keep_active_units(session, train, min_rate=rate, min_active_bins=least)
    if taken.n_units == session.n_units:
        return taken, {}
    varied = keep_active_units(session, train, min_rate=0.0, min_active_bins=least)
    left = {
        f"active in fewer than {least} bins of the train split (data.min_active_bins)": _missing(session, varied),
        f"fewer than {rate:g} spikes a bin on the train split (data.min_rate)": _missing(varied, taken),
    }
    return taken, {reason: units for reason, units in left.items() if units}


def _missing(before: Session, after: Session) -> list[str]:
    kept = set(after.unit_ids)
    return [unit for unit in before.unit_ids if unit not in kept]


def _targets(pieces: Pieces, context_bins: int) -> int:
    return int(np.maximum(lengths(pieces) - context_bins, 0).sum())
