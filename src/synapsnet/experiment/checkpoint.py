"""Models from checkpoints, without the data they were fitted on."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from synapsnet import extensions
from synapsnet.checkpoint_file import DamagedError, read_checkpoint
from synapsnet.errors import UserError, one_line
from synapsnet.experiment.parts import Recipe, build
from synapsnet.experiment.record import Record
from synapsnet.models.base import Forecaster
from synapsnet.plain import Plain, require_plain
from synapsnet.results.ending import Ending
from synapsnet.results.files import CHECKPOINTS
from synapsnet.session import SessionSpec, TaskSpec
from synapsnet.session.recording import WIDTH_TOLERANCE

PREFIX = "model."  # prefix of the forecaster's weights among those of the training module
FORMAT = 2
"""Number of the form of checkpoints; it rises when weights that load without an error would forecast something else."""


@dataclass(frozen=True)
class Saved:
    """The content of a checkpoint about its run, checked to be plain data.

    Attributes:
        path: The file.
        state: The file's content: weights, and the state of training.
        model: Recipe of the model.
        likelihood: Recipe of its likelihood.
        spec: The task it was built for.
        run_id: Name of the run in W&B.
        record: The overrides that the run was started with.
        settings: The run's resolved configuration; used for comparison only, never to build from.
        recordings: Fingerprint of each recording by session id.
        ending: The reason why training ended; None if it had not.
    """

    path: Path
    state: dict[str, Any]
    model: Recipe
    likelihood: Recipe
    spec: TaskSpec
    run_id: str
    record: Record
    settings: dict[str, Plain]
    recordings: dict[str, str]
    ending: Ending | None

    @property
    def step(self) -> int:
        """Number of gradient steps done."""
        return int(self.state["global_step"])

    @property
    def transfer(self) -> Plain:
        """The checkpoint whose shared weights the run took, as `transfer.origin` records it; None if it took none."""
        return self.settings.get("transfer")

    @property
    def run_dir(self) -> Path | None:
        """The run folder that contains the file, even if the folder was moved; None for a file on its own."""
        folder = self.path.absolute().parent
        return folder.parent if folder.name == CHECKPOINTS else None


def load(path: str | os.PathLike[str], *, trust: Collection[str] = ()) -> Forecaster:
    """Load a trained model for use in plain Python, without the data.

    Args:
        path: ``best.ckpt`` or ``last.ckpt`` of a run folder.
        trust: Further packages, in addition to synapsnet, whose models may be built. Their code runs.

    Returns:
        The model in evaluation mode, on the CPU; see `Forecaster.forecast`.

    Raises:
        UserError: if the file is not a checkpoint of synapsnet, is damaged, or names a model of a package that is
            not trusted.
    """
    if isinstance(trust, str):
        raise UserError(f"trust is a list of packages, as [{trust!r}]")
    extensions.trust(trust)
    saved = read_saved(Path(path))
    model = build_saved_model(saved, trust=trust)
    load_weights(model, saved.state, path)
    return model.eval()


def build_saved_model(saved: Saved, *, trust: Collection[str]) -> Forecaster:
    """The model of a checkpoint with fresh weights."""
    likelihood = build(saved.likelihood, trust=trust, where=f"{saved.path}: likelihood", signal=saved.spec.signal)
    model = build(saved.model, trust=trust, where=f"{saved.path}: model", spec=saved.spec, likelihood=likelihood)
    if not isinstance(model, Forecaster):
        raise UserError(f"{saved.path}: model is a {type(model).__name__}, which does not forecast")
    return model


def read_saved(path: Path) -> Saved:
    """Read a checkpoint, and check that its content is plain data and consistent.

    Raises:
        UserError: if the file is missing, or of another version of synapsnet.
        DamagedError: if it is not a checkpoint of ours, or is damaged or malformed.
    """
    state = read_checkpoint(path)
    form = state["hyper_parameters"].get("format", 1) if isinstance(state["hyper_parameters"], Mapping) else FORMAT
    if form != FORMAT:
        raise UserError(
            f"{path} is a checkpoint of format {form!r:.20}, and this synapsnet reads {FORMAT}: its models see their "
            "inputs in another way, so train it again, or use the version that wrote it"
        )
    try:
        said = state["hyper_parameters"]
        require_plain(said, "hyper_parameters")
        ending = state["ending"]
        if not isinstance(state["global_step"], int) or not isinstance(state["state_dict"], Mapping):
            raise ValueError("global_step must be a whole number, and state_dict a mapping")
        return Saved(
            path=path,
            state=state,
            model=said["model"],
            likelihood=said["likelihood"],
            spec=_checked(TaskSpec.from_dict(said["spec"])),
            run_id=_text(said["run_id"], "run_id"),
            record=Record.from_dict(said["record"]),
            settings=dict(said["settings"]),
            recordings={str(name): _text(value, "a fingerprint") for name, value in said["recordings"].items()},
            ending=None if ending is None else Ending.from_dict(ending),
        )
    except (UserError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DamagedError(f"{path} is not a checkpoint of synapsnet: {one_line(error)}") from error


def read_latest(path: Path, log: Any) -> Saved:
    """Read ``last.ckpt``; where it is damaged, fall back to the best checkpoint next to it, with a warning.

    Resuming from an earlier checkpoint gives the same result, because every step's randomness is a function of its
    position.
    """
    try:
        return read_saved(path)
    except DamagedError as error:
        best = path.with_name("best.ckpt")
        if path.name != "last.ckpt" or not best.is_file():
            raise
        saved = read_saved(best)
        log.warning("%s; going on from %s, step %d", error, best, saved.step)
        return saved


def load_weights(model: Forecaster, state: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Fill a model of the checkpoint's recipe with its weights."""
    try:
        weights = {name.removeprefix(PREFIX): value for name, value in state["state_dict"].items()}
        model.load_state_dict(weights)
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"the weights in {path} are not those of the model it names") from error


