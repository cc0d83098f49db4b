"""The pipeline of ``train.py`` from Python: sessions in, a finished run out, nothing printed."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt
import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import OmegaConf, flag_override, open_dict

from synapsnet.command_line import quoted
from synapsnet.configuration import conf_folder
from synapsnet.data.named import Named
from synapsnet.data.readers import iterate_sessions
from synapsnet.data.training_command import GROUPS
from synapsnet.data.widths import ends_left_out, rebin
from synapsnet.errors import UserError, one_line
from synapsnet.experiment.checkpoint import load
from synapsnet.experiment.job import Left, perform
from synapsnet.experiment.overrides import misspelt
from synapsnet.experiment.recordings import IN_MEMORY
from synapsnet.experiment.request import Request, understood
from synapsnet.models.base import Forecaster
from synapsnet.results import Run
from synapsnet.results.connectivity import Connectivity
from synapsnet.session import Session, Signal

log = logging.getLogger(__name__)


def read(
    path: str | os.PathLike[str],
    *,
    bin_width_s: float | None = None,
    activity: Sequence[str] | None = None,
    signal: Signal | None = None,
    max_memory: float | None = None,
) -> Session:
    """Read a recording.

    Args:
        path: A file or folder of any format that ``synapsnet inspect`` knows.
        bin_width_s: Bin width in seconds for event times, 0.02 by default. Formats that are already binned keep their
            bins.
        activity: Names of plain series of an NWB file that are the neurons, such as ``["cell*"]``.
        signal: Signal of these series, where their values do not tell it.
        max_memory: Most gigabytes that an array may take; None is half of the machine's memory.

    Raises:
        UserError: if it cannot be read, or if it holds more than one session (use `read_all`).
    """
    sessions = read_all(path, bin_width_s=bin_width_s, activity=activity, signal=signal, max_memory=max_memory)
    if len(sessions) > 1:
        names = ", ".join(session.session_id for session in sessions)
        raise UserError(f"{os.fspath(path)} holds {len(sessions)} sessions ({names}); read them by read_all")
    return sessions[0]


def read_all(
    path: str | os.PathLike[str],
    *,
    bin_width_s: float | None = None,
    activity: Sequence[str] | None = None,
    signal: Signal | None = None,
    max_memory: float | None = None,
) -> list[Session]:
    """Read every recording in a file or folder; see `read`."""
    named = None if activity is None else Named(tuple(activity), signal)
    given = iterate_sessions(os.fspath(path), bin_width_s=bin_width_s, strict=True, named=named, max_memory=max_memory)
    return list(given)


def fit(
    model: str,
    sessions: Session | Sequence[Session] | str | os.PathLike[str],
    *,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    transfer_from: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    trust: Sequence[str] = (),
) -> FittedRun:
    """Train and test a model as ``train.py`` does, with the same configuration, splits and results.

    Args:
        model: Name of a model, such as ``synapsnet`` or ``var``.
        sessions: One or several recordings in memory, or a path of recordings.
        seed: Seed of the run.
        out: The run folder, by default a dated one under ``outputs/``. A finished run in it is not repeated, and an
            unfinished one is continued.
        transfer_from: A checkpoint of the same model, whose shared weights are taken and frozen. Only what belongs to a
            session is fitted, and settings are those of the checkpoint's run, with ``settings`` on top.
        settings: Overrides, as on the command line of ``train.py``: ``["trainer.max_steps=200"]``.
        trust: Packages next to synapsnet whose models may be built. Their yamls are found by
            ``settings=["hydra.searchpath=[file:///path/of/mylab/conf]"]``.

    Raises:
        UserError: for bad input.
        KeyboardInterrupt: if the run was stopped; the same call with ``out`` continues it.
    """
    given = None if isinstance(sessions, str | os.PathLike) else _in_memory(sessions)
    if isinstance(settings, str):
        raise UserError(f"settings must be a list of texts, as [{settings!r}]")
    if given is not None and any(setting.partition("=")[0].lstrip("+") == "data.root" for setting in settings):
        raise UserError("data.root names recordings, and sessions are given: drop one of them")
    asked = [f"seed={seed}", "logger=csv", "~callbacks.progress"]
    if transfer_from is not None:
        asked += ["mode=transfer", f"ckpt_path={quoted(os.path.abspath(transfer_from))}"]
    else:
        asked += [f"model={model}", *([f"data={GROUPS[given[0].signal]}"] if given is not None else [])]
    if given is None:
        asked.append(f"data.root={quoted(os.fspath(sessions))}")  # type: ignore[arg-type]
    else:
        name = given[0].session_id if len(given) == 1 else f"{len(given)}-sessions"
        asked += [f"data.root={quoted(IN_MEMORY)}", f"data.name={quoted(name)}"]
    values: dict[str, Any] = {"trusted_packages": list(trust)}
    with _quiet(), _requested([*asked, *settings], values, out) as request:
        if request.config["choices"]["model"] != model:
            raise UserError(f"{transfer_from} holds a {request.config['choices']['model']}, not a {model}")
        try:
            folder, _ = perform(replace(request, sessions=given))
        except Left as left:
            raise KeyboardInterrupt(left.way_on) from None
    return FittedRun(folder, trust=trust)


def _in_memory(sessions: Session | Sequence[Session]) -> tuple[Session, ...]:
    given = (sessions,) if isinstance(sessions, Session) else tuple(sessions)
    if not given:
        raise UserError("no session to train on")
    for session in given:
        if not isinstance(session, Session):
            raise UserError(f"sessions must be synapsnet.Session, as Session.from_arrays makes, got {type(session)}")
    return given


@final
@dataclass(frozen=True)
class FittedRun:
    """A finished run: its scores, its connections and its forecasts.

    Attributes:
        folder: The run folder.
        trust: Packages next to synapsnet whose models may be built.
    """

    folder: Path
    trust: Collection[str] = ()

    @property
    def scores(self) -> pd.DataFrame:
        """Scores of the test split, one row per session."""
        return Run(self.folder).scores

    @property
    def validation(self) -> float:
        """The validation score by which the weights were chosen, and by which settings may be."""
        return float(Run(self.folder).fact("validation"))

    @property
    def model(self) -> Forecaster:
        """The model with the weights that validate best."""
        return load(Run(self.folder).checkpoint("best"), trust=self.trust)

    def connectivity(self, session_id: str) -> Connectivity:
        """Connections of a session: matrices ``[post, pre]`` with unit ids, standard errors and odds if available."""
        return Run(self.folder).connectivity(session_id)

    def forecast(self, session: Session) -> npt.NDArray[np.float32]:
        """One-step forecasts of a recording in raw units, ``[time, units]``; see `Forecaster.forecast`.

        Bins are widened to those of the model, and the model's units and behavior are selected from the session by
        name.

        Raises:
            UserError: if it is no session, or has other units or bins.
        """
        if not isinstance(session, Session):
            raise UserError(f"forecast takes a Session, got {type(session).__name__}; model.forecast takes arrays")
        model = self.model
        wide = rebin(session, model.spec.bin_width_s)
        for reason, bins in ends_left_out(session, wide).items():
            log.info("session %s: %s left out, %s", session.session_id, bins, reason)
        return model.forecast(wide)


@contextmanager
def _requested(
    overrides: Sequence[str], values: dict[str, Any], out: str | os.PathLike[str] | None
) -> Iterator[Request]:
    """The request that overrides make, with Hydra in the same state as in a command-line job."""
    outer_hydra, outer_config = GlobalHydra.instance().hydra, HydraConfig.instance().cfg
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_folder()), version_base="1.3", job_name="synapsnet"):
            try:
                cfg = compose("train", overrides=list(overrides), return_hydra_config=True)
            except HydraException as error:
                raise UserError(one_line(misspelt(error, overrides))) from error
            with open_dict(cfg):
                for key, value in values.items():
                    OmegaConf.update(cfg, key, value)
                HydraConfig.instance().set_config(cfg)  # folder names look up the chosen options in it
                cfg.run_dir = os.path.abspath(cfg.hydra.run.dir if out is None else out)
            job: Any = HydraConfig.instance().cfg
            with flag_override(job.hydra, "readonly", False):
                job.hydra.runtime.output_dir = cfg.run_dir if out is None else ""
            yield understood(cfg)
    finally:
        GlobalHydra.instance().hydra = outer_hydra
        HydraConfig.instance().cfg = outer_config


@contextmanager
def _quiet() -> Iterator[None]:
    """Write our log to the run folder."""
    ours = logging.getLogger("synapsnet")
    propagates = ours.propagate
    ours.propagate = False
    try:
        yield
    finally:
        ours.propagate = propagates
