"""International Brain Laboratory: Neuropixels recordings of mice in a decision task, one session at a time through ONE.

``--select`` takes the ids of sessions (``eid``), at least one, because all sessions together are terabytes. Look up ids
with ``ONE().search(...)`` or on https://viz.internationalbrainlab.org. Needs the package ONE-api (extra ``ibl``).

Not verified against the server: that ONE finds and downloads the sessions as documented and as used in public code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from synapsnet.data.readers.alf import CITATION, LICENCE
from synapsnet.errors import UserError, one_line

__all__ = ["CITATION", "LICENCE", "TITLE", "fetch"]

TITLE = "Neuropixels across the mouse brain, decision task (International Brain Laboratory)"

_SERVER = "https://openalyx.internationalbrainlab.org"
_PASSWORD = "international"  # documented public password of the server
_SORTERS = ("iblsorter", "pykilosort", "")
"""Folders of a probe, best spike sorting first."""
_WANTED = re.compile(
    r"spikes\.(times|clusters)\..+"
    r"|clusters\.(channels|depths|metrics|uuids|labels?|brainLocation\w*|mlapdv)\..+"
    r"|channels\..+"
    r"|(_ibl_)?wheel\..+|(_ibl_)?trials\..+|(_ibl_)?passive\w*\..+"
    r"|licks\.times\..+|(_ibl_)?(left|right|body)Camera\.(times|features)\..+|\w+Camera\.ROIMotionEnergy\..+"
)
"""Files that the reader of ALF sessions uses; the rest of a session is many times larger."""


def fetch(folder: Path, select: Sequence[str]) -> list[Path]:
    """Download sessions with ONE, which checks and caches its downloads.

    Args:
        folder: Target folder.
        select: Ids of the sessions.

    Returns:
        The folder of each session.

    Raises:
        UserError: if no session is named, if ONE is not installed, or if it fails.
    """
    if not select:
        raise UserError(
            "name the sessions to download by their ids, --select EID ...; look them up with ONE().search(...) or on "
            "https://viz.internationalbrainlab.org"
        )
    try:
        from one.api import ONE
    except ImportError as error:
        raise UserError(
            "the source ibl needs the package ONE-api, which is not installed: pip install 'synapsnet[ibl]' "
            "(free; about 300 MB with dependencies). To prepare session folders that you already have, give their path"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    places = []
    for eid in dict.fromkeys(select):
        try:
            one = ONE(base_url=_SERVER, password=_PASSWORD, silent=True, cache_dir=folder)
            one.load_datasets(eid, wanted(one.list_datasets(eid)), download_only=True)
            places.append(Path(one.eid2path(eid)))
        except Exception as error:  # errors come from any library below ONE
            raise UserError(f"ONE could not download session {eid}: {one_line(error)}") from error
    return places


def wanted(datasets: Iterable[str]) -> list[str]:
    """The files of a session to download: the latest revision of each, and the best spike sorting of each probe.

    Args:
        datasets: Paths as ONE lists them, such as ``alf/probe00/pykilosort/#2024-05-06#/spikes.times.npy``.
    """
    latest: dict[str, str] = {}
    for dataset in sorted(datasets, key=_revision):
        path = PurePosixPath(dataset)
        if path.parts[0] == "alf" and _WANTED.fullmatch(path.name):
            latest["/".join(part for part in path.parts if not part.startswith("#"))] = dataset
    probes: dict[str, set[str]] = {}
    for path in map(PurePosixPath, latest):
        if path.name.startswith("spikes.times"):
            probes.setdefault(path.parts[1], set()).add(path.parts[2] if len(path.parts) > 3 else "")
    best = {probe: next((name for name in _SORTERS if name in sorters), "") for probe, sorters in probes.items()}

    def is_best(path: PurePosixPath) -> bool:
        return path.parts[1] not in best or (path.parts[2] if len(path.parts) > 3 else "") == best[path.parts[1]]

    return [dataset for path, dataset in latest.items() if is_best(PurePosixPath(path))]


def _revision(dataset: str) -> str:
    """The date of a revision; empty for the original file."""
    return next((part for part in PurePosixPath(dataset).parts if part.startswith("#")), "")