def check_units(saved: TaskSpec, task: TaskSpec, path: Path) -> None:
    """Refuse data that the checkpoint's model was not built for.

    Raises:
        UserError: at the first difference.
    """
    if saved.session_ids != task.session_ids:
        raise UserError(
            f"{path} was trained on the sessions {', '.join(saved.session_ids)}, but the data has "
            f"{', '.join(task.session_ids)}; set data.root to the recordings it was trained on"
        )
    for ours, theirs in zip(saved.sessions, task.sessions, strict=True):
        if ours.unit_ids != theirs.unit_ids:
            raise UserError(
                f"{path} was trained on {ours.n_units} units of session {ours.session_id!r}, but the data has "
                f"{theirs.n_units} units that are not the same; give it the same recording and unit selection"
            )
    check_form(saved, task, path)


def check_form(saved: TaskSpec, task: TaskSpec, path: Path) -> None:
    """Refuse data of another form than the checkpoint's model was trained on.

    Raises:
        UserError: at the first difference.
    """
    names = ("signal", "behavior_names", "masked_behavior", "context_bins", "window_bins", "inputs", "slow_s")
    differing = [name for name in names if getattr(saved, name) != getattr(task, name)]
    if abs(saved.bin_width_s / task.bin_width_s - 1) > WIDTH_TOLERANCE:
        differing.insert(0, "bin_width_s")
    if differing:
        ours, theirs = (getattr(spec, differing[0]) for spec in (saved, task))
        raise UserError(f"{path} was trained with {differing[0]} {ours}, the data has {theirs}")


def changed_recordings(saved: Saved, now: Mapping[str, str]) -> list[str]:
    """Sessions whose content differs from what the run was trained on."""
    return [name for name, fingerprint in saved.recordings.items() if now.get(name, fingerprint) != fingerprint]


def check_splits(saved: Saved, now: Mapping[str, str], data: Mapping[str, Plain]) -> None:
    """Refuse to cut the recordings of a run into other splits, because bins that it was trained on would be tested.

    Another task of the same recording has bins of its own.

    Raises:
        UserError: at the first setting that differs.
    """
    known = set(saved.recordings.values())
    said = saved.settings.get("data")
    then = said if isinstance(said, Mapping) else {}
    tasks = (then.get("task"), data["task"])
    for name in ("fractions", "cut_silences", *(["task"] if None in tasks else [])):
        for session, fingerprint in now.items():
            if fingerprint in known and then.get(name) != data[name]:
                raise UserError(
                    f"{saved.path} was trained on session {session!r} with data.{name}={then.get(name)}; with "
                    f"{data[name]} its test split would have bins that were trained on, so drop that override"
                )


def _text(value: Plain, what: str) -> str:
    if not isinstance(value, str) or not value.isalnum() or len(value) > 128:
        raise ValueError(f"{what} must be letters and digits, got {value!r:.80}")
    return value


def _checked(spec: TaskSpec) -> TaskSpec:
    """Refuse a task whose numbers are inconsistent."""
    if spec.signal not in ("spikes", "calcium") or spec.inputs not in ("levels", "increments") or not spec.sessions:
        raise ValueError("spec has an unknown signal or inputs, or no session")
    if not (1 <= spec.context_bins <= spec.window_bins and 0 < spec.bin_width_s < np.inf):
        raise ValueError("spec has impossible bins")
    if not all(0 < constant < np.inf for constant in spec.slow_s):
        raise ValueError("spec.slow_s must be positive seconds")
    for session in spec.sessions:
        _check_session(session, len(spec.behavior_names))
    return spec


def _check_session(session: SessionSpec, n_behavior: int) -> None:
    per_unit = ("mean", "scale", "input_mean", "input_scale", "increment_scale")
    sizes = dict.fromkeys(per_unit, session.n_units) | dict.fromkeys(("behavior_mean", "behavior_scale"), n_behavior)
    for name, size in sizes.items():
        values = getattr(session, name)
        if values.shape != (size,) or not np.isfinite(values).all():
            raise ValueError(f"spec.sessions: {name} must be {size} finite numbers")
    names = [session.session_id, *session.unit_ids]
    if session.n_units < 1 or session.n_train_bins < 1 or not all(isinstance(name, str) for name in names):
        raise ValueError("spec.sessions: a session needs units, train bins and names that are text")
