"""Any session id makes the name of a file."""

import json
from pathlib import Path

import numpy as np
import pytest
from command import write_recording
from prepared import prepare, visible

from synapsnet.data.readers import read_sessions


@pytest.mark.parametrize("session_id", ["../../up", "a/b c:d", "...", "ü" * 300, "鼠" * 300, "x" * 500, ""])
def test_any_session_id_makes_a_name_of_a_file(tmp_path: Path, session_id: str) -> None:
    write_recording(tmp_path / "in" / "x.npz", meta=np.array(json.dumps({"session_id": session_id})))
    prepare(tmp_path / "in", "--out", tmp_path / "out")
    assert visible(tmp_path) == ["in", "out"]
    assert len(visible(tmp_path / "out")) == 1
    (session,) = read_sessions(tmp_path / "out", bin_width_s=None)
    assert session.session_id == session_id


def test_names_in_any_script_and_of_any_length_stay_apart(tmp_path: Path) -> None:
    ids = ["小鼠甲", "小鼠乙", "x" * 500 + "a", "x" * 500 + "b", "mouse 1", "mouse/1", "mouse_1"]
    for number, session_id in enumerate(ids):
        meta = np.array(json.dumps({"session_id": session_id}))
        write_recording(tmp_path / "in" / f"{number}.npz", meta=meta)
    prepare(tmp_path / "in", "--out", tmp_path / "out")
    assert {session.session_id for session in read_sessions(tmp_path / "out", bin_width_s=None)} == set(ids)
    assert {"小鼠乙.npz", "小鼠甲.npz", "mouse_1.npz"} <= set(visible(tmp_path / "out"))
