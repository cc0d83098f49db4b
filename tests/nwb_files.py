"""NWB files for tests, written through pynwb from parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries
from pynwb.epoch import TimeIntervals
from pynwb.misc import Units
from pynwb.ophys import DfOverF, ImageSegmentation, OpticalChannel

from synapsnet.data.readers import read_sessions
from synapsnet.session import Session

WIDTH = 0.05

Part = Callable[[NWBFile], None]


def write(path: Path, *parts: Part, manager: Any = None, **about: Any) -> Path:
    """Write a file with these parts, and further arguments of `NWBFile`; with a manager, of types it knows alone."""
    about = {"session_description": "reaching", **about}
    nwbfile = NWBFile(identifier="x", session_start_time=datetime(2024, 1, 1, tzinfo=UTC), **about)
    for part in parts:
        part(nwbfile)
    with NWBHDF5IO(str(path), mode="w", manager=manager) as io:
        io.write(nwbfile)
    return path


def read_one(path: Path, bin_width_s: float | None = WIDTH) -> Session:
    (session,) = read_sessions(path, bin_width_s=bin_width_s)
    return session


def column(session: Session, name: str) -> np.ndarray:
    assert session.behavior is not None
    return session.behavior[:, session.behavior_names.index(name)]


def clock(n_bins: int) -> np.ndarray:
    """Spike times of a unit that fires in each of the first bins."""
    return (np.arange(n_bins) + 0.5) * WIDTH


def units(trains: Sequence[np.ndarray], **more: Sequence[Any]) -> Part:
    """Sorted units 10, 11, ... with further columns; of a column that NWB does not know, each value is one cell."""

    def add(nwbfile: NWBFile) -> None:
        for name in more:
            if name not in ("obs_intervals", "electrodes", "electrode_group"):
                nwbfile.add_unit_column(name=name, description=name)
        for number, train in enumerate(trains):
            nwbfile.add_unit(id=10 + number, spike_times=train, **{key: value[number] for key, value in more.items()})

    return add


def sorted_apart(module: str = "ecephys", **tables: Sequence[np.ndarray]) -> Part:
    """Units 0, 1, ... of each of several units tables in a processing module."""

    def add(nwbfile: NWBFile) -> None:
        held = nwbfile.create_processing_module(name=module, description="sorted")
        for name, trains in tables.items():
            table = Units(name=name, description="sorted")
            for train in trains:
                table.add_unit(spike_times=train)
            held.add(table)

    return add


def electrodes(
    places: Sequence[str], *, ids: Sequence[int] | None = None, probes: Sequence[str] = (), **at: Any
) -> Part:
    """Electrodes in these places, with further columns; each on one of the probes."""

    def add(nwbfile: NWBFile) -> None:
        device = nwbfile.create_device(name="device")
        groups = {
            name: nwbfile.create_electrode_group(name=name, description=name, location="brain", device=device)
            for name in sorted({*probes} or {"shank"})
        }
        for name in at:
            if name not in ("x", "y", "z", "rel_x", "rel_y"):
                nwbfile.add_electrode_column(name=name, description=name)
        for row, place in enumerate(places):
            nwbfile.add_electrode(
                id=row if ids is None else ids[row],
                location=place,
                group=groups[probes[row] if probes else "shank"],
                **{name: values[row] for name, values in at.items()},
            )

    return add


def behavior(*series: TimeSeries, container: type | None = None) -> Part:
    """Series in a processing module, alone or in a container."""

    def add(nwbfile: NWBFile) -> None:
        module = nwbfile.create_processing_module(name="behavior", description="behavior")
        if container is None:
            for one in series:
                module.add(one)
        elif container is BehavioralTimeSeries:
            module.add(BehavioralTimeSeries(time_series=list(series)))
        else:
            module.add(container(spatial_series=list(series)))

    return add


def intervals(name: str, rows: Sequence[tuple[float, float]], **columns: Sequence[Any]) -> Part:
    """A table of intervals; ``epochs``, ``trials`` and ``invalid_times`` stand where NWB has them."""

    def add(nwbfile: NWBFile) -> None:
        table = TimeIntervals(name=name, description=name)
        for label in columns:
            if label != "tags":
                table.add_column(name=label, description=label)
        for row, (start, stop) in enumerate(rows):
            table.add_interval(start_time=start, stop_time=stop, **{key: of[row] for key, of in columns.items()})
        if name in ("epochs", "trials", "invalid_times"):
            setattr(nwbfile, name, table)
        else:
            nwbfile.add_time_intervals(table)

    return add


def rois(
    activity: np.ndarray,
    kind: type = DfOverF,
    name: str | None = None,
    *,
    series: str = "RoiResponseSeries",
    plane: str = "plane",
    spacing: Sequence[float] | None = None,
    masks: dict[str, Sequence[Any]] | None = None,
    columns: dict[str, Sequence[Any]] | None = None,
    **timing: Any,
) -> Part:
    """Traces of ROIs 100, 101, ... of an imaging plane, which is made where it is not there; in reverse order."""
    n_rois = activity.shape[1]
    masks = masks or {"image_mask": [np.ones((2, 2))] * n_rois}

    def add(nwbfile: NWBFile) -> None:
        if "ophys" not in nwbfile.processing:
            module = nwbfile.create_processing_module(name="ophys", description="ophys")
            nwbfile.create_device(name="microscope")
            module.add(ImageSegmentation())
        module = nwbfile.processing["ophys"]
        segmentation = module["ImageSegmentation"]
        table_name = "PlaneSegmentation" if plane == "plane" else f"PlaneSegmentation_{plane}"
        if table_name not in segmentation.plane_segmentations:
            channel = OpticalChannel(name="channel", description="green", emission_lambda=510.0)
            imaged = nwbfile.create_imaging_plane(
                name=plane, optical_channel=channel, description="plane", device=nwbfile.devices["microscope"],
                excitation_lambda=920.0, indicator="GCaMP6s", location="VISp", grid_spacing=spacing,
            )  # fmt: skip
            table = segmentation.create_plane_segmentation(name=table_name, description="cells", imaging_plane=imaged)
            for label in columns or {}:
                table.add_column(name=label, description=label)
            for row in range(n_rois):
                of_row = {key: values[row] for key, values in {**masks, **(columns or {})}.items()}
                table.add_roi(id=100 + row, **of_row)
        table = segmentation[table_name]
        region = table.create_roi_table_region(description="all", region=list(range(n_rois))[::-1])
        container_name = name or kind.__name__
        if container_name not in module.data_interfaces:
            module.add(kind(name=container_name))
        module[container_name].create_roi_response_series(
            name=series, data=activity, unit="lumens", rois=region, **timing
        )

    return add
