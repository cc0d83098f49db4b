"""Checkpoints on disk: written atomically, checked by a digest, read without running code from them.

This module knows nothing of Lightning, so that a model loads without it.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from synapsnet.atomic import replacing
from synapsnet.errors import UserError

DIGEST = "digest"
_PARTS = ("state_dict", "hyper_parameters", "loops", "callbacks", "optimizer_states", "global_step", DIGEST)
_UNREADABLE = (
    pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError, ImportError, TypeError,
    IndexError, AssertionError, OSError, UnicodeDecodeError, OverflowError, MemoryError, RecursionError, struct.error,
)  # fmt: skip


class DamagedError(UserError):
    """The file is damaged, or never was a checkpoint."""


def write_checkpoint(checkpoint: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint with the digest of its content; a killed process leaves the file that was there before."""
    # Through memory, because torch turns a full disk into a RuntimeError that names no file.
    buffer = io.BytesIO()
    torch.save({**checkpoint, DIGEST: digest(checkpoint)}, buffer)
    with replacing(path) as partial:
        partial.write_bytes(buffer.getbuffer())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read one of our checkpoints onto the CPU; only tensors and plain containers are ever built.

    Raises:
        UserError: if the file is missing.
        DamagedError: if it is broken, is not a checkpoint of ours, or has changed since it was written.
    """
    if not path.is_file():
        raise UserError(f"no checkpoint at {path}")
    try:
        path.open("rb").close()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # the file is refused anyway
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise DamagedError(
            f"{path} is not a checkpoint of synapsnet: it is broken, or holds more than tensors and plain values"
        ) from error
    if not isinstance(checkpoint, Mapping) or any(part not in checkpoint for part in _PARTS):
        raise DamagedError(f"{path} is not a checkpoint of synapsnet: it lacks one of {', '.join(_PARTS)}")
    content = {name: value for name, value in checkpoint.items() if name != DIGEST}
    try:
        intact = digest(content, most_bytes=path.stat().st_size) == checkpoint[DIGEST]
    except _UNREADABLE as error:
        raise DamagedError(f"{path} is not a checkpoint of synapsnet: {error}") from error
    if not intact:
        raise DamagedError(f"{path} is damaged: its content is not what its digest says was written")
    return content


class _Hash(Protocol):
    def update(self, data: Any, /) -> None: ...


def digest(content: Any, *, most_bytes: int | None = None) -> str:
    """SHA-256 of nested containers of tensors and plain values: their types, shapes and bits.

    Args:
        content: The containers.
        most_bytes: Refuse tensors that claim to be larger, as a tensor of stride 0 may.

    Raises:
        TypeError: for a value of another type.
        ValueError: for a tensor that is larger than ``most_bytes``.
    """
    hasher = hashlib.sha256()
    _feed(hasher, content, most_bytes)
    return hasher.hexdigest()


def _feed(hasher: _Hash, value: Any, most_bytes: int | None) -> None:
    if isinstance(value, torch.Tensor):
        if most_bytes is not None and value.numel() * value.element_size() > most_bytes:
            raise ValueError("a tensor in it is larger than the file")
        hasher.update(f"tensor {value.dtype} {tuple(value.shape)} ".encode())
        hasher.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        hasher.update(f"dict {len(value)} ".encode())
        for key, item in value.items():
            _feed(hasher, key, most_bytes)
            _feed(hasher, item, most_bytes)
    elif isinstance(value, list | tuple):
        hasher.update(f"{'list' if isinstance(value, list) else 'tuple'} {len(value)} ".encode())
        for item in value:
            _feed(hasher, item, most_bytes)
    elif isinstance(value, str):
        encoded = value.encode("utf-8", "surrogatepass")
        hasher.update(f"str {len(encoded)} ".encode() + encoded)
    elif isinstance(value, float):
        hasher.update(b"float " + struct.pack("<d", value))
    elif value is None or isinstance(value, bool | int):
        hasher.update(f"{type(value).__name__} {value} ".encode())
    else:
        raise TypeError(f"a {type(value).__name__} has no place in a checkpoint")
