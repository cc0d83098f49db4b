"""Settings of section ``data``: checked once, on entry, and typed from there on.

``conf/data`` is the only place where a default is typed, so this module has none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, get_args

from synapsnet.data.named import Named
from synapsnet.data.selection import UnitFilter
from synapsnet.data.splits import SPLITS, Split, TrainPart
from synapsnet.data.surrogates import Surrogate
from synapsnet.errors import UserError, did_you_mean
from synapsnet.plain import Plain
from synapsnet.session import Inputs, Signal


@dataclass(frozen=True)
class DataSettings:
    """Section ``data``, made by `DataSettings.of`; ``conf/data/base.yaml`` explains each key."""

    name: str
    signal: Signal | None
    activity: tuple[str, ...] | None
    root: tuple[str, ...] | None
    strict: bool
    max_memory: float | None
    task: str | None
    tasks: tuple[str, ...] | None
    units: UnitFilter
    behavior: tuple[str, ...] | None
    bin_width_s: float | None
    cut_silences: bool
    context_bins: int
    window_bins: int
    fractions: Mapping[Split, float]
    min_rate: float
    min_active_bins: int
    inputs: Inputs | Literal["auto"]
    slow_s: tuple[float, ...]
    train_part: TrainPart
    train_minutes: float | None
    surrogate: Surrogate
    surrogate_seed: int
    in_memory: bool
    batch_size: int
    network: Mapping[str, Plain] | None
    network_seed: int
    degradation: Mapping[str, Plain]

    @property
    def named(self) -> Named | None:
        """The series that ``activity`` names."""
        return None if self.activity is None else Named(self.activity, self.signal)

    @classmethod
    def of(cls, section: Mapping[str, Plain]) -> DataSettings:
        """Check a section and give its values their types.

        Args:
            section: Resolved, with every key.

        Raises:
            UserError: naming the first key that is missing, unknown, or has an invalid value.
        """
        _check_keys("data", section, list(_CHECKS), needed=True)
        checked = cls(**{name: check(f"data.{name}", section[name]) for name, check in _CHECKS.items()})
        if checked.context_bins > checked.window_bins:
            raise UserError(
                f"need 1 <= data.context_bins <= data.window_bins, got {checked.context_bins} and {checked.window_bins}"
            )
        if checked.task is not None and checked.tasks is not None and checked.task not in checked.tasks:
            raise UserError(
                f"data.task={checked.task} is not a task of this data set; it has {', '.join(checked.tasks)} "
                "(data.tasks=null looks for others)"
            )
        return checked


def _check_keys(where: str, section: Mapping[str, Plain], known: Sequence[str], *, needed: bool) -> None:
    for name in section:
        if name not in known:
            hint = did_you_mean(f"{where}.{name}", [f"{where}.{other}" for other in known])
            raise UserError(f"{where} has no setting {name}{hint or '; it has ' + ', '.join(known)}")
    missing = [name for name in known if name not in section] if needed else []
    if missing:
        raise UserError(f"{where}.{missing[0]} is missing")


def _number(key: str, value: Plain) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{key} must be a number, got {value!r}")
    return value


def _whole(least: int, key: str, value: Plain) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        bound = " above 0" if least == 1 else f", {least} or above"
        raise UserError(f"{key} must be a whole number{bound}, got {value!r}")
    return value


def _amount(unit: str, key: str, value: Plain) -> float | None:
    amount = None if value is None else _number(key, value)
    if amount is not None and amount <= 0:
        raise UserError(f"{key} must be null or a positive number of {unit}, got {value!r}")
    return amount


def _time_constants(key: str, value: Plain) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        raise UserError(f"{key} must be a list of seconds, got {value!r}")
    constants = tuple(float(_number(key, constant)) for constant in value)
    if any(low >= high for low, high in itertools.pairwise((0.0, *constants))):
        raise UserError(f"{key} must be positive and ascending seconds, got {value!r}")
    return constants


def _bound(key: str, value: Plain) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{key} must be null or a number, got {value!r}")
    return value


def _flag(key: str, value: Plain) -> bool:
    if not isinstance(value, bool):
        raise UserError(f"{key} must be true or false, got {value!r}")
    return value


def _choice(choices: tuple[Any, ...], key: str, value: Plain) -> Any:
    if value not in choices:
        names = ["null" if choice is None else str(choice) for choice in choices]
        raise UserError(f"{key} must be {', '.join(names[:-1])} or {names[-1]}, got {value!r}")
    return value


def _text(key: str, value: Plain) -> str:
    if not isinstance(value, str):
        raise UserError(f"{key} must be text, got {value!r}")
    return value


def _task(key: str, value: Plain) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UserError(f"{key} must be null or the name of one task, got {value!r}")
    return str(value)


def _labels(key: str, value: Plain) -> tuple[str, ...] | None:
    if value is None or isinstance(value, str):
        return None if value is None else (value,)
    if not isinstance(value, list | tuple) or not all(isinstance(label, str) for label in value):
        raise UserError(f"{key} must be null, a label or a list of labels, got {value!r}")
    return tuple(value)


def _roots(key: str, value: Plain) -> tuple[str, ...] | None:
    paths = value if isinstance(value, list | tuple) else [value]
    if value is None:
        return None
    if not paths or any(isinstance(path, bool) or not isinstance(path, str | int) for path in paths):
        raise UserError(f"{key} must be null, a path or a list of paths, got {value!r}; quote it: {key}='\"...\"'")
    return tuple(map(str, paths))


def _mapping(key: str, value: Plain) -> Mapping[str, Plain]:
    if not isinstance(value, Mapping):
        raise UserError(f"{key} must be a mapping, got {value!r}")
    return value


def _network(key: str, value: Plain) -> Mapping[str, Plain] | None:
    return None if value is None else _mapping(key, value)


def _units(key: str, value: Plain) -> UnitFilter:
    if value is not None and not isinstance(value, Mapping):
        raise UserError(f"{key} must be null or a mapping, got {value!r}")
    section = value or {}
    _check_keys(key, section, [field.name for field in fields(UnitFilter)], needed=False)
    checked: dict[str, Any] = {
        name: (_labels if name in ("quality", "regions") else _bound)(f"{key}.{name}", setting)
        for name, setting in section.items()
    }
    return UnitFilter(**checked)


def _fractions(key: str, value: Plain) -> Mapping[Split, float]:
    shares = _mapping(key, value)
    _check_keys(key, shares, SPLITS, needed=True)
    checked: dict[Split, float] = {split: _number(f"{key}.{split}", shares[split]) for split in SPLITS}
    if min(checked.values()) <= 0 or not math.isclose(sum(checked.values()), 1.0, abs_tol=1e-6):
        raise UserError(f"{key} must be positive and sum to 1, got {checked}")
    return checked


_CHECKS: Mapping[str, Callable[[str, Plain], Any]] = {
    "name": _text,
    "signal": partial(_choice, (None, *get_args(Signal))),
    "activity": _labels,
    "root": _roots,
    "strict": _flag,
    "max_memory": partial(_amount, "gigabytes"),
    "task": _task,
    "tasks": _labels,
    "units": _units,
    "behavior": _labels,
    "bin_width_s": partial(_amount, "seconds"),
    "cut_silences": _flag,
    "context_bins": partial(_whole, 1),
    "window_bins": partial(_whole, 1),
    "fractions": _fractions,
    "min_rate": _number,
    "min_active_bins": partial(_whole, 1),
    "inputs": partial(_choice, ("auto", *get_args(Inputs))),
    "slow_s": _time_constants,
    "train_part": partial(_choice, get_args(TrainPart)),
    "train_minutes": partial(_amount, "minutes"),
    "surrogate": partial(_choice, get_args(Surrogate)),
    "surrogate_seed": partial(_whole, 0),
    "in_memory": _flag,
    "batch_size": partial(_whole, 1),
    "network": _network,
    "network_seed": partial(_whole, 0),
    "degradation": _mapping,
}
