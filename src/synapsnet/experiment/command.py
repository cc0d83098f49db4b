"""``train.py`` and ``synapsnet train``: overrides in, exit code out.

Hydra composes the configuration before anything slow is imported, so that a typo is told at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra
from omegaconf import DictConfig

from synapsnet.configuration import conf_folder
from synapsnet.experiment.guard import guard


def main(arguments: Sequence[str]) -> int:
    """Run one job, or a sweep of them.

    Args:
        arguments: Overrides, and flags of Hydra.

    Returns:
        The exit code.
    """
    command_line = sys.argv

    @hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")
    def job(cfg: DictConfig) -> float:
        """Run one job; the validation score is what a sweeper may optimize."""
        sys.argv = command_line  # Lightning repeats it to start a process for each device
        from synapsnet.experiment.job import run

        return run(cfg)

    sys.argv = [command_line[0], *arguments]  # Hydra reads nothing else
    try:
        return guard(job)
    finally:
        sys.argv = command_line
