"""The commands that follow a look."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from synapsnet.data.training_command import training_command

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
    settings = [] if task is None else [f"data.task={task}"]
    settings += [] if bin_width_s is None else [f"data.bin_width_s={bin_width_s:g}"]
    lines = []
    if len(signals) == 1:  # training takes one kind
        lines.append(f"train:   {training_command(_GROUPS[signals[0]], path, *settings)}")
    if set(formats) != {"archive"}:
        width = [] if bin_width_s is None else ["--bin-width-s", f"{bin_width_s:g}"]
        command = shlex.join(["python", "-m", "synapsnet.data", "prepare", path, *width])
        lines.append(f"prepare: {command}   (reads it once, so that training starts in seconds)")
    return lines
