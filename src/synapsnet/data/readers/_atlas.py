"""Brain regions that a recording names by their number in an atlas."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)


def acronyms(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.str_]:
    """Acronym of each region of the mouse brain, ``[regions]``; empty for a number that the atlas does not have.

    The names are the Allen Institute's, whose terms of use do not go with a copy of them here: ``iblatlas`` (extra
    ``ibl``) brings them. Without it a region is called by its number.

    Args:
        numbers: Of the regions in the Common Coordinate Framework of 2017 (Wang et al. 2020,
            doi:10.1016/j.cell.2020.04.007), ``[regions]``; of the left hemisphere some recordings give them negative.
    """
    names = _names()
    if names is None:
        log.warning('brain regions are called by their numbers: pip install "synapsnet[ibl]" for their names')
        return np.array([str(abs(number)) for number in numbers.tolist()], dtype=np.str_)
    return np.array([names.get(abs(number), "") for number in numbers.tolist()], dtype=np.str_)


@cache
def _names() -> dict[int, str] | None:
    try:
        from iblatlas.regions import BrainRegions
    except ImportError:
        return None
    regions = BrainRegions()
    return {abs(int(number)): str(name) for number, name in zip(regions.id, regions.acronym, strict=True)}
