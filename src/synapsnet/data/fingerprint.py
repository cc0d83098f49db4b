"""The content of a session as one short text, so that changed data are noticed."""

from __future__ import annotations

import hashlib
import json

import numpy as np

from synapsnet.session import Session


def fingerprint(session: Session) -> str:
    """SHA-256 of a session's activity, units, bin width, segments and behavior, in hexadecimal.

    Its name, its unit table and its ``meta`` do not count.
    """
    hasher = hashlib.sha256()
    words = [session.bin_width_s, list(session.unit_ids), list(session.behavior_names)]
    hasher.update(json.dumps(words).encode())
    for array in (session.activity, session.segments, session.behavior):
        values = None if array is None else np.ascontiguousarray(array)
        hasher.update(b"none" if values is None else f"{values.dtype.str} {values.shape} ".encode())
        if values is not None:
            hasher.update(values.tobytes())
    return hasher.hexdigest()
