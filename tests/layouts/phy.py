"""A small sorting in the layout of Kilosort and phy: spikes in samples, labels, templates and positions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE_HZ = 30_000
DURATION_S = 60.0
CLUSTERS = (0, 2, 3, 7, 9, 12)  # 12 came from a merge: no template has its number
TEMPLATES = (0, 2, 3, 7, 9, 1)  # of each cluster
SITES = (4, 0, 2, 6, 1, 5)
CHANNELS = (0, 1, 2, 3, 5, 6, 7)  # 4 is dead
GROUPS = ("good", "mua", "unsorted", "", "noise", "good")
LABELS = ("mua", "good", "good", "mua", "good", "")
QUALITY = ("good", "mua", "good", "mua", "noise", "good")


@dataclass(frozen=True)
class Planted:
    """Content of a folder: samples and clusters of the spikes, ``[spikes]``, and places of the channels in um."""

    folder: Path
    samples: npt.NDArray[np.int64]
    clusters: npt.NDArray[np.int64]
    places: npt.NDArray[np.float64]

    def counts(self, bin_width_s: float) -> npt.NDArray[np.int64]:
        """Counts ``[time, units]`` in bins that are a whole number of samples wide, up to the last spike."""
        width = round(bin_width_s * RATE_HZ)
        edges = np.arange(self.samples.max() // width + 2) * width
        return np.stack([np.histogram(self.samples[self.clusters == of], edges)[0] for of in CLUSTERS], axis=1)


def write(folder: Path, *, seed: int = 0, name: str = "kilosort4") -> Planted:
    """Write a folder of six clusters, curated in part.

    Args:
        folder: Where to.
        seed: Of the random numbers.
        name: Name of the folder.
    """
    rng = np.random.default_rng(seed)
    path = folder / name
    path.mkdir(parents=True)
    n_spikes = rng.poisson(5 * DURATION_S, len(CLUSTERS))
    samples = rng.integers(0, int(DURATION_S * RATE_HZ), n_spikes.sum())
    order = np.argsort(samples, kind="stable")
    units = np.repeat(np.arange(len(CLUSTERS)), n_spikes)[order]
    places = np.stack([rng.choice([11.0, 43.0], len(CHANNELS)), 20.0 * np.arange(len(CHANNELS))], axis=1)
    planted = Planted(path, samples[order], np.array(CLUSTERS)[units], places)
    (path / "params.py").write_text(
        f"dat_path = r'C:\\Users\\me\\rec.bin'\nn_channels_dat = 385\ndtype = 'int16'\noffset = 0\n"
        f"sample_rate = {RATE_HZ}.\nhp_filtered = False\n"
    )
    np.save(path / "spike_times.npy", planted.samples.astype(np.uint64)[:, None])
    np.save(path / "spike_clusters.npy", planted.clusters.astype(np.int32))
    np.save(path / "spike_templates.npy", np.array(TEMPLATES)[units].astype(np.uint32)[:, None])
    np.save(path / "channel_map.npy", np.array(CHANNELS, dtype=np.int32)[:, None])
    np.save(path / "channel_positions.npy", places)
    _write_templates(path, rng)
    write_table(path / "cluster_group.tsv", "group", GROUPS)
    write_table(path / "cluster_KSLabel.tsv", "KSLabel", LABELS)
    return planted


def write_table(path: Path, column: str, values: tuple[str, ...], *, ids: str = "cluster_id") -> None:
    """Write a table of the clusters; a cluster with an empty value has no row, as phy does it."""
    rows = [f"{cluster}\t{value}\n" for cluster, value in zip(CLUSTERS, values, strict=True) if value]
    path.write_text(f"{ids}\t{column}\n" + "".join(rows))


def write_info(path: Path) -> None:
    """Write ``cluster_info.tsv``, as phy does when the user saves."""
    rows = [
        f"{cluster}\t{label}\t{CHANNELS[site]}\t{20.0 * site}\t{group}\n"
        for cluster, label, site, group in zip(CLUSTERS, LABELS, SITES, GROUPS, strict=True)
    ]
    (path / "cluster_info.tsv").write_text("cluster_id\tKSLabel\tch\tdepth\tgroup\n" + "".join(rows))


def _write_templates(path: Path, rng: np.random.Generator) -> None:
    """Templates that are largest at their site once they are no longer whitened."""
    waveforms = rng.normal(0, 0.05, (max(TEMPLATES) + 1, 20, len(CHANNELS)))
    for template, site in zip(TEMPLATES, SITES, strict=True):
        waveforms[template, 8, site] -= 5.0
    whitening = np.diag(10.0 ** -np.arange(len(CHANNELS)))
    np.save(path / "templates.npy", (waveforms @ whitening).astype(np.float32))
    np.save(path / "whitening_mat_inv.npy", np.linalg.inv(whitening))
