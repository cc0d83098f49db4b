"""Log-likelihood of every unit in blocks of time, as stored in ``time_blocks.npz``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from synapsnet.atomic import replacing
from synapsnet.errors import UserError, one_line
from synapsnet.metrics import TimeBlocks
from synapsnet.results.files import UNREADABLE


def write_time_blocks(path: Path, sessions: Mapping[str, TimeBlocks]) -> None:
    """Write the blocks of all sessions of a run, by session id; float32 holds no larger values than its largest."""
    most = np.finfo(np.float32).max
    arrays = {"session_id": np.asarray(list(sessions))}
    for index, blocks in enumerate(sessions.values()):
        arrays |= {f"{index}/nll": blocks.nll.clip(-most, most).astype(np.float32), f"{index}/n_bins": blocks.n_bins}
    with replacing(path) as partial:
        np.savez_compressed(partial, allow_pickle=False, **arrays)


def read_time_blocks(path: Path) -> dict[str, TimeBlocks]:
    """Read the blocks of all sessions of a run, by session id.

    Raises:
        UserError: if the file cannot be read, or its arrays do not fit together.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            names = [str(name) for name in archive["session_id"]]
            found = {
                name: TimeBlocks(archive[f"{index}/nll"].astype(np.float64), archive[f"{index}/n_bins"])
                for index, name in enumerate(names)
            }
    except UNREADABLE as error:
        raise UserError(f"{path}: cannot be read ({one_line(error)}); run it again") from error
    for name, blocks in found.items():
        if blocks.nll.ndim != 2 or blocks.n_bins.shape != blocks.nll.shape[:1] or (blocks.n_bins < 1).any():
            raise UserError(f"{path}: the blocks of session {name!r} do not fit; run it again")
    return found
