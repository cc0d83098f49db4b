"""Opening of NWB files of which pynwb refuses a part: the part is left out, and the rest is read.

pynwb reads a file whole or not at all. One series with timestamps of a wrong shape, or of a type whose extension is not
installed, then costs all units beside it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from hdmf.build import Builder, DatasetBuilder, GroupBuilder, LinkBuilder
from pynwb import NWBHDF5IO, NWBFile

from synapsnet.data.readers._files import whole
from synapsnet.errors import UserError, one_line

log = logging.getLogger(__name__)

_NEEDED = ("spike_times", "start_time", "stop_time")
_VECTORS = ("timestamps", "spike_times", "id")  # and indices


def whole_or_parts(file: h5py.File, name: str) -> tuple[NWBFile, dict[str, str], NWBHDF5IO]:
    """The content of an open file, without the parts that pynwb refuses; the log names each of them.

    Args:
        file: The open file.
        name: Name of the recording in the log.

    Returns:
        The content; the reason for each part that was left out, by its place; and what must stay open while it is used.
    """
    io = NWBHDF5IO(file=file, mode="r")
    try:
        return io.read(), {}, io
    except Exception as error:  # pynwb and hdmf raise exceptions of any type
        refusal = error
    io, tree = _opened(file)
    refused = {**dict(_columns(tree, "")), **dict(_refused(io, tree, ""))}
    io, tree = _opened(file)
    for place, reason in refused.items():
        log.warning("%s: %s is passed over: %s", name, place, reason)
        _cut(tree, place)
    try:
        return io.manager.construct(tree), refused, io
    except Exception as error:
        raise refusal from error


def _opened(file: h5py.File) -> tuple[NWBHDF5IO, GroupBuilder]:
    """A fresh reader and the tree of the file, in which vectors stored as columns or rows are vectors."""
    io = NWBHDF5IO(file=file, mode="r")
    tree = io.read_builder()
    for builder in _datasets(tree):
        shape = np.shape(builder.data)
        is_vector = builder.name in _VECTORS or str(builder.name).endswith("_index")
        if is_vector and len(shape) == 2 and 1 in shape:
            dict.__setitem__(builder, "data", whole(builder.data).ravel())
    return io, tree


def _datasets(group: GroupBuilder) -> Iterator[DatasetBuilder]:
    yield from group.datasets.values()
    for below in group.groups.values():
        yield from _datasets(below)


def _columns(group: GroupBuilder, where: str) -> Iterator[tuple[str, str]]:
    """Place and reason of every column of a table that has more or fewer rows than the table; they are cut off."""
    if "colnames" in group.attributes and "id" in group.datasets:
        n_rows = np.size(group.datasets["id"].data)
        for name in list(map(str, group.attributes["colnames"])):
            outer = next((group.datasets[one] for one in _with_indices(name) if one in group.datasets), None)
            n_own = 0 if outer is None else len(outer.data)
            if name not in _NEEDED and n_own != n_rows:
                _cut(group, name)
                yield f"{where}/{name}", f"it has {n_own} rows, and the table {n_rows}"
    for name, below in group.groups.items():
        yield from _columns(below, f"{where}/{name}".lstrip("/"))


def _refused(io: NWBHDF5IO, group: GroupBuilder, where: str) -> Iterator[tuple[str, str]]:
    """Place and reason of every part below a group that cannot be constructed, the deepest first; they are cut off."""
    for name, child in [*group.groups.items(), *group.datasets.items()]:
        place = f"{where}/{name}" if where else str(name)
        reason = _foreign(io, child)
        if reason is None and isinstance(child, GroupBuilder):
            yield from _refused(io, child, place)
        if reason is None and "neurodata_type" in child.attributes:
            reason = _problem(io, child)
        if reason is not None:
            _cut(group, str(name))
            yield place, reason


def _foreign(io: NWBHDF5IO, builder: Builder) -> str | None:
    """The reason why the type of a builder is unknown; None for a known one."""
    kind, namespace = (str(builder.attributes.get(key, "")) for key in ("neurodata_type", "namespace"))
    if not namespace:
        return None
    catalog = io.manager.namespace_catalog
    if namespace not in catalog.namespaces:
        return f"its type {kind} is of the extension {namespace}, which is not installed: pip install {namespace}"
    if kind not in catalog.get_namespace(namespace).get_registered_types():
        return f"its type {kind} is not in the namespace {namespace}"
    return None


def _problem(io: NWBHDF5IO, builder: Builder) -> str | None:
    try:
        io.manager.construct(builder)
    except UserError:
        raise
    except Exception as error:  # as above
        return one_line(Exception(error.args[-1]) if error.args else error)
    return None


def _cut(tree: GroupBuilder, place: str) -> None:
    """Take a part, and the links to it, out of the tree."""
    *above, name = place.split("/")
    group: Any = tree
    for step in above:
        group = group.groups.get(step)
        if group is None:  # cut off already
            return
    parts = [
        part for one in _with_indices(name) for part in (group.groups.pop(one, None), group.datasets.pop(one, None))
    ]
    for one in _with_indices(name):
        group.obj_type.pop(one, None)
    names = group.attributes.get("colnames")
    if names is not None:
        group.attributes["colnames"] = [one for one in names if str(one) != name]
    for part in (part for part in parts if part is not None):
        _unlink(tree, part)


def _with_indices(name: str) -> list[str]:
    """A column and its indices, the outermost first."""
    return [f"{name}{'_index' * depth}" for depth in (2, 1, 0)]


def _unlink(group: GroupBuilder, part: Builder) -> None:
    gone = [name for name, link in group.links.items() if isinstance(link, LinkBuilder) and link.builder is part]
    for name in gone:
        group.links.pop(name)
        group.obj_type.pop(name, None)
    for below in group.groups.values():
        _unlink(below, part)
