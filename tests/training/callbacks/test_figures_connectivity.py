"""The figure that a session's connectivity is given."""

from __future__ import annotations

import numpy as np
import pytest

from synapsnet.results import Connectivity
from synapsnet.training.callbacks.figures_connectivity import connectivity_figures

N_UNITS = 6


def connectivity(*names: str, **table: list[str]) -> Connectivity:
    """Random matrices: ``effective``, ``truth`` and those of methods."""
    rng = np.random.default_rng(0)
    matrices = {name: rng.standard_normal((N_UNITS, N_UNITS)) * (1 - np.eye(N_UNITS)) for name in names}
    return Connectivity(
        session_id="s",
        unit_ids=tuple(f"u{unit}" for unit in range(N_UNITS)),
        effective=matrices.pop("effective", None),
        truth=matrices.pop("truth", None),
        methods=matrices,
        unsigned=("transfer_entropy",),
        unit_table={name: np.array(column) for name, column in table.items()},
    )


def drawn(*names: str, **table: list[str]) -> dict[str, list[str]]:
    """Text of every title by the kind and the session of the figure; panels are those with an image of a matrix."""
    figures = connectivity_figures(connectivity(*names, **table), signal="calcium", model="net")
    return {
        f"{kind}-{session}": [axes.get_title(loc="left").partition("\n")[0] for axes in figure.axes if axes.images]
        for kind, session, figure in figures
    }


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("effective",), {"connectivity-s": ["s: effective connectivity of 6 units"]}),
        (("effective", "granger"), {"connectivity-s": ["s: effective connectivity of 6 units"]}),
        (("effective", "correlation"), {"connectivity-s": ["net", "correlation"]}),
        (
            ("effective", "correlation", "transfer_entropy", "truth"),
            {"recovery-s": ["truth", "net", "correlation", "transfer_entropy"]},
        ),
        (("correlation", "truth"), {"recovery-s": ["truth", "correlation"]}),
        (("truth",), {}),
        (("correlation",), {}),
    ],
)
def test_a_session_is_drawn_once_with_the_most_that_is_known(
    keys: tuple[str, ...], expected: dict[str, list[str]]
) -> None:
    assert drawn(*keys) == expected


@pytest.mark.parametrize(
    ("regions", "n_orders"), [(["V1"] * 3 + ["LP"] * 3, 2), (["V1"] * 3 + [""] * 3, 2), (["V1"] * 6, 1), ([""] * 6, 1)]
)
def test_regions_are_drawn_where_they_tell_units_apart(regions: list[str], n_orders: int) -> None:
    panels = drawn("effective", "correlation", region=regions)["connectivity-s"]
    assert panels == ["net", "correlation"] * n_orders


def test_what_knows_no_sign_is_correlated_with_the_size_of_the_truth() -> None:
    keys = ("truth", "correlation", "transfer_entropy")
    ((_, _, figure),) = connectivity_figures(connectivity(*keys), signal="spikes", model="net")
    labels = [axes.get_title(loc="left") for axes in figure.axes]
    assert [label.partition("\n")[0] for label in labels if "|truth|" in label] == ["transfer_entropy"]
