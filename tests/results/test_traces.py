"""The file of the traces of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from synapsnet.errors import UserError
from synapsnet.results.traces import Traces, read_traces, write_traces

RECORDED = np.array([[0.0, 1.0], [np.nan, np.nan], [2.0, 3.0]])
TRACES = Traces("a/b", ("u0", "u1"), ("best", "poorest"), np.array([0.5, np.nan]), RECORDED, RECORDED / 2, 4.5, 0.02)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "traces.npz"
    write_traces(path, [TRACES, replace(TRACES, session_id="a")])
    one, other = read_traces(path)
    assert (one.session_id, other.session_id) == ("a/b", "a")
    assert (one.unit_ids, one.places, one.start_s, one.bin_width_s) == (("u0", "u1"), ("best", "poorest"), 4.5, 0.02)
    for name in ("pearson_r", "recorded", "forecast"):
        np.testing.assert_array_equal(getattr(one, name), getattr(TRACES, name))


@pytest.mark.parametrize("what", ["torn", "another", "of another shape"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "traces.npz"
    write_traces(path, [TRACES])
    if what == "torn":
        path.write_bytes(path.read_bytes()[:200])
    elif what == "another":
        np.savez(path, x=np.zeros(3))
    else:
        arrays = dict(np.load(path)) | {"0/forecast": RECORDED[:, :1]}
        np.savez(path, **arrays)
    with pytest.raises(UserError, match=f"{path}: cannot be read"):
        read_traces(path)
