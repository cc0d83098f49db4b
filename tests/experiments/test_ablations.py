"""The study of ablations: a fixed A, and differences from the full model, from planted runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from scipy import stats

from experiments.ablations.fixed import FixedConnectivity
from experiments.ablations.summarize import read, table_of
from synapsnet.errors import UserError
from synapsnet.metrics import TimeBlocks
from synapsnet.results.time_blocks import write_time_blocks
from synapsnet.testing.tasks import simulated, small_task

SPEC = small_task(simulated("spikes", units=(6,)), "spikes").spec
N_UNITS = SPEC.sessions[0].n_units
WEIGHTS = np.random.default_rng(0).normal(size=(N_UNITS, N_UNITS)).astype(np.float32)


def built(path: Path, *, shuffled: bool, **arrays: object) -> FixedConnectivity:
    spec = SPEC
    (session,) = spec.sessions
    content = {"raw": WEIGHTS, "unit_ids": np.array(session.unit_ids)} | arrays
    np.savez(path, **{f"{session.session_id}/{name}": values for name, values in content.items()})
    return FixedConnectivity(spec=spec, source=str(path), matrix="raw", shuffled=shuffled, total=0.2)


def test_a_fixed_matrix_is_that_of_the_file_scaled_and_without_a_diagonal(tmp_path: Path) -> None:
    connectivity = built(tmp_path / "c.npz", shuffled=False)
    matrix = connectivity.matrix(0).numpy()
    expected = WEIGHTS * (1 - np.eye(N_UNITS))
    assert np.sqrt((matrix**2).sum(1).mean()) == pytest.approx(0.2)
    np.testing.assert_allclose(matrix / matrix[0, 1], expected / expected[0, 1], rtol=1e-5)
    inputs = torch.randn(2, 3, N_UNITS)
    torch.testing.assert_close(connectivity(inputs, 0), inputs @ connectivity.matrix(0).T)
    assert not list(connectivity.parameters())


def test_shuffling_keeps_the_weights_of_every_receiver(tmp_path: Path) -> None:
    torch.manual_seed(0)
    matrix, other = (built(tmp_path / "c.npz", shuffled=value).matrix(0).numpy() for value in (False, True))
    np.testing.assert_allclose(np.sort(matrix, axis=1), np.sort(other, axis=1), rtol=1e-6)
    assert not np.diag(other).any()
    assert (matrix != other).sum() > N_UNITS * N_UNITS / 2


def test_a_file_of_other_units_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="other units"):
        built(tmp_path / "c.npz", shuffled=False, unit_ids=np.array(["x"] * N_UNITS))
    with pytest.raises(UserError, match="no method/correlation of session"):
        FixedConnectivity(
            spec=SPEC, source=str(tmp_path / "c.npz"), matrix="method/correlation", shuffled=False, total=1
        )


def plant(folder: Path, nll: dict[str, np.ndarray]) -> None:
    """A run with the nll of each session, ``[blocks, units]``."""
    folder.mkdir(parents=True)
    config = {"choices": {"model": "synapsnet"}, "data": {"name": "mice", "root": "/r"}, "mode": "train", "seed": 0}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    scores = {name: {"median_gain": 0.1, "nll": float(of.mean())} for name, of in nll.items()}
    (folder / "test_metrics.json").write_text(json.dumps({"sessions": scores}))
    write_time_blocks(
        folder / "time_blocks.npz", {name: TimeBlocks(of, np.full(len(of), 4)) for name, of in nll.items()}
    )


def test_variants_are_compared_on_the_sessions_that_they_share(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    full = {name: rng.normal(1, 0.1, (20, 3)).astype(np.float32) for name in "abc"}
    worse = {name: of + rng.normal(0.2, 0.02, of.shape).astype(np.float32) for name, of in full.items()}
    plant(tmp_path / "full" / "mice" / "seed0", full)
    plant(tmp_path / "no_connectivity" / "mice" / "seed0", worse)
    for name in "ab":
        plant(tmp_path / "one_session" / f"mice-{name}" / "seed0", {name: worse[name]})
    table: pd.DataFrame = table_of(read(tmp_path)["mice"]).set_index("variant")
    assert table.index[0] == "full"
    assert table.sessions.to_dict() == {"full": 3, "no_connectivity": 3, "one_session": 2}
    differences = {name: float((worse[name] - full[name]).mean()) for name in "abc"}
    assert table.difference["no_connectivity"] == pytest.approx(np.mean(list(differences.values())), rel=1e-4)
    assert table.difference["one_session"] == pytest.approx(np.mean([differences["a"], differences["b"]]), rel=1e-4)
    assert (table.low < table.difference)["no_connectivity"]
    assert table.share_worse["no_connectivity"] == 1
    p = stats.ttest_1samp(list(differences.values()), 0).pvalue
    assert table.p["no_connectivity"] == pytest.approx(min(2 * p, 1), rel=1e-3)  # Holm's correction of two tests


def test_a_recording_without_the_full_model_is_said(tmp_path: Path) -> None:
    plant(tmp_path / "paper" / "mice" / "seed0", {"a": np.ones((20, 3))})
    with pytest.raises(UserError, match="no run of the full model on mice"):
        read(tmp_path)
