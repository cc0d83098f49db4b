"""Naive and linear models on the same bins as the model of a run."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from synapsnet.analysis.evaluation import evaluate, train_mean_params
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.experiment import parts
from synapsnet.experiment.build import Config, build_model
from synapsnet.metrics import ForecastScores
from synapsnet.models.closed_form import ClosedFormForecaster


def check_references(names: Sequence[str], config: Config) -> None:
    """Check that `score_references` can handle these names.

    Raises:
        UserError: for an unknown name, or a model that is not fitted by formula.
    """
    for name in names:
        if name not in config["references"]:
            raise UserError(f"reference_models: no {name!r} among {', '.join(config['references'])}")
        named = parts.recipe(config["references"][name])["part"]
        kind = parts.part(named, trust=config["trusted_packages"], where=f"references.{name}")
        if not issubclass(kind, ClosedFormForecaster):
            raise UserError(f"reference_models: {name!r} is not fitted by formula; give it a run of its own")


def score_references(names: Sequence[str], config: Config, task: Task) -> dict[str, ForecastScores]:
    """Fit closed-form models on the task and score them on its test split.

    Args:
        names: Entries of section ``references``; the model of the run itself is skipped.
        config: The configuration of the run.
        task: The task of the run.

    Returns:
        Scores of the test split by name.
    """
    batch_size = config["data"]["batch_size"]
    train = task.loader("train", batch_size=batch_size)
    validation = task.loader("validation", batch_size=batch_size)
    scores = {}
    train_mean: list[Tensor] = []
    for name in names:
        if name == config["choices"]["model"]:
            continue
        trust = config["trusted_packages"]
        model = build_model(config["references"][name], config["likelihood"], task.spec, trust=trust)
        assert isinstance(model, ClosedFormForecaster)
        model.fit_closed_form(train, validation)
        train_mean = train_mean or train_mean_params(task.spec, model.likelihood, train, validation)
        scores[name] = evaluate(model, task.loader("test", batch_size=batch_size), train_mean)
    return scores
