"""The matrices of the study, from its run folders."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.errors import UserError
from synapsnet.report.fits import fits as matrices
from synapsnet.report.fits import role
from synapsnet.results import Run
from synapsnet.session import Signal


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
        run = Run(path.parent)
        of = role(run)
        if run.data["root"] is None or of is None:
            continue
        for fit in matrices(run, methods=True):
            subject = Subject(run.recording, fit.estimate.method, fit.estimate.session_id)
            getattr(found.setdefault(subject, Fits(run.signal, fit.connectivity.regions)), of).append(fit.estimate)
    if not found:
        raise UserError(f"{root}: no finished run there, expected <model>/<recording>/seed<k>/connectivity.npz")
    for subject, fits in found.items():
        if not fits.whole:
            raise UserError(f"{root}: no run of {subject.method} on the whole of {subject.recording}, only on parts")
    return found
