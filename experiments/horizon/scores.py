"""Scores of a run by the number of bins ahead, and its calibration one bin ahead."""

from __future__ import annotations

from typing import Any, get_args

import pandas as pd
import torch

from synapsnet.analysis.calibration import INTERVALS, PIT_BINS, calibration
from synapsnet.analysis.evaluation import train_mean_params
from synapsnet.analysis.rollout import Behavior, horizon_scores
from synapsnet.atomic import replacing
from synapsnet.experiment import load
from synapsnet.experiment.build import build_data
from synapsnet.results import Run

FILE = "horizon.csv"
CALIBRATION = "calibration.csv"
HORIZON = 32  # bins
MOST_ORIGINS = 400
BATCH = 8  # larger ones take twice as long, because their memory is mapped anew at every step
SPLIT = "test"


def write_horizon(run: Run) -> None:
    """Write ``calibration.csv``, one row per session, and ``horizon.csv``, one per session, behavior and horizon.

    Raises:
        UserError: if the recordings are no longer where the run found them.
    """
    torch.set_num_threads(1)
    model, task = load(run.checkpoint("best")), build_data(run.config["data"]).task
    train, validation, test = (task.loader(split, batch_size=BATCH) for split in ("train", "validation", SPLIT))
    calibrated = []
    for index, session in enumerate(task.spec.session_ids):
        found = calibration(model, test.of_session(index), seed=0)
        within = {f"within_{share:g}": inside.mean() for share, inside in zip(INTERVALS, found.coverage, strict=True)}
        pit = {f"pit_{place:02d}": share for place, share in zip(range(PIT_BINS), found.pit, strict=True)}
        calibrated.append({"session": session, "crps": found.crps.mean(), **within, **pit})
    with replacing(run.folder / CALIBRATION) as partial:
        pd.DataFrame(calibrated).to_csv(partial, index=False)
    mean = train_mean_params(task.spec, model.likelihood, train, validation)
    longest = min(HORIZON, min(session.shape.length for session in task.sessions) - 1)
    rows: list[dict[str, Any]] = []
    for behavior in get_args(Behavior)[: None if task.spec.n_behavior else 1]:
        scores = horizon_scores(
            model,
            task,
            SPLIT,
            horizon=longest,
            behavior=behavior,
            most_origins=MOST_ORIGINS,
            batch_size=BATCH,
            train_mean=mean,
        )
        for ahead, of in enumerate(scores, 1):
            for session, metrics in of.session_metrics().items():
                rows.append({"session": session, "behavior": behavior, "ahead": ahead, **metrics})
    with replacing(run.folder / FILE) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)
