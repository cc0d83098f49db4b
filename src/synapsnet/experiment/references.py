"""Models that are fitted by formula, once in a sweep: the references of its runs, and the models of its jobs."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from synapsnet.analysis.evaluation import evaluate, train_mean_params
from synapsnet.atomic import replacing
from synapsnet.errors import TooManyUnitsError, UserError
from synapsnet.experiment import parts
from synapsnet.experiment.build import Config, Data, build_model
from synapsnet.experiment.provenance import commit, versions
from synapsnet.metrics.columns import UnitScores
from synapsnet.models.closed_form import ClosedFormForecaster

log = logging.getLogger(__name__)

FOLDER = ".references"
"""In the folder of a sweep: the fits that its jobs share."""


@dataclass(frozen=True, eq=False)
class ReferenceScores:
    """Scores of a reference model on the test split.

    Attributes:
        sessions: By session id and metric; NaN where undefined.
        units: Those of each unit, ``[units]``, by session id and metric.
    """

    sessions: Mapping[str, Mapping[str, float]]
    units: Mapping[str, UnitScores]


def check_references(names: Sequence[str], config: Config) -> None:
    """Check that `score_references` can handle these names.

    Raises:
        UserError: for an unknown name, or a model that is not fitted by formula.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"reference_models must be a list of names, as [mean,ar] or [], got {names!r}")
    for name in names:
        if name not in config["references"]:
            raise UserError(f"reference_models: no {name!r} among {', '.join(config['references'])}")
        named = parts.recipe(config["references"][name])["part"]
        kind = parts.part(named, trust=config["trusted_packages"], where=f"references.{name}")
        if not issubclass(kind, ClosedFormForecaster):
            raise UserError(f"reference_models: {name!r} is not fitted by formula; give it a run of its own")


def score_references(
    names: Sequence[str], config: Config, data: Data, sweep: Path | None
) -> dict[str, ReferenceScores]:
    """Fit closed-form models on the task and score them on its test split, or take the scores from the sweep.

    The first job of a sweep that needs a reference leaves its scores in the sweep's folder. Jobs that run side by side
    may both fit it: they write the same scores, and each file takes its place in one step.

    Args:
        names: Entries of section ``references``; the model of the run itself is skipped.
        config: The configuration of the run.
        data: The inputs of the run.
        sweep: The folder of the sweep; None outside a sweep.

    Returns:
        Scores of the test split by name, without models that cannot hold so many units.
    """
    scores: dict[str, ReferenceScores] = {}
    taken = []
    train_mean: list[Tensor] = []
    for name in names:
        if name == config["choices"]["model"]:
            continue
        path = (
            None if sweep is None else sweep / FOLDER / f"{name}-{_key(config['references'][name], config, data)}.json"
        )
        found = None if path is None else _read(path)
        if found is None:
            try:
                found = _fitted(name, config, data, train_mean)
            except TooManyUnitsError as error:
                log.info("reference %s is left out: %s", name, error)
                continue
            _write(found, path)
        else:
            taken.append(name)
        scores[name] = found
    if taken:
        log.info("reference models taken from the sweep: %s", ", ".join(taken))
    return scores


def shared_fit(config: Config, data: Data, sweep: Path | None) -> Path | None:
    """The file for the weights of a model that is fitted by formula; None outside a sweep."""
    name = config["choices"]["model"]
    return None if sweep is None else sweep / FOLDER / f"{name}-{_key(config['model'], config, data)}.ckpt"


def _fitted(name: str, config: Config, data: Data, train_mean: list[Tensor]) -> ReferenceScores:
    """Fit and score one reference; ``train_mean`` is filled by the first one."""
    task, batch_size = data.task, config["data"]["batch_size"]
    train, validation, test = (task.loader(of, batch_size=batch_size) for of in ("train", "validation", "test"))
    trust = config["trusted_packages"]
    model = build_model(config["references"][name], config["likelihood"], task.spec, trust=trust)
    assert isinstance(model, ClosedFormForecaster)
    model.fit_closed_form(train, validation)
    train_mean[:] = train_mean or train_mean_params(task.spec, model.likelihood, train, validation)
    found = evaluate(model, test, train_mean)
    return ReferenceScores(found.session_metrics(), found.unit_metrics())


def _key(model: Config, config: Config, data: Data) -> str:
    """Hash of all that decides a fit by formula, so that those of other recordings or settings never match."""
    section = dict(config["data"])
    if section["surrogate"] == "none":
        del section["surrogate_seed"]
    if section["root"] is not None:
        del section["network_seed"]
    decisive = {
        "model": model,
        "likelihood": config["likelihood"],
        "data": section,
        "recordings": dict(data.recordings),
        "versions": versions(),
        "commit": commit(),
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _read(path: Path) -> ReferenceScores | None:
    """Scores from the sweep; None if there are none yet, or the file is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        units = {
            session: {metric: np.asarray(values, dtype=np.float64) for metric, values in of.items()}
            for session, of in found["units"].items()
        }
        return ReferenceScores(dict(found["sessions"]), units)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(scores: ReferenceScores, path: Path | None) -> None:
    if path is None:
        return
    units = {
        session: {metric: values.tolist() for metric, values in of.items()} for session, of in scores.units.items()
    }
    with suppress(OSError), replacing(path) as partial:  # without the file, the next job fits it again
        partial.write_text(json.dumps({"sessions": scores.sessions, "units": units}), encoding="utf-8")
