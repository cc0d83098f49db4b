"""Run folders with planted scores and connectivity for reports (importable from any test)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from synapsnet.results.traces import Traces, write_traces

N_UNITS = 20
OFF = ~np.eye(N_UNITS, dtype=bool)
PARTS = ("all", "first_half", "second_half")


def noise(seed: int, sd: float = 1.0) -> np.ndarray:
    return sd * np.random.default_rng(seed).standard_normal((N_UNITS, N_UNITS)) * OFF


def planted() -> np.ndarray:
    """Twelve strong edges, ``[post, pre]``."""
    truth = np.zeros((N_UNITS, N_UNITS))
    truth.flat[np.random.default_rng(0).choice(np.flatnonzero(OFF), 12, replace=False)] = 8.0
    return truth


def plant_run(
    folder: Path,
    matrix: np.ndarray,
    *,
    seed: int = 0,
    n_units: int = N_UNITS,
    sessions: str = "a",
    config: dict[str, Any] | None = None,
    also: dict[str, Any] | None = None,
    **data: Any,
) -> Path:
    """A run folder; every letter is a session."""
    section = {"name": "mice", "root": "/r/mice", "signal": "spikes", "context_bins": 7, "train_part": "all"}
    section |= {"surrogate": "none", "surrogate_seed": seed, "network_seed": seed} | data
    model = {"_target_": "x.Y", "tuned": {"lr": 0.1}}
    folder.mkdir(parents=True)
    settings = {"mode": "train", "seed": seed, "choices": {"model": "synapsnet"}, "model": model, "data": section}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings | (config or {})))
    arrays: dict[str, Any] = {}
    for session in sessions:
        arrays |= {f"{session}/effective": matrix[:n_units, :n_units].astype(np.float32)}
        arrays |= {f"{session}/unit_ids": np.array([f"u{unit}" for unit in range(n_units)])}
        arrays |= {f"{session}/{name}": values for name, values in (also or {}).items()}
    np.savez(folder / "connectivity.npz", **arrays)
    (folder / "test_metrics.json").write_text("{}")
    return folder


def plant_study(root: Path, truth: np.ndarray, **also: Any) -> Path:
    """Three seeds, two halves and two surrogates, each with its own noise."""
    for seed in range(3):
        plant_run(root / f"whole{seed}", truth + noise(seed, 0.5), seed=seed, **also)
    for number, part in enumerate(PARTS[1:]):
        plant_run(root / part, truth + noise(10 + number, 0.5), train_part=part, **also)
    for seed in range(2):
        plant_run(root / f"null{seed}", noise(20 + seed, 0.5), seed=seed, surrogate="circular_shift", **also)
    return root


def plant_scores(
    run: Path,
    nll: Any,
    *,
    sessions: str = "a",
    unit_ids: Any = None,
    curve: Any = (1.2, 1.1, 1.0),
    traces: Traces | None = None,
    **facts: Any,
) -> Path:
    """Scores in a run folder, from the nll of its units, ``[units]``; every session has the same."""
    nll = np.asarray(nll, dtype=float)
    gain = 1.0 - nll
    mean = {"median_gain": np.median(gain), "share_above_mean": (gain > 0).mean(), "nll": nll.mean()}
    said = {
        "model": "net",
        "data": "mice",
        "seed": 0,
        "sessions": dict.fromkeys(sessions, mean),
        "mean": mean,
        "sem": dict.fromkeys(mean),
        "stopped": {"reason": "budget", "step": 9, "budget": 9},
        "fit_seconds": 2.0,
        "n_parameters": 1234,
        "versions": {"python": "3.12.1", "torch": "2.9.0"},
        "commit": "c0ffee",
        "recordings": dict.fromkeys(sessions, "ab" * 32),
    }
    (run / "test_metrics.json").write_text(json.dumps(said | facts, default=float))
    ids = [f"u{unit}" for unit in range(len(nll))] if unit_ids is None else unit_ids
    tables = [pd.DataFrame({"session": session, "unit_id": ids, "nll": nll, "gain": gain}) for session in sessions]
    pd.concat(tables).to_csv(run / "unit_metrics.csv", index=False)
    steps = pd.DataFrame({"step": range(len(curve)), "train/nll": curve, "validation/nll": curve})
    steps.to_csv(run / "metrics.csv", index=False)
    if traces is not None:
        write_traces(run / "traces.npz", [traces])
    return run
