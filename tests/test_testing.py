"""The laws that are shipped: what is sound keeps them all, and each is broken by a fault planted for it."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import outside_methods as methods
import outside_models as models
import pytest

from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.data.task import Task
from synapsnet.models import serving
from synapsnet.models.base import Forecaster
from synapsnet.session import TaskSpec
from synapsnet.session.traces import leaky_traces
from synapsnet.testing import (
    ConnectivityLaws,
    HonestyLaws,
    MethodLaws,
    ModelLaws,
    coupled,
    fitted,
    seeded,
    simulated,
    small_task,
)
from synapsnet.testing.laws.honesty import noise_task


class TestAnOutsideModelKeepsTheLaws(ModelLaws, HonestyLaws):
    def make(self, spec: TaskSpec) -> Forecaster:
        return models.Own(spec)

    def separates_units(self, model: Forecaster) -> bool:
        return True


class TestAnOutsideClaimKeepsTheLaws(ConnectivityLaws):
    def make(self, spec: TaskSpec) -> Forecaster:
        return models.Coupled(spec)


class TestAnOutsideMethodKeepsTheLaws(MethodLaws):
    def make(self) -> ConnectivityMethod:
        return methods.NextBin()


MODEL_FAULTS = [
    (models.Misshapen, "test_every_unit_and_step_has_its_parameters"),
    (models.Infinite, "test_every_unit_and_step_has_its_parameters"),
    (models.Acausal, "test_nothing_after_a_bin_reaches_its_forecast"),
    (models.Foreseeing, "test_nothing_after_a_bin_reaches_its_forecast"),
    (models.Rereading, "test_what_is_fitted_by_formula_cuts_every_batch_once"),
    (models.Tardy, "test_the_last_step_alone_is_that_of_the_window"),
    (models.Blind, "test_the_past_matters"),
    (models.Random, "test_a_forecast_holds_no_chance"),
    (models.Batchwise, "test_a_window_is_forecast_alike_alone_and_in_a_batch"),
    (models.Blending, "test_units_that_are_claimed_separate_do_not_hear_each_other"),
    (models.Leaking, "test_units_that_are_claimed_separate_do_not_hear_each_other"),
    (models.Ordered, "test_permuting_the_units_permutes_the_forecasts"),
    (models.Short, "test_forecast_of_an_array_is_what_the_batches_give"),
    (models.Unscored, "test_steps_that_are_not_scored_do_not_train"),
    (models.Penalised, "test_the_penalty_is_a_finite_number"),
    (models.Reading, "test_a_step_needs_no_value_of_a_tensor"),
    (models.LeftBehind, "test_a_step_needs_no_value_of_a_tensor"),
    (models.Annealed, "test_a_step_can_be_replayed"),
    (models.Idle, "test_every_parameter_gets_gradient_from_its_sessions"),
    (models.Hoarding, "test_every_parameter_gets_gradient_from_its_sessions"),
    (models.Unseeded, "test_the_same_seed_fits_the_same_model"),
    (models.Rereading, "test_what_is_fitted_by_formula_cuts_every_batch_once"),
    (models.Blind, "test_one_batch_can_be_learnt_by_heart"),
    (models.Unsaved, "test_a_model_lives_without_its_data"),
    (models.Claiming, "test_without_a_claim_there_is_no_connectivity"),
]
CLAIM_FAULTS = [
    (models.Mirrored, "test_effective_connectivity_is_the_mean_jacobian"),
    (models.Transposed, "test_effective_connectivity_is_the_mean_jacobian"),
    (models.Own, "test_effective_connectivity_is_the_mean_jacobian"),
    (models.Diagonal, "test_a_matrix_is_of_the_units_and_has_no_diagonal"),
    (models.Certain, "test_a_matrix_is_of_the_units_and_has_no_diagonal"),
    (models.Repeated, "test_lags_add_up"),
    (models.Detour, "test_without_its_edges_no_unit_hears_another"),
    (models.Forgetful, "test_without_its_edges_no_unit_hears_another"),
    (models.Relative, "test_evidence_is_of_different_units"),
]
METHOD_FAULTS = [
    (methods.Nameless, "test_the_answer_is_a_matrix_of_the_units"),
    (methods.Asymmetric, "test_the_answer_is_a_matrix_of_the_units"),
    (methods.Ordered, "test_units_may_come_in_any_order"),
    (methods.Transposed, "test_a_planted_connection_stands_out_of_noise"),
    (methods.Unsigned, "test_signs_are_those_of_the_connection"),
    (methods.Biased, "test_independent_noise_shows_nothing_beyond_chance"),
    (methods.Peeking, "test_only_the_train_split_is_estimated_from"),
    (methods.Joining, "test_a_piece_never_sees_another"),
    (methods.Normalised, "test_silent_constant_and_duplicate_units_do_no_harm"),
    (methods.Biased, "test_a_unit_that_never_varies_has_no_connection"),
    (methods.Crowded, "test_one_or_two_units_are_enough"),
    (methods.Drawing, "test_estimates_do_not_move_the_state_of_random_numbers"),
]


@cache
def task_of(simulate: Any) -> Task:
    return small_task(simulate("spikes"), "spikes")


def keep(law: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run one law by hand."""
    given = {"kind": "spikes", "sign": -1, "monkeypatch": monkeypatch, **given}
    law(**{name: given[name] for name in inspect.signature(law).parameters})


