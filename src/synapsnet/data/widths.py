"""Advice for recordings whose bins differ in width."""

from __future__ import annotations

from collections.abc import Collection

from synapsnet.session.recording import WIDTH_TOLERANCE

_LONGEST_S = 2.0  # bins that are wider than this, and than twice the widest, are of little use


def advice(widths_s: Collection[float]) -> str:
    """The smallest width that is a whole multiple of all widths, as a setting; or that there is none.

    Args:
        widths_s: Widths in seconds.
    """
    widest = max(widths_s, default=1.0)
    for multiple in range(1, max(int(_LONGEST_S / widest), 2) + 1):
        width = multiple * widest
        if all(abs(round(width / of) * of / width - 1) <= WIDTH_TOLERANCE for of in widths_s):
            return f"data.bin_width_s={width:.6g} is a multiple of them all"
    return "no useful bin width is a multiple of them all, so train on each width alone"
