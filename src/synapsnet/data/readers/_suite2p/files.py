"""The parts of a plane as suite2p stores them: one ``.npy`` file each, or all of them in ``Fall.mat``."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._arrays.mat import MatlabFiles
from synapsnet.data.readers._files import load_array
from synapsnet.data.readers._plain_pickle import load_object_array
from synapsnet.errors import UserError

FALL = "Fall.mat"
_PARTS = ("F", "Fneu", "spks", "iscell", "ops", "stat")
_OPTIONS = ("fs", "nplanes", "suite2p_version", "frames_per_folder")


class Files(Protocol):
    """The parts of a plane, by the names that suite2p gives them; a `UserError` names what cannot be read."""

    def named(self, part: str) -> str:
        """Name of a part in messages."""

    def array(self, part: str) -> npt.NDArray[Any]:
        """The array ``F``, ``Fneu``, ``spks`` or ``iscell``."""

    def options(self, part: str) -> Any:
        """The dictionary ``ops``, ``settings`` or ``db``, as far as it is plain data; None if it is not stored."""

    def centers(self) -> Sequence[Any] | None:
        """The center (y, x) of each ROI; None if ``stat`` is not stored."""


def files_of(folder: Path) -> Files | None:
    """The parts stored in a folder, or None. ``Fall.mat`` repeats the ``.npy`` files, so it is read without them alone.

    A ``Fall.json`` says that ``Fall.mat`` is a plain array.
    """
    if (folder / "F.npy").is_file() and (folder / "iscell.npy").is_file():
        return _Arrays(folder)
    fall = folder / FALL
    return _Fall(fall) if fall.is_file() and not fall.with_suffix(".json").is_file() else None


@dataclass(frozen=True)
class _Arrays:
    """A folder of ``.npy`` files; pickles are read only if they are plain data."""

    folder: Path

    def named(self, part: str) -> str:
        return f"{part}.npy"

    def array(self, part: str) -> npt.NDArray[Any]:
        return load_array(self.folder / self.named(part))

    def options(self, part: str) -> Any:
        name = self.named(part)
        if not (self.folder / name).is_file():
            return None
        try:
            with (self.folder / name).open("rb") as file:
                return load_object_array(file)
        except OSError as error:
            raise UserError(f"{name} cannot be read: {error}") from error
        except UserError as error:
            raise UserError(f"{name} was refused: {error}") from error

    def centers(self) -> Sequence[Any] | None:
        rois = self.options("stat")
        return None if rois is None else [roi["med"] for roi in rois]


@dataclass(frozen=True)
class _Fall:
    """A ``Fall.mat`` of MATLAB's version 5, as suite2p writes it, or of 7.3, as MATLAB saves it again."""

    path: Path
    _matlab: MatlabFiles = field(default_factory=lambda: MatlabFiles(_PARTS))

    def named(self, part: str) -> str:
        return f"{part} of {self.path.name}"

    def array(self, part: str) -> npt.NDArray[Any]:
        value = self._matlab.variable(self.path, part)
        if isinstance(value, list):
            raise UserError(f"{self.named(part)} must be numbers, got a cell")
        return value

    def options(self, part: str) -> Any:
        if part != "ops":
            return None
        options: dict[str, Any] = {}
        for key in _OPTIONS:
            with contextlib.suppress(UserError):  # a key that is missing is unknown
                value = np.ravel(np.asarray(self._matlab.variable(self.path, f"ops.{key}")))
                options[key] = value.item() if value.size == 1 else value
        return options

    def centers(self) -> Sequence[Any] | None:
        centers = self._matlab.variable(self.path, "stat.med")
        return [np.ravel(center) for center in (centers if isinstance(centers, list) else [centers])]
