"""Sessions of Allen Visual Behavior - Optical Physiology (DANDI 000711) with few cells and short blocks.

Names, places and dtypes of tables, columns and series follow public listings of the content of files of that dandiset,
the paths in it, and the code of the AllenSDK that wrote them (``brain_observatory/nwb``, ``behavior/data_objects``).
There as here a file holds one imaging plane, and the planes of a session lie in files that differ by ``obj-``; the
traces are dF/F ``[time, rois]`` next to the raw ones, some ROIs are not cells (``valid_roi``), masks are as
large as the image, and no distance between pixels is given; each stimulus has a table whose rows tell the block they
belong to (``stimulus_block_name``); in passive sessions there are no licks and rewards; metadata, subject, eye tracking
and events are of types of the Allen Institute's own extensions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from layouts._nwb_extension import retype
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.behavior import EyeTracking, SpatialSeries
from pynwb.epoch import TimeIntervals
from pynwb.file import LabMetaData, Subject
from pynwb.ophys import DfOverF, Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

ACTIVE = "sub-403491/sub-403491_ses-20181108T112206_image+ophys.nwb"
PASSIVE = "sub-403491/sub-403491_ses-20181129T093257_image+ophys.nwb"
PLANES = (
    "sub-457841/sub-457841_ses-20190920T095938_obj-15smnjp_image+ophys.nwb",
    "sub-457841/sub-457841_ses-20190920T095938_obj-1almo5m_image+ophys.nwb",
)
IMAGES = "Natural_Images_Lum_Matched_set_training_2017"
START_S = 10.0
N_FRAMES_BLOCK = 260
INVALID = 2
"""The last ROIs of each plane are no cells."""


@dataclass(frozen=True)
class Planted:
    """Content of a file.

    Attributes:
        path: The file.
        cells: Id of each valid ROI.
        dff: dF/F of each, ``[time, cells]``.
        times_s: When each frame was taken.
        blocks_s: Start and stop of each block, by its name.
        speed: Running speed in cm/s, at ``speed_times_s``.
    """

    path: Path
    cells: list[str]
    dff: np.ndarray = field(repr=False)
    times_s: np.ndarray = field(repr=False)
    blocks_s: dict[str, tuple[float, float]]
    speed_times_s: np.ndarray = field(repr=False)
    speed: np.ndarray = field(repr=False)


def write(folder: Path, *, seed: int = 0, several_planes: bool = False) -> list[Planted]:
    """Write sessions into a folder.

    Args:
        folder: The folder.
        seed: Of what is planted.
        several_planes: Write two planes of one session at 11 Hz, rather than an active and a passive session at 31 Hz.
    """
    if several_planes:
        # The scanner takes one plane after the other: their frames are half a frame period apart.
        return [_write(folder / path, seed + k, 1 / 10.73, k / 21.46, "VISl", True) for k, path in enumerate(PLANES)]
    return [
        _write(folder / path, seed + k, 1 / 30.94, 0.0, "VISp", path == ACTIVE)
        for k, path in enumerate((ACTIVE, PASSIVE))
    ]


def _write(path: Path, seed: int, period_s: float, offset_s: float, region: str, active: bool) -> Planted:
    rng = np.random.default_rng(seed)
    nwbfile = NWBFile(
        session_description="OPHYS_1_images_A" if active else "OPHYS_2_images_A_passive",
        identifier=str(seed),
        session_start_time=datetime(2018, 11, 8, 11, 22, 6, tzinfo=UTC),
        institution="Allen Institute for Brain Science",
        keywords=["2-photon", "calcium imaging", "visual cortex", "behavior", "task"],
        subject=Subject(subject_id=path.name[4:10], species="Mus musculus", age="P151D", sex="F"),
    )
    nwbfile.add_lab_meta_data(LabMetaData(name="metadata"))
    duration = N_FRAMES_BLOCK * period_s
    names = ("initial_gray_screen_5min", f"change_detection_{'behavior' if active else 'passive'}",
             "post_behavior_gray_screen_5min", "natural_movie_one")  # fmt: skip
    blocks = {name: (START_S + k * duration, START_S + (k + 1) * duration) for k, name in enumerate(names)}
    times = START_S - 1 + offset_s + period_s * np.arange(4 * N_FRAMES_BLOCK + round(2 / period_s))
    cells, dff = _imaging(nwbfile, times, period_s, region, rng)
    _stimuli(nwbfile, blocks, active)
    speed_times, speed = _behavior(nwbfile, times[0], times[-1], active, rng)
    eye_times = _eye(nwbfile, times[0], times[-1], rng)
    path.parent.mkdir(parents=True, exist_ok=True)
    with NWBHDF5IO(str(path), mode="w") as io:
        io.write(nwbfile)
    depth = {"imaging_depth": 175, "imaging_plane_group": -1, "session_type": nwbfile.session_description}
    driver = {"driver_line": "Slc17a7-IRES2-Cre", "reporter_line": "Ai93(TITL-GCaMP6f)"}
    types: dict = {"general/metadata": ("OphysBehaviorMetadata", depth), "general/subject": ("BehaviorSubject", driver)}
    retype(path, "ndx-aibs-behavior-ophys", "0.2.0", types)
    types = {"processing/ophys/event_detection": ("OphysEventDetection", {})}
    retype(path, "ndx-aibs-ophys-event-detection", "0.2.0", types)
    eye = "acquisition/EyeTracking"
    ellipse = {key: rng.random(len(eye_times)) for key in ("area", "area_raw", "width", "height", "angle")}
    ellipses = ("eye_tracking", "pupil_tracking", "corneal_reflection_tracking")
    types = {f"{eye}/{name}": ("EllipseSeries", ellipse) for name in ellipses}
    retype(path, "ndx-ellipse-eye-tracking", "0.1.0", types)
    return Planted(path, cells, dff, times, blocks, speed_times, speed)


def _imaging(
    nwbfile: NWBFile, times: np.ndarray, period_s: float, region: str, rng: np.random.Generator
) -> tuple[list[str], np.ndarray]:
    """Ids and dF/F of the valid ROIs."""
    n_rois = 6 + INVALID
    device = nwbfile.create_device(name="CAM2P.4", description="Allen Brain Observatory - Scientifica 2P Rig")
    plane = nwbfile.create_imaging_plane(
        name="imaging_plane_1", description=f"(447, 512) field of view in {region} at depth 175 um", device=device,
        optical_channel=OpticalChannel(name="channel_1", description="2P Optical Channel", emission_lambda=520.0),
        excitation_lambda=910.0, imaging_rate=round(1 / period_s, 1), indicator="GCaMP6f", location=region,
    )  # fmt: skip
    module = nwbfile.create_processing_module(name="ophys", description="Ophys processing module")
    segmentation = ImageSegmentation(name="image_segmentation")
    module.add(segmentation)
    table = segmentation.create_plane_segmentation(
        name="cell_specimen_table", description="Segmented rois", imaging_plane=plane
    )
    for column in ("cell_specimen_id", "height", "mask_image_plane", "max_correction_up", "valid_roi", "x", "y"):
        table.add_column(name=column, description=column)
    for roi in range(n_rois):
        mask = np.zeros((24, 32), dtype=bool)
        mask[2 * roi : 2 * roi + 3, 3 * roi : 3 * roi + 3] = True
        table.add_roi(
            id=1080740882 + 7 * roi, image_mask=mask, cell_specimen_id=-1, height=3, mask_image_plane=0,
            max_correction_up=10.0, valid_roi=roi < n_rois - INVALID, x=3 * roi, y=2 * roi,
        )  # fmt: skip
    rois = table.create_roi_table_region(region=slice(n_rois), description="segmented cells")
    noise = rng.normal(size=(len(times), n_rois))
    dff = np.zeros_like(noise)
    for frame in range(1, len(times)):
        dff[frame] = 0.9 * dff[frame - 1] + noise[frame]
    for container, traces in (
        (DfOverF(name="dff"), dff),
        (Fluorescence(name="corrected_fluorescence"), 100 + 10 * dff),
        (Fluorescence(name="demixed_trace"), 110 + 10 * dff),
        (Fluorescence(name="neuropil_trace"), 90 + noise),
    ):
        module.add(container)
        container.create_roi_response_series(name="traces", data=traces, unit="NA", rois=rois, timestamps=times)
    events = np.maximum(noise - 1, 0)
    module.add(RoiResponseSeries(name="event_detection", data=events, unit="N/A", rois=rois, timestamps=times))
    for axis in "xy":
        shifts = rng.integers(-3, 4, len(times))
        module.add(TimeSeries(name=f"ophys_motion_correction_{axis}", data=shifts, timestamps=times, unit="pixels"))
    return [str(1080740882 + 7 * roi) for roi in range(n_rois - INVALID)], dff[:, : n_rois - INVALID].astype(np.float32)


def _stimuli(nwbfile: NWBFile, blocks: dict[str, tuple[float, float]], active: bool) -> None:
    rows = [row for number, (name, block) in enumerate(blocks.items()) for row in _presentations(number, name, *block)]
    clock = np.array([row["start_time"] for row in rows])
    module = nwbfile.create_processing_module(name="stimulus", description="Stimulus Times processing")
    series = TimeSeries(name="timestamps", data=clock, timestamps=clock, unit="s")
    module.add(series)
    tables: dict[str, TimeIntervals] = {}
    for row in rows:
        name = f"{row['stimulus_name']}_presentations"
        row["active"] = active and row["stimulus_name"] == IMAGES
        if name not in tables:
            tables[name] = TimeIntervals(name=name, description=f"Presentation times of {name}")
            for column in sorted(row.keys() - {"start_time", "stop_time"}):
                tables[name].add_column(name=column, description="No description")
        tables[name].add_interval(**row, tags="stimulus_time_interval", timeseries=series)
    for table in tables.values():
        nwbfile.add_time_intervals(table)
    start, stop = next(block for name, block in blocks.items() if name.startswith("change_detection"))
    for begin in np.arange(start, stop - 2.25, 2.25):
        nwbfile.add_trial(start_time=begin, stop_time=begin + 2.2)
    n_trials = len(nwbfile.trials)
    go = np.arange(n_trials) % 4 != 3
    for column, values in {"go": go, "catch": ~go, "aborted": ~go, "change_image_name": ["im065"] * n_trials}.items():
        nwbfile.add_trial_column(name=column, description=column, data=list(values))


def _presentations(number: int, block_name: str, start: float, stop: float) -> Iterator[dict]:
    common = {"stimulus_block": number, "stimulus_block_name": block_name}
    if "gray_screen" in block_name:
        yield {
            "start_time": start,
            "stop_time": stop,
            "duration": stop - start,
            "stimulus_name": "spontaneous",
            **common,
        }
    elif block_name == "natural_movie_one":
        for frame, begin in enumerate(np.arange(start, stop - 0.1, 0.1)):
            yield {"start_time": begin, "stop_time": begin + 0.1, "stimulus_name": block_name, "duration": 0.1,
                   "movie_frame_index": frame % 30, "movie_repeat": frame // 30, **common}  # fmt: skip
    else:
        for flash, begin in enumerate(np.arange(start, stop - 0.75, 0.75)):
            omitted = flash % 7 == 5
            yield {"start_time": begin, "stop_time": begin + 0.25, "stimulus_name": IMAGES, "duration": 0.25,
                   "image_name": "omitted" if omitted else f"im0{61 + flash % 8}", "image_index": flash % 8,
                   "is_change": flash % 3 == 0, "omitted": omitted, "trials_id": flash // 3, **common}  # fmt: skip


def _behavior(
    nwbfile: NWBFile, start: float, stop: float, active: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """When running was measured, and how fast it was."""
    times = np.arange(start - 2, stop + 2, 1 / 60)
    speed = 5 + np.cumsum(rng.normal(size=len(times))) / 10
    module = nwbfile.create_processing_module(name="running", description="Running speed processing module")
    for name, unit in (("speed", "cm/s"), ("speed_unfiltered", "cm/s"), ("dx", "cm")):
        module.add(TimeSeries(name=name, data=speed, timestamps=times, unit=unit))
    for name in ("v_sig", "v_in"):
        nwbfile.add_acquisition(TimeSeries(name=name, data=np.full(len(times), 5.0), timestamps=times, unit="V"))
    if active:
        licks = np.sort(rng.uniform(start, stop, 30))
        module = nwbfile.create_processing_module(name="licking", description="Licking behavior processing module")
        module.add(TimeSeries(name="licks", data=np.round(60 * licks).astype(int), timestamps=licks, unit="N/A"))
        module = nwbfile.create_processing_module(name="rewards", description="Licking behavior processing module")
        module.add(TimeSeries(name="volume", data=np.full(5, 0.007), timestamps=licks[::6], unit="mL"))
        module.add(TimeSeries(name="autorewarded", data=np.zeros(5, dtype=bool), timestamps=licks[::6], unit="mL"))
    return times, speed


def _eye(nwbfile: NWBFile, start: float, stop: float, rng: np.random.Generator) -> np.ndarray:
    """When the eye was filmed."""
    times = np.arange(start, stop, 1 / 30)
    tracking = EyeTracking(name="EyeTracking")
    for name in ("eye_tracking", "pupil_tracking", "corneal_reflection_tracking"):
        center = rng.random((len(times), 2))
        center[50:60] = np.nan
        tracking.add_spatial_series(
            SpatialSeries(name=name, data=center, timestamps=times, reference_frame="nose", unit="meters")
        )
    nwbfile.add_acquisition(tracking)
    return times
