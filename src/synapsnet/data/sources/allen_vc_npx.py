"""Allen Brain Observatory, Visual Coding - Neuropixels: six probes in mouse cortex and thalamus, many visual stimuli.

The 32 sessions of the stimulus set "Brain Observatory 1.1", DANDI 000021. The files with the units are used, one per
session (2 to 3 GB); the files with the field potentials of a single probe are left out. ``--select`` takes subjects,
sessions or file names, such as ``715093703``, with ``*`` for any characters. A selection is required; ``'*'`` selects
everything. The sessions with the stimulus set "Functional Connectivity" are DANDI 000022, which was never published in
a fixed version; they have the same layout, and stream from ``dandi://000022/<path>``.

The units table holds all sorted units, noise included, with ``quality``, ``isi_violations``, ``amplitude_cutoff``,
``presence_ratio`` and many more metrics. A unit refers to its peak channel; the electrodes table gives that channel's
region and position in the Common Coordinate Framework.

Version, paths, sizes, checksums and licence were checked against the public mirror of the dandiset. The layout was
checked against the AllenSDK, which wrote the files, and a public listing of the content of one file. Not verified: the
download itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from synapsnet.data.web import dandi
from synapsnet.data.web.file import RemoteFile

TITLE = "Neuropixels in the visual system, natural and artificial stimuli (Allen Visual Coding)"
CITATION = (
    "Siegle, J. H., Jia, X. et al. Survey of spiking in the mouse visual system reveals functional hierarchy. Nature "
    "592, 86-92 (2021). doi:10.1038/s41586-020-03171-x; data: Siegle, J. et al. Allen Institute - Visual Coding - "
    "Neuropixels (Brain Observatory 1.1 Stimulus Set), version 0.251116.2246, DANDI Archive (2025). "
    "doi:10.48324/dandi.000021/0.251116.2246"
)
LICENCE = "CC BY 4.0; the Allen Institute's terms of use apply (https://alleninstitute.org/legal/terms-use/)"

DANDISET, VERSION = "000021", "0.251116.2246"


def files(select: Sequence[str]) -> list[RemoteFile]:
    """The files to download.

    Args:
        select: Subjects, sessions or file names.

    Raises:
        UserError: if the archive cannot be reached, if nothing in it matches, or if nothing is selected.
    """
    return dandi.dandiset_files(DANDISET, VERSION, select, _has_units)


def _has_units(path: str) -> bool:
    return path.endswith(".nwb") and "_probe-" not in path
