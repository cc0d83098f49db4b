"""Brain regions that a recording names by their number in an atlas."""

from __future__ import annotations

import logging
from functools import cache

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)


def acronyms(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.str_]:
    """Acronym of each region of the mouse brain, ``[regions]``; empty for a number that is not in the atlas.

    The names belong to the Allen Institute, whose terms of use do not allow a copy here. The package ``iblatlas``
    (extra ``ibl``) provides them; without it, a region is called by its number.

    Args:
        numbers: Region numbers in the Common Coordinate Framework of 2017 (Wang et al. 2020,
            doi:10.1016/j.cell.2020.04.007), ``[regions]``; some recordings use negative numbers for the left
            hemisphere.
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
