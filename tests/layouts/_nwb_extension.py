"""NWB files whose types come from a laboratory's own extension, as those of the Allen Institute do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def retype(path: Path, namespace: str, version: str, types: Mapping[str, tuple[str, Mapping[str, Any]]]) -> None:
    """Give groups of a file types of an extension, which the file describes and no library here knows.

    Args:
        path: The file.
        namespace: Name of the extension.
        version: Its version.
        types: By the place of a group in the file, the name of its type, which extends the one it has, and what the
            type adds: attributes, and datasets where they are arrays.
    """
    with h5py.File(path, "a") as file:
        described = {}
        for place, (name, added) in types.items():
            group = file[place]
            arrays = {key: value for key, value in added.items() if isinstance(value, np.ndarray)}
            attributes = {key: value for key, value in added.items() if key not in arrays}
            described[name] = {
                "neurodata_type_def": name,
                "neurodata_type_inc": group.attrs["neurodata_type"],
                "doc": name,
                "attributes": [
                    {"name": key, "dtype": "text" if isinstance(value, str) else type(value).__name__, "doc": key}
                    for key, value in attributes.items()
                ],
                "datasets": [{"name": key, "dtype": "numeric", "shape": [None], "doc": key} for key in arrays],
            }
            for key, value in arrays.items():
                group.create_dataset(key, data=value)
            group.attrs.update({**attributes, "neurodata_type": name, "namespace": namespace})
        specification = file[file.attrs[".specloc"]].create_group(f"{namespace}/{version}")
        source = f"{namespace}.extension"
        about = {
            "name": namespace,
            "version": version,
            "doc": "types of a laboratory",
            "author": "a laboratory",
            "contact": "a@laborato.ry",
            "schema": [{"namespace": "core"}, {"source": source}],
        }
        specification["namespace"] = json.dumps({"namespaces": [about]})
        specification[source] = json.dumps({"groups": list(described.values())})
