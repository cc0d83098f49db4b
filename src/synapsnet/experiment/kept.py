"""A run that is there and is asked for again."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from synapsnet.experiment.build import build_data
from synapsnet.experiment.request import Request, decisive
from synapsnet.plain import Plain, differences, read_plain_yaml
from synapsnet.results.files import CONFIG

_OF_A_COMMAND = ("mode", "ckpt_path", "overwrite", "trusted_packages", "choices", "run_dir", "run_id", "transfer")


def other_recording(began: float | None, there: Mapping[str, str], request: Request) -> str | None:
    """The first session whose content is not that of a run that is there; None if they are the same.

    Args:
        began: The time at which the run began. Files are read only if one of them was changed since, because that takes
            as long as the run's start; None: in any case.
        there: Fingerprints of the run's recordings by session id.
        request: The command.
    """
    roots = request.config["data"]["root"]
    if not there or roots is None:
        return None
    if request.sessions is None and began is not None and not _changed_since(began, roots):
        return None
    data = build_data(request.config["data"], trust=request.config["trusted_packages"], sessions=request.sessions)
    return next((name for name, *_ in differences(there, data.recordings)), None)


def not_applied(folder: Path, request: Request) -> list[str]:
    """Settings of a command that the finished run in a folder does not have, because no score depends on them."""
    there = read_plain_yaml(folder / CONFIG)
    here = {key: value for key, value in request.config.items() if key not in _OF_A_COMMAND and key in there}
    decided = decisive(here)
    mine = {key: there[key] for key in here}
    return [key for key, *_ in differences(mine, here) if key.split(".")[0] not in decided]


def _changed_since(moment: float, roots: Plain) -> bool:
    given = [roots] if isinstance(roots, str) else roots
    assert isinstance(given, Sequence)
    return any(
        max(status.st_mtime, status.st_ctime) > moment
        for root in given
        if "://" not in str(root)
        for path in glob.glob(str(root), recursive=True) or [str(root)]
        for status in _statuses(path)
    )


def _statuses(path: str) -> Iterator[os.stat_result]:
    below = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in (".", *names))
    for place in (path, *below):
        with suppress(OSError):  # a link to nothing
            yield os.stat(place)
