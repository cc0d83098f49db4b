"""The commands that follow an inspection."""

from __future__ import annotations

from collections.abc import Sequence

from synapsnet import extensions
from synapsnet.command_line import command, quoted
from synapsnet.data.named import Named
from synapsnet.data.training_command import training_command


def next_steps(
    paths: Sequence[str],
    config: str | None,
    task: str | None,
    bin_width_s: float | None,
    named: Named | None,
    max_memory: float | None,
    *,
    is_prepared: bool,
    common_width_s: float | None = None,
) -> list[str]:
    """Lines with the commands to train on the inspected recordings, and to prepare them for training.

    Args:
        paths: As the user named them.
        config: Name of the config under ``data=`` for all of the recordings; None if training would not take
            them.
        task: The requested task.
        bin_width_s: The requested bin width.
        named: The series named as the activity.
        max_memory: The requested limit of memory in gigabytes.
        is_prepared: True if there are only session archives.
        common_width_s: The width for all of them in training, where their own differ.
    """
    settings = [] if task is None else [f"data.task={quoted(task)}"]
    width_s = common_width_s if bin_width_s is None else bin_width_s
    settings += [] if width_s is None else [f"data.bin_width_s={width_s:.6g}"]
    settings += [] if named is None else [f"data.activity={quoted(named.patterns)}"]
    settings += [] if max_memory is None else [f"data.max_memory={max_memory:g}"]
    trusted = extensions.trusted()
    settings += [f"trusted_packages=[{','.join(trusted)}]"] if trusted else []
    lines = []
    if config is not None:
        lines.append(f"train:   {training_command(config, paths, *settings)}")
    if not is_prepared:
        width = [] if bin_width_s is None else ["--bin-width-s", f"{bin_width_s:g}"]
        series = [] if named is None else [part for name in named.patterns for part in ("--activity", name)]
        series += [] if named is None or named.signal is None else ["--signal", named.signal]
        limit = [] if max_memory is None else ["--max-memory", f"{max_memory:g}"]
        trust = [part for package in trusted for part in ("--trust", package)]
        commands = [command("prepare", path, *width, *series, *limit, *trust) for path in paths]
        lines += [f"prepare: {line}   (reads it once, so that training starts in seconds)" for line in commands]
    return lines
