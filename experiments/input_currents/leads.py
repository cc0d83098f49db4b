"""Do currents lead activity? Matrices from run folders, on the activity of the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments import _tables
from synapsnet.analysis.currents import current_activity_correlation, shuffled
from synapsnet.data.splits import Split
from synapsnet.data.task import Task
from synapsnet.errors import UserError
from synapsnet.experiment.build import build_data
from synapsnet.results import Connectivity, Run
from synapsnet.session import SessionSpec

Array = npt.NDArray[np.float64]
N_SHUFFLES = 20
OWN_BINS = 5
METHODS = ("correlation", "lagged_correlation")


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recording of the study and the matrices found on it.

    Attributes:
        name: Name of the recording.
        task: The forecasting task of the runs.
        matrices: By name, one ``[post, pre]`` per session, in standard deviations of the receiver's activity per
            standard deviation of the sender's (see `standardized`).
    """

    name: str
    task: Task
    matrices: dict[str, list[Array]]


@dataclass(frozen=True, eq=False)
class Lead:
    """Correlation of currents with the activity of their receivers, over lags.

    Attributes:
        lags: In bins; at positive lags, activity comes after the current.
        sessions: One array per session, ``[draws, units, lags]``; a matrix that was not shuffled has one draw.
        beyond: Partial correlation with the next bin given the receiver's own past, ``[draws, units]`` per session.
    """

    lags: npt.NDArray[np.int64]
    sessions: list[Array]
    beyond: list[Array]

    @property
    def means(self) -> Array:
        """Mean over draws and units, ``[sessions, lags]``."""
        return np.stack([np.nanmean(values, axis=(0, 1)) for values in self.sessions])

    @property
    def mean(self) -> Array:
        """Mean over sessions, ``[lags]``."""
        mean: Array = self.means.mean(0)
        return mean

    @property
    def sd(self) -> Array:
        """Standard deviation over the units of a session, ``[lags]``."""
        return np.sqrt(np.mean([np.nanvar(values, axis=(0, 1)) for values in self.sessions], axis=0))

    def row(self) -> dict[str, float]:
        """Peak, asymmetry, partial r, and the share of units led; errors are standard errors over sessions.

        The asymmetry is the mean r over positive lags minus that over negative ones. A current leads where r one bin
        after it is above r one bin before it.
        """
        peak = int(np.abs(self.mean).argmax())
        side = np.sign(self.lags) / np.maximum((self.lags > 0).sum(), 1)
        asymmetry = self.means @ side
        of_draws = np.mean([np.nanmean(values, axis=1) @ side for values in self.sessions], axis=0)
        centre = len(self.lags) // 2
        beyond = np.array([np.nanmean(values) for values in self.beyond])
        leads = []
        for values in self.sessions:
            defined = np.isfinite(values).all(-1)
            leads.append((values[..., centre + 1] > values[..., centre - 1])[defined].mean())
        return {
            "n_sessions": len(self.sessions),
            "n_units": sum(int(np.isfinite(values[0]).all(-1).sum()) for values in self.sessions),
            "peak_lag_bins": int(self.lags[peak]),
            "peak_r": float(self.mean[peak]),
            "peak_r_sem": _standard_error(self.means[:, peak]),
            "asymmetry": float(asymmetry.mean()),
            "asymmetry_sem": _standard_error(asymmetry),
            "asymmetry_sd_draws": float(of_draws.std(ddof=1)) if len(of_draws) > 1 else np.nan,
            "r_beyond": float(beyond.mean()),
            "r_beyond_sem": _standard_error(beyond),
            "units_led": float(np.mean(leads)),
        }


def _standard_error(values: Array) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan


def read_runs(out: Path) -> list[Recorded]:
    """Every recording with the matrices of its runs: models, model-free methods, and the truth where it is known.

    Args:
        out: Folder of the runs.

    Raises:
        UserError: if there is no run, one is incomplete, or runs of one recording differ in their task.
    """
    found: dict[str, Recorded] = {}
    for run in _tables.read_runs(out):
        if run.recording not in found:
            found[run.recording] = Recorded(run.recording, build_data(run.config["data"]).task, {})
        _add(found[run.recording], run)
    return list(found.values())


def _add(recorded: Recorded, run: Run) -> None:
    """Add the matrices of a run; methods and truth are the same in all runs of a recording."""
    connectivities = run.connectivities()
    sessions = [_of_session(connectivities, session, run) for session in recorded.task.spec.sessions]
    found: dict[str, list[npt.NDArray[np.floating] | None]] = {
        run.model_name: [session.effective for session in sessions],
        **{method: [session.methods.get(method) for session in sessions] for method in METHODS},
        "truth": [session.truth for session in sessions],
    }
    for name, matrices in found.items():
        present = [matrix.astype(np.float64) for matrix in matrices if matrix is not None]
        if len(present) == len(sessions):
            # A correlation is already in standard deviations.
            as_it_is = name in METHODS
            recorded.matrices[name] = [
                matrix if as_it_is else standardized(matrix, recorded.task, index)
                for index, matrix in enumerate(present)
            ]
        elif name != "truth":
            raise UserError(f"{run.folder} has no connectivity by {name}")


