"""The search of one model's settings on one recording: TPE, pruned by the validation curve, in SQLite.

Trials are made one after the other, each by a sampler whose seed is the trial's place, so that a search that was
interrupted goes on as if it had not been. A trial whose process was killed is run again, in the same folder.
"""

from __future__ import annotations

import csv
import json
import math
import subprocess
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from experiments._study import Job
from experiments.sweep.spaces import SPACES, defaults
from synapsnet.configuration import conf_folder
from synapsnet.plain import read_plain_yaml
from synapsnet.results.files import CURVE, SCORES
from synapsnet.training.signals import STOPPED_CODE

FILE = "trials.db"
SEED = 0  # of the fit in every trial
MONITOR = "validation/nll"
START = 5  # trials before TPE and pruning begin: the defaults, and the rest at random
_AGAIN = "again"  # attribute of a trial that is run again: the number under which its process was killed


class Search:
    """The trials of one model on one recording.

    Args:
        model: The model.
        recording: Name of the recording.
        settings: Overrides that all trials share.
        out: Folder of the runs, which holds the database.
    """

    def __init__(self, model: str, recording: str, settings: tuple[str, ...], out: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.model, self.recording, self.settings = model, recording, settings
        self._out = out
        self._budget = int(read_plain_yaml(conf_folder() / "trainer" / "default.yaml")["max_steps"])
        self._study = optuna.create_study(
            storage=_storage(out),
            study_name=f"{recording}/{model}",
            pruner=MedianPruner(n_startup_trials=START, n_warmup_steps=self._budget // 4),
            load_if_exists=True,
        )
        self._trial: Trial | None = None
        self._reported = -1
        self._pruned = False
        if not self._study.trials and SPACES[model]:
            self._study.enqueue_trial(defaults(model))
        again = _again(self._study)
        for trial in self._study.get_trials(states=(TrialState.RUNNING,)):
            if trial.number not in again:
                self._study.enqueue_trial(trial.params, user_attrs={_AGAIN: trial.number})
            self._study.tell(trial.number, state=TrialState.FAIL)

    def __str__(self) -> str:
        return f"{self.model}, {self.recording}"

    @property
    def trials(self) -> list[FrozenTrial]:
        """The trials that count, in order; failed ones count as well, because their settings cannot be used."""
        return _counted(self._study)

    def next(self) -> Job:
        """The job of the next trial."""
        place = len(self.trials)
        self._study.sampler = TPESampler(seed=place, n_startup_trials=START)
        self._trial = self._study.ask(dict(SPACES[self.model]))
        self._reported, self._pruned = -1, False
        folder = Path("trials", self.model, self.recording, f"trial{place:03d}")
        return Job(folder, (SEED,), (f"model={self.model}", *self.settings, *_overrides(self._trial.params)))

    def watch(self, job: Job, process: subprocess.Popen[bytes]) -> None:
        """Read the validation curve of the running trial, and stop it where it is above the median of the others.

        Every step is judged alone and the last of the budget is not, so that nothing depends on the clock.
        """
        trial = self._running()
        for step, value in _curve(self._run(job) / CURVE):
            if step > self._reported and not self._pruned:
                trial.report(value, step)
                self._reported = step
                if step < self._budget - 1 and trial.should_prune():
                    self._pruned = True
                    process.terminate()

    def end(self, job: Job, code: int) -> str:
        """Record how the trial ended, and say so.

        A trial whose process was killed is still missing. So is a first one that fails, because the defaults fail for
        reasons that are none of theirs.

        Args:
            job: Its job.
            code: The exit code of its process.
        """
        trial, scores = self._running(), self._run(job) / SCORES
        self._trial = None
        if self._pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
            return "pruned"
        if scores.is_file():
            score = json.loads(scores.read_text())["validation"]
            self._study.tell(trial, score)
            return f"{MONITOR} {score:.4f}"
        if code < 0 or code == STOPPED_CODE:
            return "interrupted"
        if self.trials:
            self._study.tell(trial, state=TrialState.FAIL)
        return f"FAILED, see {self._out / job.folder / 'job.log'}"

    def best(self, n_trials: int) -> tuple[str, ...] | None:
        """The settings of the best of the first trials, as overrides; None if none of them was completed."""
        done = [of for of in self.trials[:n_trials] if of.state == TrialState.COMPLETE]
        return _overrides(min(done, key=_score).params) if done else None

    def _run(self, job: Job) -> Path:
        return self._out / job.folder / f"seed{SEED}"

    def _running(self) -> Trial:
        assert self._trial is not None
        return self._trial


def read_trials(out: Path) -> pd.DataFrame:
    """All trials in a folder of runs, one row each, with their settings and seconds."""
    rows = []
    for name in optuna.get_all_study_names(_storage(out)) if (out / FILE).is_file() else ():
        recording, _, model = name.partition("/")
        for place, trial in enumerate(_counted(optuna.load_study(study_name=name, storage=_storage(out)))):
            rows.append(
                {
                    "recording": recording,
                    "model": model,
                    "trial": place,
                    "state": trial.state.name.lower(),
                    "validation_nll": _score(trial),
                    "seconds": trial.duration.total_seconds() if trial.duration else math.nan,
                    "last_step": trial.last_step,
                    "settings": " ".join(_overrides(trial.params)),
                }
            )
    return pd.DataFrame(rows)


def _score(trial: FrozenTrial) -> float:
    """The validation score; NaN for a trial that was not completed, of which Optuna keeps the last of the curve."""
    return math.nan if trial.state != TrialState.COMPLETE or trial.value is None else trial.value


def _counted(study: Study) -> list[FrozenTrial]:
    again = _again(study)
    return [trial for trial in study.get_trials() if trial.state.is_finished() and trial.number not in again]


def _again(study: Study) -> set[int]:
    """Numbers of the trials that are run again under another."""
    return {trial.user_attrs[_AGAIN] for trial in study.get_trials() if _AGAIN in trial.user_attrs}


def _storage(out: Path) -> str:
    return f"sqlite:///{out / FILE}"


def _overrides(values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{setting}={value}" for setting, value in values.items())


def _curve(path: Path) -> list[tuple[int, float]]:
    """The validation score by step, as far as a run has come."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [(int(row["step"]), float(row[MONITOR])) for row in csv.DictReader(file) if row.get(MONITOR)]
