"""NWB files (`*.nwb`) with a units table or ophys RoiResponseSeries.

A file may be on disk, or at an address from which it is streamed: ``https://.../name.nwb``, an asset of DANDI
(``https://api.dandiarchive.org/api/assets/<uuid>/download/``) or ``dandi://<dandiset>[@<version>]/<path>``.

Sorted units become binned spike counts, and ROIs become calcium at the frame rate; a file with both holds two
sessions. Where activity lies in plain series, ``data.activity`` names them. Behavior is resampled causally to the bins.
Interval tables become tasks. The segments are the time that was observed and is not marked as invalid.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

from synapsnet.data.named import Named
from synapsnet.data.readers._events import DEFAULT_BIN_WIDTH_S
from synapsnet.data.web.address import public, without_secrets
from synapsnet.errors import UserError, one_line
from synapsnet.session import Session

_LFS = b"version https://git-lfs"
_ADDRESS = re.compile(
    r"https?://[^?#]+\.nwb([?#].*)?"
    r"|https://api\.dandiarchive\.org/api/(dandisets/\d+/versions/[^/?#]+/)?assets/[0-9a-fA-F-]{36}/download/?"
    r"|dandi://\d+(@[^/]+)?/.+\.nwb"
)


def recognises(path: Path | str) -> bool:
    """Return True if a file or an address is named like an NWB file."""
    if isinstance(path, str):
        return _ADDRESS.fullmatch(path) is not None
    return path.suffix.lower() == ".nwb" and path.is_file()


def read(path: Path | str, *, bin_width_s: float | None) -> list[Session]:
    """Read the sorted units and the ROIs of a file.

    Args:
        path: The file, or its address.
        bin_width_s: Width of the bins of spikes in seconds; None means 0.02. Calcium keeps its frame rate.

    Returns:
        One session, named like the file, or several with ``-spikes``, ``-calcium`` or the name of the imaging plane
        appended.

    Raises:
        UserError: if the file is damaged, or has neither spike times nor ROI responses.
    """
    return _read(path, bin_width_s, None)


def read_named(path: Path | str, *, bin_width_s: float | None, named: Named) -> list[Session]:
    """Read plain series that the user names as the activity, instead of units and ROIs; see `read`.

    Raises:
        UserError: also if a name is not found, if the series are on different clocks, or if their signal is not clear.
    """
    return _read(path, bin_width_s, named)


def _read(path: Path | str, bin_width_s: float | None, named: Named | None) -> list[Session]:
    # Imported here, because importing pynwb takes most of a second and other formats do not need it.
    from synapsnet.data.readers._nwb.content import holdings, open_nwb, recorded

    name = path.name if isinstance(path, Path) else _name_at(path)
    stem = path.stem if isinstance(path, Path) else name.removesuffix(".nwb")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynwb warns of files from older software
        try:
            with open_nwb(path, name) as (nwbfile, refused):
                parts = recorded(nwbfile, name, DEFAULT_BIN_WIDTH_S if bin_width_s is None else bin_width_s, named)
                held = "" if parts else holdings(nwbfile)
        except UserError:
            raise
        except Exception as error:  # HDF5 and pynwb raise exceptions of any type over a damaged file
            raise _refusal(path, error) from error
    if not parts and refused:
        reasons = "; ".join(f"{place}: {reason}" for place, reason in list(refused.items())[:3])
        raise UserError(f"nothing to forecast is left of this NWB file: {reasons}")
    if not parts:
        raise UserError(
            "this NWB file has no units with spike times and no RoiResponseSeries: nothing to forecast; "
            f"it holds {held}"
        )
    source = {"source": public(path)} if isinstance(path, str) else {}
    return [
        Session(
            session_id=stem if len(parts) == 1 else f"{stem}-{suffix}",
            **{**part, "meta": {**part["meta"], **source}},
        )
        for suffix, part in parts.items()
    ]


def _refusal(path: Path | str, error: Exception) -> UserError:
    """The message for a file that cannot be read; only HDF5 can tell that it is damaged."""
    reason = _reason(error)
    if isinstance(path, Path) and path.is_file():
        with path.open("rb") as file:
            if file.read(len(_LFS)) == _LFS:
                return UserError("a pointer of Git LFS instead of the file: git lfs pull")
    if "plugin" in reason or "filter" in reason:
        return UserError(
            f"a dataset is compressed by a filter that is not installed: pip install hdf5plugin ({reason})"
        )
    return UserError(f"cannot be read as NWB{' (damaged or truncated?)' * isinstance(error, OSError)}: {reason}")


def _reason(error: Exception) -> str:
    """The message of a pynwb error, without the dump of file content that comes with it."""
    return without_secrets(one_line(Exception(error.args[-1]) if error.args else error))


def _name_at(address: str) -> str:
    """Name of the file at an address."""
    from synapsnet.data.web.remote import name_of

    return name_of(address)
