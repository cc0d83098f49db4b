"""Connectivity on disk: what is written is read, and what is damaged is named."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.results.connectivity import Connectivity, read_connectivity, write_connectivity

N_UNITS, N_LAGS = 4, 3


def matrix(seed: int, *shape: int) -> np.ndarray:
    values = np.random.default_rng(seed).standard_normal((*shape, N_UNITS, N_UNITS))
    return values * (1 - np.eye(N_UNITS))


def full(session_id: str) -> Connectivity:
    """Every attribute is there."""
    return Connectivity(
        session_id=session_id,
        unit_ids=tuple(f"u{unit}" for unit in range(N_UNITS)),
        effective=matrix(0),
        standard_error=np.abs(matrix(1)),
        evidence=matrix(6),
        positive=np.abs(matrix(7)),
        replication=np.abs(matrix(8)),
        raw=matrix(2),
        inclusion=matrix(3) ** 2,
        per_lag=matrix(4, N_LAGS),
        methods={"correlation": matrix(5), "transfer_entropy": matrix(6)},
        unsigned=("transfer_entropy",),
        unit_table={"region": np.array(["V1", "V1", "LP", ""]), "x": np.arange(N_UNITS)},
        truth=matrix(7),
        strongest={name: matrix(8)[:, :2] for name in ("senders", "effective", "raw")},
    )


def assert_same(one: Connectivity, other: Connectivity) -> None:
    for field in fields(Connectivity):
        values = getattr(one, field.name), getattr(other, field.name)
        if isinstance(values[0], dict):
            assert values[0].keys() == values[1].keys(), field.name
            for key in values[0]:
                np.testing.assert_array_equal(values[0][key], values[1][key], err_msg=f"{field.name} {key}")
        else:
            np.testing.assert_array_equal(*values, err_msg=field.name)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    bare = Connectivity(session_id="b", unit_ids=("one", "two"))
    write_connectivity(tmp_path / "c.npz", [full("a"), bare])
    again = read_connectivity(tmp_path / "c.npz", per_lag=True)
    assert list(again) == ["a", "b"]
    assert_same(again["a"], full("a"))
    assert_same(again["b"], bare)
    assert_same(read_connectivity(tmp_path / "c.npz")["a"], replace(full("a"), per_lag=None))


def test_a_slash_in_a_session_id_splits_no_session(tmp_path: Path) -> None:
    names = ["a/b", "a/unit/1", "a", "/b/"]
    write_connectivity(tmp_path / "c.npz", [full(name) for name in names])
    again = read_connectivity(tmp_path / "c.npz", per_lag=True)
    assert list(again) == names
    for name in names:
        assert_same(again[name], full(name))


def test_estimates_are_of_the_model_and_of_methods() -> None:
    estimates = full("a").estimates("net")
    assert set(estimates) == {"net", "correlation", "transfer_entropy"}
    np.testing.assert_array_equal(estimates["net"].matrix, full("a").effective)
    assert estimates["net"].standard_error is not None
    assert estimates["correlation"].standard_error is None
    assert [name for name, estimate in estimates.items() if not estimate.signed] == ["transfer_entropy"]


def test_a_frame_has_a_row_for_every_pair_of_units() -> None:
    frame = full("a").to_frame()
    assert list(frame) == [
        "post",
        "pre",
        "effective",
        "standard_error",
        "evidence",
        "positive",
        "replication",
        "raw",
        "inclusion",
        "truth",
    ]
    assert len(frame) == N_UNITS * (N_UNITS - 1)
    edge = frame.set_index(["post", "pre"]).loc[("u2", "u1")]
    assert (edge.effective, edge.raw) == (matrix(0)[2, 1], matrix(2)[2, 1])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"effective": matrix(0) * np.nan}, "NaN"),
        ({"inclusion": np.zeros((2, 2))}, "inclusion is"),
        ({"truth": np.zeros(N_UNITS)}, "truth is"),
        ({"methods": {"correlation": np.eye(N_UNITS)}}, "diagonal"),
    ],
)
def test_matrices_that_do_not_fit_are_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        replace(full("a"), **changed)


def test_the_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    np.savez(path, **{"a/effective": matrix(0)})
    with pytest.raises(UserError, match=f"{path}: no a/unit_ids"):
        read_connectivity(path)
    write_connectivity(path, [full("a")])
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(UserError, match=f"{path}: cannot be read"):
        read_connectivity(path)
