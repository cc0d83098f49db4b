"""A session of Allen Visual Coding - Neuropixels (DANDI 000021) with few units and short blocks.

Names, places and dtypes of tables, columns and series follow a public listing of the content of
``sub-699733573_ses-715093703.nwb`` and the code of the AllenSDK that wrote it (``ecephys/write_nwb``,
``brain_observatory/nwb``). There as here the units table has no ``electrodes``, but the id of a peak channel, whose
location is "None" outside of the structures known; the probes, their groups and the subject are of types of the Allen
Institute's own extension; each stimulus has a table whose rows refer to the stimulus clock; the ``timestamps`` are
their own data, ``running_speed_end_times`` is nothing but NaN; invalid times are tagged with the kind, the id and the
label of what was invalid. Real units tables have some 30 columns; here are those that matter, and one of each kind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from layouts._nwb_extension import retype
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.core import DynamicTable
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject

NAME = "sub-699733573_ses-715093703"
PROBES = {"probeA": 810755797, "probeC": 810755801}
REGIONS = ("VISam", "CA1", "grey", "VISp", "LGd", "None")
PERIODS = {  # seconds from one presentation to the next, and how long each lasts
    "gabors": (0.25, 0.25),
    "flashes": (2.0, 0.25),
    "drifting_gratings": (3.0, 2.0),
    "natural_movie_three": (0.1, 0.1),
    "natural_movie_one": (0.1, 0.1),
    "static_gratings": (0.25, 0.25),
    "natural_scenes": (0.25, 0.25),
}
BLOCKS = (  # start and stop in seconds
    ("spontaneous", 0.5, 6.5),
    ("gabors", 6.5, 12.5),
    ("spontaneous", 12.5, 14.0),
    ("flashes", 14.0, 22.0),
    ("drifting_gratings", 22.0, 28.0),
    ("natural_movie_three", 28.0, 34.0),
    ("natural_movie_one", 34.0, 40.0),
    ("drifting_gratings", 40.0, 46.0),
    ("static_gratings", 46.0, 52.0),
    ("natural_scenes", 52.0, 58.0),
)
DURATION_S = 58.5
INVALID_S = (59.0, 61.0)
AFTER_S = 63.0  # spikes go on after the stimuli


@dataclass(frozen=True)
class Planted:
    """Content of a session.

    Attributes:
        path: The file.
        trains: Spike times of each unit in seconds, by id; sorted, as the AllenSDK sorts them.
        quality: Label of each unit.
        region: Region of each unit, that of its peak channel; empty where there is none.
        probe: Its probe.
        speed: Running speed in cm/s, at ``speed_times_s``.
    """

    path: Path
    trains: dict[str, np.ndarray]
    quality: list[str]
    region: list[str]
    probe: list[str]
    speed_times_s: np.ndarray
    speed: np.ndarray = field(repr=False)


def write(folder: Path, *, seed: int = 0, n_units: int = 12) -> Planted:
    """Write one session into a folder."""
    rng = np.random.default_rng(seed)
    nwbfile = NWBFile(
        session_description="Data and metadata for an Ecephys session",
        identifier="715093703",
        session_id="715093703",
        session_start_time=datetime(2019, 1, 19, tzinfo=UTC),
        institution="Allen Institute for Brain Science",
        stimulus_notes="brain_observatory_1.1",
        subject=Subject(subject_id="699733573", species="Mus musculus", age="P118D", sex="M"),
    )
    channels = _probes(nwbfile)
    planted = _units(nwbfile, folder / f"sub-699733573/{NAME}.nwb", channels, rng, n_units)
    _running(nwbfile, planted.speed_times_s, planted.speed)
    _gaze(nwbfile, rng)
    _stimuli(nwbfile)
    planted.path.parent.mkdir(parents=True)
    with NWBHDF5IO(str(planted.path), mode="w") as io:
        io.write(nwbfile)
    ephys = "general/extracellular_ephys"
    types: dict = {"general/subject": ("EcephysSpecimen", {"age_in_days": 118.0})}
    for name, number in PROBES.items():
        types[f"general/devices/{name}"] = ("EcephysProbe", {"probe_id": number, "sampling_rate": 30000.0})
        types[f"{ephys}/{name}"] = ("EcephysElectrodeGroup", {"probe_id": number, "lfp_sampling_rate": 1250.0})
    retype(planted.path, "ndx-aibs-ecephys", "0.2.0", types)
    return planted


def _probes(nwbfile: NWBFile) -> list[tuple[int, str, str]]:
    """Id, region and probe of each channel; half of them lie in a region, the others have no unit."""
    for column in ("probe_vertical_position", "probe_horizontal_position", "probe_id", "local_index", "valid_data"):
        nwbfile.add_electrode_column(name=column, description=column)
    channels = []
    for name, number in PROBES.items():
        device = nwbfile.create_device(name=name, description="Neuropixels 1.0 Probe", manufacturer="imec")
        group = nwbfile.create_electrode_group(
            name=name, description="Ecephys Electrode Group", location="See electrode locations", device=device
        )
        for index, region in enumerate(np.repeat(REGIONS, 2).tolist()):
            channel = 850000000 + 1000 * (number % 100) + 2 * index
            nwbfile.add_electrode(
                id=channel, x=7000.0 + index, y=2000.0 + 10 * index, z=8000.0, imp=np.nan, filtering="AP band: 500 Hz",
                location=region, group=group, probe_vertical_position=20 * index, probe_horizontal_position=43,
                probe_id=number, local_index=index, valid_data=True,
            )  # fmt: skip
            channels.append((channel, region, name))
    return channels


def _units(
    nwbfile: NWBFile, path: Path, channels: list[tuple[int, str, str]], rng: np.random.Generator, n_units: int
) -> Planted:
    for column in (
        "quality", "isi_violations", "amplitude_cutoff", "presence_ratio", "firing_rate", "peak_channel_id",
        "local_index", "cluster_id", "snr",
    ):  # fmt: skip
        nwbfile.add_unit_column(name=column, description="no description")
    nwbfile.add_unit_column(name="spike_amplitudes", description="amplitude (s)", index=True)
    trains, quality, chosen = {}, [], rng.choice(len(channels), n_units, replace=False)
    for index in range(n_units):
        train = np.sort(rng.uniform(0, AFTER_S, rng.poisson(6 * AFTER_S)))
        train[0] = 0.02 * index  # on the edge of a bin
        train = np.sort(np.append(train, train[10]))  # twice the same time
        good = index % 4 != 3
        quality.append("good" if good else "noise")
        trains[str(950900000 + 3 * index)] = train
        nwbfile.add_unit(
            id=950900000 + 3 * index, spike_times=train, spike_amplitudes=np.full(len(train), 1e-4),
            waveform_mean=np.zeros((1, 82)), quality=quality[-1], peak_channel_id=channels[chosen[index]][0],
            isi_violations=0.9 if index == 4 else 0.02, amplitude_cutoff=np.nan if index == 5 else 0.01,
            presence_ratio=0.99, firing_rate=len(train) / AFTER_S, local_index=index, cluster_id=index, snr=2.5,
        )  # fmt: skip
    places = [channels[channel] for channel in chosen]
    times = np.arange(0.3, DURATION_S, 1 / 60)
    return Planted(
        path=path,
        trains=trains,
        quality=quality,
        region=["" if region == "None" else region for _, region, _ in places],
        probe=[probe for _, _, probe in places],
        speed_times_s=times,
        speed=np.abs(np.cumsum(rng.normal(size=len(times)))),
    )


def _running(nwbfile: NWBFile, times: np.ndarray, speed: np.ndarray) -> None:
    module = nwbfile.create_processing_module(name="running", description="running speed data")
    series = TimeSeries(name="running_speed", timestamps=times, data=speed, unit="cm/s")
    module.add(series)
    nothing = np.full(len(times), np.nan)
    module.add(TimeSeries(name="running_speed_end_times", timestamps=times + 1 / 60, data=nothing, unit="cm/s"))
    module.add(TimeSeries(name="running_wheel_rotation", timestamps=series, data=0.01 * speed, unit="radians"))
    raw = TimeSeries(name="raw_running_wheel_rotation", timestamps=times, data=speed * 0.01, unit="radians")
    nwbfile.add_acquisition(raw)
    for name in ("running_wheel_signal_voltage", "running_wheel_supply_voltage"):
        nwbfile.add_acquisition(TimeSeries(name=name, timestamps=raw, data=np.full(len(times), 5.0), unit="V"))


def _gaze(nwbfile: NWBFile, rng: np.random.Generator) -> None:
    """Ellipses in tables, and areas and gaze in series that are NaN where the eye was shut."""
    times = np.arange(0.5, DURATION_S, 1 / 30)
    module = nwbfile.create_processing_module(name="eye_tracking", description="Eye tracking processing module")
    for name in ("pupil_ellipse_fits", "cr_ellipse_fits", "eye_ellipse_fits"):
        columns = {column: rng.random(len(times)) for column in ("center_x", "center_y", "height", "phi", "width")}
        module.add(DynamicTable.from_dataframe(pd.DataFrame({**columns, "timestamps": times}), name=name))
    for name in ("raw_gaze_mapping", "filtered_gaze_mapping"):
        module = nwbfile.create_processing_module(name=name, description="Gaze mapping processing module")
        area = 1000 + 100 * rng.random(len(times))
        area[40:60] = np.nan
        module.add(TimeSeries(name="pupil_area", timestamps=times, data=area, unit="Pixels ^ 2"))
        gaze = rng.random((len(times), 2))
        module.add(TimeSeries(name="screen_coordinates", timestamps=times, data=gaze, unit="Centimeters"))


def _stimuli(nwbfile: NWBFile) -> None:
    tables: dict[str, TimeIntervals] = {}
    rows = [row for number, block in enumerate(BLOCKS) for row in _presentations(number, *block)]
    clock = np.sort([row["start_time"] for row in rows])
    module = nwbfile.create_processing_module(name="stimulus", description="Stimulus Times processing")
    series = TimeSeries(name="timestamps", data=clock, timestamps=clock, unit="s")
    module.add(series)
    for row in rows:
        name = f"{row['stimulus_name']}_presentations"
        if name not in tables:
            tables[name] = TimeIntervals(name=name, description=f"Presentation times of {name}")
            for column in sorted(row.keys() - {"start_time", "stop_time"}):
                tables[name].add_column(name=column, description=column)
        tables[name].add_interval(**row, tags="stimulus_time_interval", timeseries=series)
    for table in tables.values():
        nwbfile.add_time_intervals(table)
    invalid = TimeIntervals(name="invalid_times", description="experimental intervals that should be removed")
    invalid.add_interval(*INVALID_S, tags=["EcephysSession", "715093703", "all_probes"])
    nwbfile.invalid_times = invalid
    _optotagging(nwbfile)


def _presentations(number: int, name: str, start: float, stop: float) -> list[dict]:
    if name == "spontaneous":
        return [{"start_time": start, "stop_time": stop, "stimulus_name": name}]
    period, length = PERIODS[name]
    return [
        {
            "start_time": begin,
            "stop_time": begin + length,
            "stimulus_name": name,
            "stimulus_block": float(number),
            "contrast": 0.8,
            "orientation": 45.0,
        }
        for begin in start + period * np.arange(round((stop - start) / period))
    ]


def _optotagging(nwbfile: NWBFile) -> None:
    """Pulses of light at the end, which tell cells of a type by their answer."""
    starts = np.arange(AFTER_S - 1.8, AFTER_S, 0.5)
    module = nwbfile.create_processing_module(name="optotagging", description="optogenetic stimulution data")
    series = TimeSeries(name="optotagging", timestamps=starts, data=np.full(len(starts), 0.005), unit="seconds")
    module.add(series)
    table = TimeIntervals(name="optogenetic_stimulation", description="pulses")
    for column in ("condition", "duration", "level", "stimulus_name"):
        table.add_column(name=column, description=column)
    for start in starts:
        table.add_interval(
            start, start + 0.005, condition="a single square pulse", duration=0.005, level=1.3, stimulus_name="pulse",
            tags=["optical_stimulation"], timeseries=series,
        )  # fmt: skip
    module.add(table)
