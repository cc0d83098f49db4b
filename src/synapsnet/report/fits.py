"""Matrices of a run, and its role when matrices are judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from synapsnet.analysis.estimate import ConnectivityEstimate
from synapsnet.results import Connectivity, Run

Role = Literal["whole", "first_half", "second_half", "surrogates"]
"""Role of a fit: the matrix itself, a half to compare with the other half, or the null."""

_ROLES: Mapping[tuple[str, bool], Role] = {
    ("all", False): "whole",
    ("first_half", False): "first_half",
    ("second_half", False): "second_half",
    ("all", True): "surrogates",
}


@dataclass(frozen=True, eq=False)
class Fit:
    """One matrix of one session of a run.

    Attributes:
        run: The run.
        connectivity: Connectivity of the session in the run.
        estimate: The matrix of the model, or of a model-free method.
    """

    run: Run
    connectivity: Connectivity
    estimate: ConnectivityEstimate


def fits(run: Run, *, methods: bool) -> Iterator[Fit]:
    """The matrices of a run, session by session.

    Args:
        run: The run.
        methods: True to include those of model-free methods.
    """
    for connectivity in run.connectivities().values():
        for name, estimate in connectivity.estimates(run.model_name).items():
            if methods or name == run.model_name:
                yield Fit(run, connectivity, estimate)


def trained(run: Run) -> bool:
    """Return True if the model has a learning rate; without one it is fitted by formula, and its seed has no effect."""
    return "tuned" in (run.config.get("model") or {})


def surrogate(run: Run) -> str:
    """Kind of surrogate with its seed; ``none`` for the original recording."""
    kind = str(run.data.get("surrogate", "none"))
    return kind if kind == "none" else f"{kind} {run.data.get('surrogate_seed', run.seed)}"


def role(run: Run) -> Role | None:
    """The role of a fit; None for the surrogate of a half, because its null is not that of the whole."""
    return _ROLES.get((str(run.data.get("train_part", "all")), surrogate(run) != "none"))
