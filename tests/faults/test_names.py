"""Sessions, units and behavior of any name keep distinct files and keys, from the recording to the run folder."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from command import LIGHT, Command

from synapsnet.data.readers import read_sessions
from synapsnet.data.readers.archive import write_archive
from synapsnet.file_names import safe_name
from synapsnet.results import Run
from synapsnet.session import Session

SESSIONS = ("a/b", "a_b", "a\0b", "a\x00", "../a", "x" * 3000, "x" * 2999 + "y", "神経", "a\nb")
UNITS = ("u/1", "u_1", "u\x00", "u", "ü" * 3000, "單", "..")
BEHAVIOR = ("v/1", "v_1", "v\x00", "v")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_odd_names_from_a_recording_to_its_results(train: Command) -> None:
    rng = np.random.default_rng(0)
    folder = train.folder / "recordings"
    for number, name in enumerate(SESSIONS):
        session = Session.from_arrays(
            rng.poisson(1.0, (260, len(UNITS))).astype(np.uint8),
            bin_width_s=0.05,
            behavior={one: rng.normal(size=260) for one in BEHAVIOR},
            session_id=name,
            unit_ids=UNITS,
        )
        write_archive(session, folder / f"{number}.npz")
    found = read_sessions(folder, bin_width_s=None)
    ids = [session.session_id for session in found]
    assert len(set(ids)) == len(SESSIONS)
    assert [name for name, given in zip(ids, SESSIONS, strict=True) if name != given] == ["a\\x00b", "a\\x00", "a\\nb"]
    assert all(len(set(session.unit_ids)) == len(UNITS) for session in found)
    assert all(len(set(session.behavior_names)) == len(BEHAVIOR) for session in found)
    assert len({safe_name(name).casefold() for name in ids}) == len(ids)

    settings = [one for one in LIGHT if one != "callbacks.figures=null"]
    done = train(*settings, f"data.root={folder}", "debug=fast", "hydra.run.dir=run")
    assert done.code == 0, done.err
    run = Run(train.folder / "run")
    assert set(run.scores.index) == set(ids)
    connectivity = run.connectivities()
    assert set(connectivity) == set(ids)
    for session in found:
        assert connectivity[session.session_id].unit_ids == session.unit_ids
    units = pd.read_csv(train.folder / "run" / "unit_metrics.csv", keep_default_na=False, dtype=str)
    assert len(units) == len(units.drop_duplicates(list(units.columns[:2]))) == len(SESSIONS) * len(UNITS)
    assert {path.name for path in train.folder.iterdir()} == {"recordings", "run"}
