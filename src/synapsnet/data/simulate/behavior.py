"""Simulated behavior."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

REST_S = 8.0  # mean duration of a rest
RUN_S = 6.0  # mean duration of a bout
CRUISE_CM_S = 20.0  # mean speed within a bout
CRUISE_SD_CM_S = 8.0  # spread of the speed within a bout
WANDER_S = 2.0  # correlation time of the speed within a bout
INERTIA_S = 0.4  # time to speed up and to come to rest


def running_speed(rng: np.random.Generator, *, n_bins: int, bin_width_s: float) -> npt.NDArray[np.float64]:
    """Speed of a mouse that runs in bouts, in cm/s, ``[time]``.

    Bouts and rests alternate at random. In a bout, the target speed is an Ornstein-Uhlenbeck process, which the animal
    follows with inertia. Every bin is computed from the bins before it.
    """
    start_or_stop = rng.random(n_bins) * np.array([[REST_S], [RUN_S]]) < bin_width_s  # [at rest | running, time]
    noise = rng.standard_normal(n_bins) * np.sqrt(2 * bin_width_s / WANDER_S)
    speed, wander, running = np.zeros(n_bins), 0.0, 0
    for t in range(1, n_bins):
        running ^= int(start_or_stop[running, t])
        wander += -wander * bin_width_s / WANDER_S + noise[t]
        aim = running * max(CRUISE_CM_S + CRUISE_SD_CM_S * wander, 0.0)
        speed[t] = speed[t - 1] + (aim - speed[t - 1]) * bin_width_s / INERTIA_S
    return speed
