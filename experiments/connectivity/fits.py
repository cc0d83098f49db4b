"""The matrices of the study, from its run folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from omegaconf import OmegaConf

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.errors import UserError
from synapsnet.session import Signal

MODEL_KEY, METHOD_KEY = "effective", "method/"


class Subject(NamedTuple):
    """Whose matrix it is."""

    recording: str
    method: str
    session: str


@dataclass
class Fits:
    """All estimates of one session by one model or method.

    Attributes:
        signal: Kind of recording.
        regions: Name of each unit's region; None where the recording does not tell.
        whole: Fits of the whole train split, one a seed.
        first_half: Fits of its first half.
        second_half: Fits of its second half.
        surrogates: Fits of surrogates, one a seed of surrogate.
    """

    signal: Signal
    regions: list[str] | None
    whole: list[ConnectivityEstimate] = field(default_factory=list)
    first_half: list[ConnectivityEstimate] = field(default_factory=list)
    second_half: list[ConnectivityEstimate] = field(default_factory=list)
    surrogates: list[ConnectivityEstimate] = field(default_factory=list)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """Mean over the fits of the whole, ``[post, pre]``."""
        mean: npt.NDArray[np.float64] = np.mean([fit.matrix.astype(np.float64) for fit in self.whole], axis=0)
        return mean


def read_fits(root: Path) -> dict[Subject, Fits]:
    """Every matrix of the runs on recordings; those of simulations are left out.

    Args:
        root: Holds ``<model>/<recording>-<part>-<surrogate>/seed<k>/``.

    Raises:
        UserError: if there is no run, a run folder is not whole, or nothing was fitted on a whole recording.
    """
    found: dict[Subject, Fits] = {}
    for path in sorted(root.glob("*/*/seed*/connectivity.npz")):
        config = read_config(path.parent)
        data, model = config["data"], config["choices"]["model"]
        if data["root"] is None:
            continue
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                session, _, what = key.partition("/")
                if what != MODEL_KEY and not what.startswith(METHOD_KEY):
                    continue
                method = model if what == MODEL_KEY else what.removeprefix(METHOD_KEY)
                units = tuple(map(str, arrays[f"{session}/unit_ids"]))
                table = f"{session}/unit/region"
                regions = [str(name) for name in arrays[table]] if table in arrays.files else None
                fits = found.setdefault(Subject(data["name"], method, session), Fits(data["signal"], regions))
                estimate = ConnectivityEstimate(method, session, units, arrays[key].astype(np.float64))
                _place(fits, data).append(estimate)
    if not found:
        raise UserError(f"{root}: no finished run there, expected <model>/<recording>/seed<k>/connectivity.npz")
    for subject, fits in found.items():
        if not fits.whole:
            raise UserError(f"{root}: no run of {subject.method} on the whole of {subject.recording}, only on parts")
    return found


def read_config(run_dir: Path) -> dict[str, Any]:
    """The resolved configuration of a run.

    Raises:
        UserError: if there is none.
    """
    path = run_dir / "config.yaml"
    if not path.is_file():
        raise UserError(f"{run_dir}: not a whole run folder: no config.yaml")
    config: Any = OmegaConf.to_container(OmegaConf.load(path))
    return dict(config)


def _place(fits: Fits, data: dict[str, Any]) -> list[ConnectivityEstimate]:
    if data["surrogate"] != "none":
        return fits.surrogates
    return {"all": fits.whole, "first_half": fits.first_half, "second_half": fits.second_half}[data["train_part"]]
