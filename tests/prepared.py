"""Shared parts of the tests of `prepare`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from synapsnet.data.__main__ import main
from synapsnet.session import Session


def prepare(*arguments: str | Path) -> None:
    main(["prepare", *map(str, arguments), "--jobs", "1"])


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def unfinished(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "unfinished" in path.name or "partial" in path.name]


def states(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}


def assert_same(found: Sequence[Session], expected: Sequence[Session], *, meta: bool = True) -> None:
    assert sorted(session.session_id for session in found) == sorted(session.session_id for session in expected)
    by_id = {session.session_id: session for session in found}
    for session in expected:
        twin = by_id[session.session_id]
        for name in ("activity", "segments", "behavior"):
            np.testing.assert_array_equal(getattr(twin, name), getattr(session, name))
            assert getattr(twin, name).dtype == getattr(session, name).dtype
        for name in ("bin_width_s", "unit_ids", "signal", "behavior_names"):
            assert getattr(twin, name) == getattr(session, name)
        for name in ("tasks", "unit_table"):
            ours, theirs = getattr(twin, name), getattr(session, name)
            assert list(ours) == list(theirs)
            for key in theirs:
                np.testing.assert_array_equal(ours[key], theirs[key])
        assert not meta or json.loads(json.dumps(dict(session.meta))) == dict(twin.meta)