@pytest.mark.parametrize(("fault", "law"), MODEL_FAULTS + CLAIM_FAULTS)
def test_a_fault_of_a_model_breaks_the_law_that_names_it(
    fault: type[models.Own], law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    laws: Any = TestAnOutsideModelKeepsTheLaws()
    task = task_of(simulated)
    if not hasattr(laws, law):
        laws, task = TestAnOutsideClaimKeepsTheLaws(), task_of(coupled)
    model = fitted(seeded(fault, task.spec), task, steps=laws.steps)
    with pytest.raises(AssertionError):
        keep(getattr(laws, law), {"model": model, "recipe": fault, "task": task}, monkeypatch)


@pytest.mark.parametrize(("fault", "law"), METHOD_FAULTS)
def test_a_fault_of_a_method_breaks_the_law_that_names_it(
    fault: type[ConnectivityMethod], law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AssertionError):
        keep(getattr(MethodLaws(), law), {"method": fault(), "task": task_of(simulated)}, monkeypatch)


def test_a_slow_state_that_starts_anew_with_every_window_breaks_its_law(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(simulated)
    model = fitted(seeded(models.Own, task.spec), task)
    law = TestAnOutsideModelKeepsTheLaws().test_forecast_of_an_array_is_what_the_batches_give
    keep(law, {"model": model, "task": task}, monkeypatch)
    monkeypatch.setattr(serving, "leaky_traces", lambda x, before, *rest: leaky_traces(x, before * 0, *rest))
    with pytest.raises(AssertionError, match="Tensor-likes are not close"):
        keep(law, {"model": model, "task": task}, monkeypatch)


def test_a_model_that_sees_the_noise_to_come_is_not_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    law = HonestyLaws().test_independent_noise_cannot_be_forecast
    with pytest.raises(AssertionError):
        keep(law, {"recipe": models.Acausal, "noise": noise_task()}, monkeypatch)


@pytest.mark.parametrize(
    ("laws", "faults"), [(ModelLaws, MODEL_FAULTS), (ConnectivityLaws, CLAIM_FAULTS), (MethodLaws, METHOD_FAULTS)]
)
def test_no_law_is_without_a_fault_that_breaks_it(laws: type, faults: list[tuple[type, str]]) -> None:
    assert {name for name in dir(laws) if name.startswith("test_")} == {law for _, law in faults}


def test_another_lab_needs_one_class_and_nothing_of_this_folder(tmp_path: Path) -> None:
    """Of two models in a file of its own, the sound one passes and the acausal one fails, with the values shown."""
    shutil.copy(models.__file__, tmp_path)
    (tmp_path / "test_mine.py").write_text(
        "from outside_models import Acausal, Own\n"
        "from synapsnet.testing import ModelLaws\n"
        "class TestOwn(ModelLaws):\n    def make(self, spec): return Own(spec)\n"
        "class TestAcausal(ModelLaws):\n    def make(self, spec): return Acausal(spec)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-k", "after_a_bin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "3 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert "TestOwn" not in done.stdout
    assert "Tensor-likes are not close" in done.stdout


def test_without_pytest_one_line_says_how_to_get_it() -> None:
    code = "import sys; sys.modules['pytest'] = None; import synapsnet.testing"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: synapsnet.testing needs pytest: pip install 'synapsnet[test]'"
    )
