"""Allen Brain Observatory, Visual Behavior - Optical Physiology: two-photon imaging during a change detection task.

DANDI 000711: 703 imaging sessions of 107 mice. The files with imaging are used, one per imaging plane (0.1 to 1 GB);
files of training without imaging are left out. The planes of one session, up to eight, share its name
(``sub-457841_ses-20190920T095938_obj-...``) and become separate sessions, because their frames are not simultaneous.
``--select`` takes subjects, sessions or file names, such as ``403491``, with ``*`` for any characters. A selection is
required; ``'*'`` selects everything.

Cells are those that the Allen Institute's classifier accepted (``valid_roi``). The signal is their dF/F at 31 Hz (11 Hz
with several planes); behavior is running, licks, rewards and the pupil. In each session, a mouse either does the task
(``change_detection_behavior``) or sees its images without the lick spout (``change_detection_passive``), between five
minutes of gray screen and a movie. Images are shown for 250 ms with 500 ms of gray between them.

Number, version, paths, sizes, checksums and licence were checked against the public mirror of the dandiset. The layout
was checked against the AllenSDK, which wrote the files, and a public listing of the content of one file. Not verified:
the download itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from synapsnet.data.web import dandi
from synapsnet.data.web.file import RemoteFile

TITLE = "Two-photon imaging of visual cortex, change detection (Allen Visual Behavior)"
CITATION = (
    "Garrett, M., Groblewski, P. et al. Stimulus novelty uncovers coding diversity in visual cortical circuits. "
    "bioRxiv (2023). doi:10.1101/2023.02.14.528085; data: Allen Institute for Brain Science, Olsen, S., Garrett, M. & "
    "Groblewski, P. Allen Institute - Visual Behavior - Optical Physiology, version 0.231121.0201, DANDI Archive "
    "(2023). doi:10.48324/dandi.000711/0.231121.0201"
)
LICENCE = "CC BY 4.0; the Allen Institute's terms of use apply (https://alleninstitute.org/legal/terms-use/)"

DANDISET, VERSION = "000711", "0.231121.0201"


def files(select: Sequence[str]) -> list[RemoteFile]:
    """The files to download.

    Args:
        select: Subjects, sessions or file names.

    Raises:
        UserError: if the archive cannot be reached, if nothing in it matches, or if nothing is selected.
    """
    return dandi.dandiset_files(DANDISET, VERSION, select, _has_imaging)


def _has_imaging(path: str) -> bool:
    return path.endswith("ophys.nwb")
