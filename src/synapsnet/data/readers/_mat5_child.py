"""Parser of a MATLAB file of version 4 or 5, ``_mat5_child.py PATH NAMES BYTES SECONDS``.

SciPy can crash, or run for ever, over a damaged file, so `synapsnet.data.readers._mat5` starts it here. Written
to standard output are the length of a line of JSON in 8 bytes, that line, and the arrays that it counts as ``.npy``
files. An error is one line on standard error. Imported are SciPy and NumPy alone, because this starts for every file.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import warnings
from typing import IO, Any

import numpy as np
from scipy.io import loadmat, whosmat
from scipy.io.matlab import MatlabFunction, MatlabOpaque, varmats_from_mat
from scipy.sparse import csc_array, issparse

_NAMELESS = "None"  # SciPy's name of an object


def main(path: str, names: list[str] | None, most_bytes: int, most_seconds: int, out: IO[bytes]) -> None:
    """Parse variables of a file, or all where ``names`` is None, and write them to ``out``."""
    for kind, most in (
        (resource.RLIMIT_AS, most_bytes),
        (resource.RLIMIT_CPU, most_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS knows no limit of memory
            resource.setrlimit(kind, (most, most))
    warnings.simplefilter("ignore")  # SciPy warns of harmless oddities of MATLAB files
    content = loadmat(path, variable_names=None if names is None else [*names, _NAMELESS], spmatrix=False)
    arrays: list[Any] = []
    opaque = [value for value in content.values() if isinstance(value, MatlabOpaque)]
    found = {} if names is None or set(names) <= content.keys() else _listed(path)
    tree = {
        "objects": dict(map(_object, opaque)) | {name: kind for name, kind in found.items() if kind},
        "variables": {
            name: _encoded(value, arrays)
            for name, value in content.items()
            if not name.startswith("__") and not isinstance(value, MatlabOpaque)
        },
        "there": [*found],
    }
    line = json.dumps(tree).encode()
    out.write(len(line).to_bytes(8, "little") + line)
    for array in arrays:
        np.lib.format.write_array(out, array, allow_pickle=False)


def _listed(path: str) -> dict[str, str]:
    """The variables of the file; an object with its class, and any other with an empty text."""
    with contextlib.suppress(TypeError):  # SciPy's over an object, which has a name only inside of its value
        return {name: "" for name, _, _ in whosmat(path)}
    found: dict[str, str] = {}
    with open(path, "rb") as file:
        for name, variable in varmats_from_mat(file):
            value = loadmat(variable).get(_NAMELESS)
            if isinstance(value, MatlabOpaque):
                found |= [_object(value)]
            elif name:  # what functions refer to has none
                found[name] = ""
    return found


def _object(value: Any) -> tuple[str, str]:
    return value["s0"].item().decode(), value["s2"].item().decode()


def _encoded(value: Any, arrays: list[Any]) -> dict[str, Any]:
    """The form of a value in JSON; its numbers and texts are appended to ``arrays``."""
    if issparse(value):
        matrix = csc_array(value)
        arrays += [matrix.data, matrix.indices, matrix.indptr]
        return {"sparse": list(matrix.shape)}
    if not isinstance(value, np.ndarray) or isinstance(value, MatlabOpaque | MatlabFunction):
        return {"other": type(value).__name__}
    if value.dtype.names is not None:
        fields = {name: [_encoded(one, arrays) for one in value[name].ravel()] for name in value.dtype.names}
        return {"struct": fields, "shape": value.shape}
    if value.dtype.kind == "O":
        return {"cell": [_encoded(one, arrays) for one in value.ravel()], "shape": value.shape}
    arrays.append(value)
    return {"array": value.shape}


if __name__ == "__main__":
    try:
        main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.stdout.buffer)
    except MemoryError:
        sys.exit("MemoryError")
    except Exception as error:  # SciPy raises exceptions of any type over a damaged file
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
