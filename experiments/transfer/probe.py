"""Linear probes: what the embeddings of some animals tell about the units of another one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from synapsnet.atomic import replacing
from synapsnet.correlation import pearson
from synapsnet.data.splits import rows
from synapsnet.data.task import Task
from synapsnet.experiment.build import build_data
from synapsnet.experiment.checkpoint import build_saved_model, load_weights, read_saved
from synapsnet.models.committee import Member
from synapsnet.models.synapsnet import SynapsNet
from synapsnet.results import Run
from synapsnet.session import TaskSpec

FILE = "probe.csv"
LAGS = (1, 2, 4, 8)  # bins
PERMUTATIONS = 20
REGIONS = "region"  # column of the table of units
_UNNAMED = re.compile(r"u?\d+")  # a unit that is no cell with a name

Features = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]
"""Class of each unit, ``[units]``; empty where unknown."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a probe on an animal that it was not trained on, beside chance.

    Attributes:
        probe: Share of the units whose class is told.
        permuted: That of probes trained on permuted labels, their mean.
        most_frequent: Share of the class that is most frequent among the units trained on.
        n_units: Number of units tested; their classes occur among those trained on.
        n_classes: Number of classes trained on.
    """

    probe: float
    permuted: float
    most_frequent: float
    n_units: int
    n_classes: int


def write_probe(run: Run) -> None:
    """Write ``probe.csv`` into the folder of a joint run: each animal is tested by probes trained on the others.

    Besides the embeddings, what training changed in them is probed, because they start at random. Column ``start_r`` is
    their correlation with this start.

    Raises:
        UserError: if the recordings are no longer where the run found them.
    """
    torch.set_num_threads(1)
    saved, task = read_saved(run.checkpoint("best")), build_data(run.config["data"]).task
    torch.manual_seed(run.seed)
    model = build_saved_model(saved, trust=())
    assert isinstance(model, SynapsNet)
    start = embeddings(model)
    load_weights(model, saved.state, saved.path)
    learned, sessions = embeddings(model), task.spec.sessions
    features = {
        "embeddings": learned,
        "their change": [one - other for one, other in zip(learned, start, strict=True)],
        "statistics": [statistics(task, session) for session in range(len(sessions))],
    }
    found = []
    for question, labels in questions(task.spec).items():
        for name, of in features.items():
            for tested, session in enumerate(sessions):
                accuracy = probed(of, labels, tested)
                if accuracy is not None:
                    place = {"animal": session.session_id, "question": question, "features": name}
                    start_r = pearson(learned[tested].ravel(), start[tested].ravel())
                    found.append(place | vars(accuracy) | {"start_r": start_r})
    columns = ["animal", "question", "features", *Accuracy.__dataclass_fields__, "start_r"]
    with replacing(run.folder / FILE) as partial:
        pd.DataFrame(found, columns=columns).to_csv(partial, index=False)


def embeddings(model: SynapsNet) -> list[Features]:
    """Embeddings of all members side by side, ``[units, embedding]`` for each session."""
    members = [cast(Member, member) for member in model.members]
    by_session = zip(*(member.embeddings for member in members), strict=True)
    return [torch.cat(of, dim=1).detach().double().numpy() for of in by_session]


def statistics(task: Task, session: int) -> Features:
    """A sceptic's statistics: mean, log mean, sd and autocorrelation on the train split, ``[units, 7]``."""
    info = task.spec.sessions[session]
    activity = task.sessions[session].activity.double().numpy()
    pieces = task.pieces[session]["train"]
    centred = activity - activity[rows(pieces)].mean(0)
    variance = np.maximum((centred[rows(pieces)] ** 2).mean(0), 1e-12)
    lagged = [
        np.concatenate([centred[low : stop - lag] * centred[low + lag : stop] for low, stop in pieces]).mean(0)
        for lag in LAGS
    ]
    own = [info.mean, np.log(np.maximum(info.mean, 1e-3)), info.scale]
    return np.stack([*own, *(product / variance for product in lagged)], axis=1)


def questions(spec: TaskSpec) -> dict[str, list[Labels]]:
    """Labels of the units of every session, by question; only questions that the recordings can answer.

    Rates are thirds of the units of a session by their mean count. The mean of calcium is fixed by its normalisation,
    so the standard deviation takes its place.
    """
    sessions, counts = spec.sessions, spec.signal == "spikes"
    names = [np.array(["" if _UNNAMED.fullmatch(unit) else unit for unit in s.unit_ids]) for s in sessions]
    sides = [np.array([re.sub(r"(?<=..)[LR]$", "", name) for name in of]) for of in names]
    sizes = [_thirds(s.mean if counts else s.scale) for s in sessions]
    regions = [np.asarray(s.unit_table.get(REGIONS, [""] * s.n_units), dtype=np.str_) for s in sessions]
    size = "rate class" if counts else "sd class"
    asked = {"cell": names, "cell, sides pooled": sides, "region": regions, size: sizes}
    return {question: of for question, of in asked.items() if len(set(np.concatenate(of)) - {""}) > 1}


def _thirds(values: Features) -> Labels:
    ranks = values.argsort().argsort()
    return np.array(["low", "middle", "high"])[3 * ranks // len(values)]


def probed(features: Sequence[Features], labels: Sequence[Labels], tested: int) -> Accuracy | None:
    """A multinomial logistic regression of the labels on z-scored features, trained on all sessions but one.

    Args:
        features: Of each session, ``[units, features]``.
        labels: Of each session.
        tested: Index of the session left out.

    Returns:
        Its accuracy on the units left out whose class is known to the others; None if there are none.
    """
    others = [session for session in range(len(features)) if session != tested]
    if not others:
        return None
    x, y = (np.concatenate([of[session] for session in others]) for of in (features, labels))
    x, y = x[y != ""], y[y != ""]
    asked = np.isin(labels[tested], y) & (labels[tested] != "")
    if len(set(y)) < 2 or not asked.any():
        return None
    of, truth = features[tested][asked], labels[tested][asked]

    def accuracy(trained_on: Labels) -> float:
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, trained_on)
        return float((probe.predict(of) == truth).mean())

    rng = np.random.default_rng(0)
    classes, counts = np.unique(y, return_counts=True)
    return Accuracy(
        probe=accuracy(y),
        permuted=float(np.mean([accuracy(rng.permutation(y)) for _ in range(PERMUTATIONS)])),
        most_frequent=float((truth == classes[counts.argmax()]).mean()),
        n_units=len(truth),
        n_classes=len(classes),
    )
