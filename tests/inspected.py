"""Recordings of which every number is known."""

from dataclasses import replace

import numpy as np

from synapsnet.session import Session


def recorded(session_id="mouse1", *, n_bins=1000, n_units=5, seed=0, **fields) -> Session:
    """Spikes at 0.5 a bin of 20 ms."""
    counts = np.random.default_rng(seed).poisson(0.5, (n_bins, n_units))
    units = tuple(f"u{unit}" for unit in range(n_units))
    session = Session(session_id=session_id, activity=counts, bin_width_s=0.02, unit_ids=units, signal="spikes")
    return replace(session, **fields)


def planted() -> Session:
    """A recording with something of everything; 1000 bins, of which 970 are recorded."""
    counts = np.zeros((1000, 7), dtype=np.uint8)
    counts[::2, 0] = 1  # 485 spikes in 19.4 s
    counts[::4, 1] = 3
    counts[::4, 2] = 3  # a copy
    counts[5:965:160, 3] = 1  # 6 bins
    counts[::5, 4] = 2  # not good
    counts[::5, 5] = 1
    counts[7, 6] = 0  # silent
    behavior = np.stack([np.linspace(-1, 3, 1000), np.full(1000, 2.0), np.full(1000, np.nan)], axis=1)
    behavior[100:294, 0] = np.nan
    return Session(
        session_id="mouse1",
        activity=counts,
        bin_width_s=0.02,
        unit_ids=tuple("abcdefg"),
        signal="spikes",
        segments=np.array([[0, 960], [960, 970]]),
        behavior=behavior,
        behavior_names=("speed", "lick", "pupil"),
        tasks={"spontaneous": np.array([[0, 97], [200, 297]]), "natural_scenes": np.array([[300, 970]])},
        unit_table={
            "region": np.array(["VISp", "VISp", "VISp", "CA1", "CA1", "", "VISp"]),
            "quality": np.array(["good", "good", "good", "good", "mua", "", "good"]),
            "presence_ratio": np.array([1.0, 0.95, np.nan, 1.0, 1.0, 0.5, 1.0]),
        },
        meta={
            "species": "Mus musculus", "citation": "Somebody et al. 2020", "licence": "CC BY 4.0",
            "dropped": {"units without a spike": ["x1", "x2"]},
        },
    )  # fmt: skip