def _of_session(found: Mapping[str, Connectivity], session: SessionSpec, run: Run) -> Connectivity:
    connectivity = found.get(session.session_id)
    if connectivity is None or connectivity.unit_ids != session.unit_ids:
        raise UserError(f"{run.folder}: the units of session {session.session_id!r} are not those of its task")
    return connectivity


def standardized(matrix: Array, task: Task, session: int) -> Array:
    """A matrix per unit of raw activity, in standard deviations as `activity` is: ``W_ij scale_j / scale_i``."""
    info = task.spec.sessions[session]
    scale = info.scale
    if task.spec.inputs == "increments":
        scale = scale * info.increment_scale  # the matrix is per unit of change
    return matrix * scale / scale[:, None]


def activity(task: Task, session: int, split: Split) -> list[Array]:
    """Counts or calcium in train standard deviations, or its changes where models see those.

    Returns:
        One ``[time, units]`` per stretch of the split; for changes without the first bin, whose change is unknown.
    """
    info, recorded = task.spec.sessions[session], task.sessions[session].activity
    stretches = []
    for first, stop in task.pieces[session][split]:
        stretch = recorded[first:stop].numpy().astype(np.float64)
        if task.spec.signal == "spikes":
            stretch = (stretch - info.mean) / info.scale
        elif task.spec.inputs == "increments":
            stretch = np.diff(stretch, axis=0) / info.increment_scale
        stretches.append(stretch)
    return stretches


def lead(recorded: Recorded, matrices: Sequence[Sequence[Array]]) -> Lead:
    """Correlate currents with activity on the test split, over lags up to the models' context.

    Args:
        recorded: The recording.
        matrices: Draws of a matrix for every session, ``[sessions][draws]``.
    """
    max_lag = recorded.task.spec.context_bins
    sessions, beyond = [], []
    lags = np.arange(-max_lag, max_lag + 1)
    for index, draws in enumerate(matrices):
        test = activity(recorded.task, index, "test")
        sessions.append(np.stack([current_activity_correlation(m, test, max_lag=max_lag).by_unit for m in draws]))
        beyond.append(np.stack([beyond_own_past(matrix, test) for matrix in draws]))
    return Lead(lags, sessions, beyond)


def beyond_own_past(matrix: Array, stretches: Sequence[Array]) -> Array:
    """Partial correlation of a current with the next bin given the unit's own last bins, ``[units]``.

    This is ``corr(I_t , x_t+1)`` of the residuals of both after least squares on ``x_t, ..., x_t-4``; NaN where a
    residual vanishes.

    Args:
        matrix: ``[post, pre]``.
        stretches: Activity, one ``[time, units]`` for every stretch.
    """
    usable = [stretch for stretch in stretches if len(stretch) > OWN_BINS]
    own = [np.lib.stride_tricks.sliding_window_view(stretch[:-1], OWN_BINS, axis=0) for stretch in usable]
    past = np.concatenate(own).transpose(1, 0, 2)  # [units, rows, lags]
    current = np.concatenate([(stretch @ matrix.T)[OWN_BINS - 1 : -1] for stretch in usable]).T
    following = np.concatenate([stretch[OWN_BINS:] for stretch in usable]).T
    past = past - past.mean(1, keepdims=True)
    left = np.stack([series - series.mean(1, keepdims=True) for series in (current, following)], axis=-1)
    remains = left - past @ (np.linalg.pinv(past) @ left)
    products = remains.transpose(0, 2, 1) @ remains  # [units, 2, 2]
    size = np.sqrt(products[:, 0, 0] * products[:, 1, 1])
    defined = size > 1e-9 * np.sqrt(np.square(left).sum(1).prod(-1))
    defined &= size > 0
    return np.where(defined, products[:, 0, 1] / np.where(defined, size, 1.0), np.nan)


def leads(recorded: Recorded, shuffle_of: str) -> dict[str, Lead]:
    """The leads of every matrix and of shuffles of one of them, the truth last. Unconnected units have no current.

    Args:
        recorded: The recording.
        shuffle_of: Name of the matrix to shuffle.
    """
    connected = {name: of for name, of in recorded.matrices.items() if all(matrix.any() for matrix in of)}
    found = {name: lead(recorded, [[matrix] for matrix in matrices]) for name, matrices in connected.items()}
    if shuffle_of not in found:
        raise UserError(f"{recorded.name}: no connectivity of {shuffle_of} to shuffle")
    rng = np.random.default_rng(0)
    draws = [[shuffled(matrix, rng) for _ in range(N_SHUFFLES)] for matrix in connected[shuffle_of]]
    shuffle = {f"{shuffle_of}, shuffled": lead(recorded, draws)}
    order = [*(name for name in found if name not in (*METHODS, "truth")), *METHODS]
    truth = {"truth": found["truth"]} if "truth" in found else {}
    return {**{name: found[name] for name in order}, **shuffle, **truth}
