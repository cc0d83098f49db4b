"""MATLAB files of version 4 and 5, parsed in a process of their own: SciPy can crash or hang over a damaged one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from synapsnet.data.readers import _mat5_child
from synapsnet.data.readers._files import array_in
from synapsnet.data.readers._memory import limit_gb, limit_named
from synapsnet.data.readers._sparse import checked_sparse
from synapsnet.errors import UserError

_OWN_BYTES = 2 * 10**9  # addresses that Python, NumPy and SciPy take
_SECONDS, _BYTES_PER_SECOND = 60, 10**6  # far more than it takes


@dataclass(frozen=True, eq=False)
class Mat5:
    """Variables of a file, as `scipy.io.loadmat` gives them.

    Attributes:
        variables: Values by name; sparse matrices are `scipy.sparse.csc_array`.
        objects: The classes of variables that only MATLAB can read, by name.
        there: Names of all variables, if one of those asked for is missing.
    """

    variables: Mapping[str, Any]
    objects: Mapping[str, str]
    there: list[str]


def load_mat5(path: Path, names: Collection[str] | None) -> Mat5:
    """Load variables of a MATLAB file of version 4 or 5.

    Args:
        path: The file.
        names: Names of the variables, which need not exist; None means all.

    Raises:
        UserError: if the file is damaged, or takes more memory than the limit.
    """
    most_bytes = int(2 * limit_gb() * 1e9) + _OWN_BYTES  # an array may have to be copied
    most_seconds = _SECONDS + path.stat().st_size // _BYTES_PER_SECOND
    wanted = None if names is None else sorted(names)
    # Not in the folder of the program (-P): its files would hide packages of the same name.
    command = [
        sys.executable,
        "-P",
        _mat5_child.__file__,
        str(path),
        json.dumps(wanted),
        str(most_bytes),
        str(most_seconds),
    ]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=environment, check=False)
        problem = " ".join(done.stderr.decode(errors="replace").split())
        if done.returncode and problem == "MemoryError":
            raise UserError(f"{path.name} would take more memory than {limit_named()}")
        if done.returncode:
            why = problem if done.returncode > 0 else "its parser crashed, or did not end"
            raise UserError(f"{path.name} cannot be read as a MATLAB file (damaged or truncated?): {why[:300]}")
        n_bytes = out.seek(0, os.SEEK_END)
        out.seek(0)
        tree = json.loads(out.read(int.from_bytes(out.read(8), "little")))
        variables = {name: _decoded(form, out, n_bytes, path.name) for name, form in tree["variables"].items()}
    return Mat5(variables, tree["objects"], tree["there"])


def _decoded(form: Mapping[str, Any], arrays: IO[bytes], n_bytes: int, file: str) -> Any:
    """The value of a form; what is of no use, such as a handle of a function, is None."""
    if "array" in form:
        return array_in(arrays, n_bytes, file)
    if "sparse" in form:
        data, indices, pointers = (array_in(arrays, n_bytes, file) for _ in range(3))
        return checked_sparse(data, indices, pointers, form["sparse"])
    if "cell" in form:
        return _objects(form["cell"], form["shape"], arrays, n_bytes, file)
    if "struct" in form:
        struct = np.empty(form["shape"], dtype=[(name, object) for name in form["struct"]])
        for name, items in form["struct"].items():
            struct[name] = _objects(items, form["shape"], arrays, n_bytes, file)
        return struct
    return None


def _objects(items: list[Any], shape: list[int], arrays: IO[bytes], n_bytes: int, file: str) -> Any:
    objects = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):
        objects[place] = _decoded(item, arrays, n_bytes, file)
    return objects.reshape(shape)
