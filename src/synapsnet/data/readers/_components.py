"""Loading of the components that CaImAn or CNMF-E found, from their result files."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synapsnet.data.readers._files import whole
from synapsnet.data.readers._mat5 import load_mat5
from synapsnet.data.readers._memory import require_room
from synapsnet.data.readers._sparse import dense, sparse_of
from synapsnet.errors import UserError, one_line

log = logging.getLogger(__name__)

Fields = Mapping[str, Any]
"""Numeric arrays by field name; a footprint matrix may be sparse."""

_TRACES = ("C", "YrA", "C_raw", "S", "F_dff")
_JUDGED = ("idx_components", "idx_components_bad")
_CLASSES = ("double", "single", "logical", "struct", "cell", "char", "function_handle")  # and the integers, of MATLAB


@dataclass(frozen=True, eq=False)
class Components:
    """Components of one recording.

    Attributes:
        software: ``CaImAn`` or ``CNMF-E``.
        traces: Traces by the software's name for them, ``[components, time]``.
        footprints: A matrix ``[pixels, components]``, sparse or not, pixels in column-major order; None if the file
            has none.
        size: Pixels along each axis of the field of view, y first; empty if the file does not give it.
        accepted: Indices of the accepted components; None if they were not classified.
        rate_hz: Frames per second; None if the file does not give it.
    """

    software: str
    traces: Mapping[str, npt.NDArray[Any]]
    footprints: Any
    size: tuple[int, ...]
    accepted: npt.NDArray[np.int64] | None
    rate_hz: float | None

    def centers(self) -> npt.NDArray[np.float64] | None:
        """Center of mass of each footprint in pixels, ``[components, axes]``, y first; NaN for an empty footprint."""
        n_pixels, n_components = math.prod(self.size), len(next(iter(self.traces.values())))
        shape = (n_pixels, n_components)
        if (
            self.footprints is None
            or not self.size
            or self.footprints.shape != shape
            or np.iscomplexobj(self.footprints)
        ):
            return None
        require_room("the field of view", self.size, len(self.size) * np.dtype(np.float64).itemsize)
        pixels = np.stack(np.unravel_index(np.arange(n_pixels), self.size, order="F"), axis=1).astype(np.float64)
        total = np.asarray(self.footprints.sum(axis=0), dtype=np.float64).reshape(-1, 1)
        weighted = np.asarray(self.footprints.T @ pixels)
        centers: npt.NDArray[np.float64] = np.full(weighted.shape, np.nan)
        np.divide(weighted, total, out=centers, where=(total > 0) & np.isfinite(weighted) & np.isfinite(total))
        return centers


def load_components(path: Path) -> Components:
    """Load the components from a ``.hdf5`` file of CaImAn, or from a MATLAB ``.mat`` file of any version.

    Raises:
        UserError: if the file is damaged, if it holds no components, or if its arrays do not match.
    """
    import h5py  # imported here, because the import is slow and finding recordings does not need it

    if path.suffix == ".hdf5" and not h5py.is_hdf5(path):
        raise UserError("not an HDF5 file, or a truncated one")
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path, "r") as file:
                return _of_caiman(file) if path.suffix == ".hdf5" else _of_matlab(_variables_of_hdf5(file))
        return _of_matlab(_variables_of_mat(path))
    except UserError:
        raise
    except Exception as error:  # SciPy and HDF5 raise exceptions of any type over a damaged file
        raise UserError(f"damaged or truncated file: {one_line(error)}") from error


def _components(software: str, fields: Fields, size: Any, rate_hz: Any) -> Components:
    traces = {name: np.asarray(_dense(fields[name])) for name in _TRACES if name in fields}
    traces = {name: trace for name, trace in traces.items() if trace.size}
    main = next((name for name in ("C_raw", "C") if name in traces), None)
    if main is None:
        raise UserError(f"no traces C or C_raw of {software}; there are {_listed(fields)}")
    shape = traces[main].shape
    for name, trace in list(traces.items()):
        if trace.ndim != 2 or trace.shape != shape or trace.dtype.kind not in "iufb":
            expected = f"{name} must be [components, time] as {main} of shape {shape}"
            problem = f"{expected}, got {trace.dtype} of shape {trace.shape}"
            if name == main:
                raise UserError(problem)
            log.warning("%s is passed over: %s", name, problem)
            del traces[name]
    n_components = shape[0]
    good, bad = (np.asarray(fields.get(name, [])).ravel().astype(np.int64) for name in _JUDGED)
    if len(good) and not 0 <= good.min() <= good.max() < n_components:
        log.warning(
            "idx_components is passed over, so all are taken: it must be indices of %d components", n_components
        )
        good = bad = np.empty(0, dtype=np.int64)
    rate = np.asarray([] if rate_hz is None else rate_hz, dtype=np.float64).ravel()
    return Components(
        software=software,
        traces=traces,
        footprints=fields.get("A"),
        size=tuple(int(length) for length in np.asarray([] if size is None else size).ravel()),
        accepted=np.unique(good) if len(good) or len(bad) else None,
        rate_hz=float(rate[0]) if rate.size == 1 and np.isfinite(rate[0]) and rate[0] > 0 else None,
    )


def _of_caiman(file: Any) -> Components:
    """Parse the output of ``cnm.save``: a group per object, a dataset per array, the text NoneType for None."""
    if "estimates" not in file:
        raise UserError(f"no results of CaImAn: no group 'estimates'; there are {_listed(file)}")
    estimates = file["estimates"]
    fields = _present({name: _dataset(estimates.get(name)) for name in (*_TRACES, *_JUDGED, "dims")})
    try:
        fields |= _present({"A": _dataset(estimates.get("A"))})
    except (KeyError, TypeError, ValueError) as error:
        log.warning("no positions, because the footprints estimates/A are damaged: %s", one_line(error))
    size = fields.get("dims", _dataset(file.get("params/data/dims")))
    return _components("CaImAn", fields, size, _dataset(file.get("params/data/fr")))


def _of_matlab(variables: Iterator[tuple[str, Fields | str]]) -> Components:
    """Components of the first variable with traces; each variable is given as its fields, or as its MATLAB class."""
    names: list[str] = []
    foreign = ""
    for name, fields in variables:
        names += [name] if name else fields
        if isinstance(fields, str):
            foreign = foreign or f"; {name!r} is an object of class {fields}: save it as neuron.obj2struct() in MATLAB"
        elif "C" in fields or "C_raw" in fields:
            options = fields.get("options", {})
            size = [options[axis] for axis in ("d1", "d2") if axis in options]
            return _components("CNMF-E", fields, size if len(size) == 2 else _shape(fields.get("Cn")), fields.get("Fs"))
    raise UserError(f"no variable or struct with traces C or C_raw; there are {_listed(names)}{foreign}")


def _variables_of_hdf5(file: Any) -> Iterator[tuple[str, Fields | str]]:
    """Structs of a MATLAB 7.3 file, then its plain variables as one struct without a name; axes are reversed back."""
    for name, node in file.items():
        kind = _class(node)
        if hasattr(node, "keys") and kind == "struct":
            fields = {key: _dataset(node[key]) for key in (*_TRACES, "A", "Fs", "Cn") if key in node}
            if "options" in node and hasattr(node["options"], "keys"):
                fields["options"] = _present({key: _dataset(node["options"].get(key)) for key in ("d1", "d2")})
            yield name, _present(fields)
        elif not name.startswith("#"):
            yield name, kind if kind and kind not in _CLASSES and "int" not in kind else {}
    yield "", _present({name: _dataset(file.get(name)) for name in (*_TRACES, "A", "Fs", "Cn")})


def _variables_of_mat(path: Path) -> Iterator[tuple[str, Fields | str]]:
    """Structs of an older MATLAB file, then its plain variables as one struct without a name."""
    parsed = load_mat5(path, None)
    yield from parsed.objects.items()
    plain = {}
    for name, variable in parsed.variables.items():
        names = getattr(getattr(variable, "dtype", None), "names", None)
        if names and variable.size == 1:
            fields = _record(variable)
            options = fields.pop("options", None)
            has_names = getattr(getattr(options, "dtype", None), "names", None)
            yield name, fields | ({"options": _record(options)} if has_names and options.size == 1 else {})
        else:
            plain[name] = variable
    yield "", plain


def _record(variable: npt.NDArray[Any]) -> dict[str, Any]:
    return {name: variable.ravel()[0][name] for name in variable.dtype.names or ()}


def _dataset(node: Any) -> Any:
    """The numbers of an HDF5 dataset, or of a group that represents a sparse matrix; None for anything else."""
    if node is None:
        return None
    if hasattr(node, "keys"):
        return sparse_of(node)
    if node.dtype.kind not in "iufb" or node.attrs.get("MATLAB_empty", 0) or "MATLAB_object_decode" in node.attrs:
        return None
    values = whole(node)
    return values.T if "MATLAB_class" in node.attrs else values


def _class(node: Any) -> str:
    kind = node.attrs.get("MATLAB_class", b"")
    return kind.decode() if isinstance(kind, bytes) else str(kind)


def _present(fields: Fields) -> dict[str, Any]:
    return {name: values for name, values in fields.items() if values is not None}


def _shape(image: Any) -> tuple[int, ...] | None:
    return None if image is None else tuple(np.shape(image))


def _dense(matrix: Any) -> Any:
    return dense(matrix, "a sparse matrix") if hasattr(matrix, "toarray") else matrix


def _listed(names: Any) -> str:
    return ", ".join(str(name) for name in names) or "none at all"
