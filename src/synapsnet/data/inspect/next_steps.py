"""The commands that follow a look."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence

_GROUPS = {"spikes": "neuropixels", "calcium": "calcium"}  # the data= that a signal belongs to


def next_steps(
    path: str, signals: Sequence[str], task: str | None, bin_width_s: float | None, formats: Collection[str]
) -> list[str]:
    """Lines with the commands to train on what was looked at, and to prepare it for that.

    Args:
        path: As the user named it.
        signals: Kinds of signal there.
        task: The task that was asked for.
        bin_width_s: The width that was asked for.
        formats: Formats there; archives are prepared already.
    """
    settings = [f"data.root={_quoted(path)}"]
    settings += [] if task is None else [f"data.task={task}"]
    settings += [] if bin_width_s is None else [f"data.bin_width_s={bin_width_s:g}"]
    lines = []
    if len(signals) == 1:  # training takes one kind
        command = shlex.join(["python", "train.py", "model=synapsnet", f"data={_GROUPS[signals[0]]}", *settings])
        lines.append(f"train:   {command}")
    if set(formats) != {"archive"}:
        width = [] if bin_width_s is None else ["--bin-width-s", f"{bin_width_s:g}"]
        command = shlex.join(["python", "-m", "synapsnet.data", "prepare", path, "--out", "prepared", *width])
        lines.append(f"prepare: {command}   (reads it once, so that training starts in seconds)")
    return lines


def _quoted(value: str) -> str:
    """A value that Hydra takes as it is, commas and all."""
    if re.fullmatch(r"[\w./+~@%-]+", value):
        return value
    # Backslashes count as such unless a quotation mark follows.
    return '"' + re.sub(r'(\\*)("|$)', lambda end: 2 * end[1] + (r"\"" if end[2] else ""), value) + '"'
