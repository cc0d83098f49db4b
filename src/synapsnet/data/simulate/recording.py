"""Parts shared by all generators: checked settings, independent randomness, the common input, the session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.simulate.behavior import running_speed
from synapsnet.errors import UserError
from synapsnet.session import Session, Signal
from synapsnet.session.unit_table import POSITION

BOX_UM = 500.0


@dataclass(frozen=True)
class Randomness:
    """Independent random generators from one seed, so that a longer recording has exactly the same network.

    Attributes:
        network: For everything that defines a network: weights, time constants, rates, gains.
        behavior: For the animal's behavior.
        noise: For everything that differs between recordings of one network.
        layout: For the positions of units, which only drawings use.
    """

    network: np.random.Generator
    behavior: np.random.Generator
    noise: np.random.Generator
    layout: np.random.Generator

    @classmethod
    def from_seed(cls, seed: int) -> Randomness:
        """Spawn the generators from a seed, a whole number of at least 0."""
        if not isinstance(seed, int) or seed < 0:
            raise UserError(f"seed must be a whole number of at least 0, got {seed!r}")
        network, behavior, noise, layout = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(4))
        return cls(network=network, behavior=behavior, noise=noise, layout=layout)


def recorded_bins(
    *, n_units: int, duration_s: float, bin_width_s: float, density: float, common_drive: float, **others: Any
) -> int:
    """Check the settings that all generators share, and return the length of the recording in bins.

    Raises:
        UserError: if a setting is out of range; the message names it.
    """
    if not isinstance(n_units, int) or n_units < 2:
        raise UserError(f"n_units must be a whole number above 1, got {n_units!r}")
    if not bin_width_s > 0 or not duration_s >= bin_width_s:
        raise UserError(
            f"bin_width_s must be above 0, and duration_s at least one bin, got {bin_width_s!r} and {duration_s!r}"
        )
    if not 0 <= density <= 1:
        raise UserError(f"density must be between 0 and 1, got {density!r}")
    if not common_drive >= 0:
        raise UserError(f"common_drive must not be negative, got {common_drive!r}")
    return round(duration_s / bin_width_s)


@dataclass(frozen=True, eq=False)
class CommonInput:
    """Drive to the network by a running animal.

    Attributes:
        speed: Running speed in cm/s, ``[time]``; None without common drive.
        drive: Input caused by running, ``[time, units]``: the z-scored speed times each unit's gain; else zeros.
    """

    speed: npt.NDArray[np.float64] | None
    drive: npt.NDArray[np.float64]


def common_input(
    random: Randomness, *, n_units: int, n_bins: int, bin_width_s: float, common_drive: float
) -> CommonInput:
    """Input proportional to the running speed; gains are normal over units with standard deviation `common_drive`."""
    gains = random.network.normal(0.0, 1.0, n_units) * common_drive
    if common_drive == 0:
        return CommonInput(speed=None, drive=np.zeros((n_bins, n_units)))
    speed = running_speed(random.behavior, n_bins=n_bins, bin_width_s=bin_width_s)
    spread = speed.std() or 1.0  # an animal may rest throughout a short recording
    return CommonInput(speed=speed, drive=(speed - speed.mean())[:, None] / spread * gains)


def in_a_box(random: Randomness, n_units: int) -> npt.NDArray[np.float64]:
    """Random positions in a cube, in micrometres, ``[units, 3]``; connections do not depend on them."""
    return random.layout.uniform(0.0, BOX_UM, (n_units, len(POSITION)))


def simulated_session(
    name: str,
    *,
    activity: npt.NDArray[Any],
    speed: npt.NDArray[np.float64] | None,
    positions: npt.NDArray[np.float64],
    signal: Signal,
    parameters: Mapping[str, Any],
) -> Session:
    """The session ``simulated-<name>-<seed>``, with the generator and its arguments in ``meta``.

    Args:
        name: Name of the generator: ``synapsnet.data.simulate.<name>.simulate_<name>_network``.
        activity: Counts or a continuous signal, ``[time, units]``.
        speed: Running speed in cm/s, ``[time]``; None if it did not drive the network.
        positions: Positions of the units in micrometres, ``[units, 3]``.
        signal: "spikes" for counts, "calcium" for a continuous signal.
        parameters: The generator's arguments, including ``bin_width_s`` and ``seed``.
    """
    return Session(
        session_id=f"simulated-{name}-{parameters['seed']}",
        activity=activity,
        bin_width_s=parameters["bin_width_s"],
        unit_ids=tuple(f"unit{unit:03d}" for unit in range(activity.shape[1])),
        signal=signal,
        behavior=None if speed is None else speed[:, None].astype(np.float32),
        behavior_names=() if speed is None else ("running_speed_cm_s",),
        unit_table=dict(zip(POSITION, positions.T, strict=True)),
        meta={
            "simulated": True,
            "generator": f"synapsnet.data.simulate.{name}.simulate_{name}_network",
            **parameters,
        },
    )
