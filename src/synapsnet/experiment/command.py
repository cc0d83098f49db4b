"""``train.py`` and ``synapsnet train``: overrides in, exit code out.

Hydra composes the configuration before anything slow is imported, so that a typo is reported at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig

from synapsnet.command_line import print_anything
from synapsnet.configuration import conf_folder
from synapsnet.errors import UserError
from synapsnet.experiment.guard import guard, report
from synapsnet.experiment.overrides import as_typed, check_added, misspelt
from synapsnet.experiment.run_folder import remove_if_empty


def main(arguments: Sequence[str]) -> int:
    """Run one job, or a sweep of them.

    Args:
        arguments: Overrides and Hydra flags.

    Returns:
        The exit code.
    """
    print_anything()
    command_line = sys.argv

    @hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name="train")
    def job(cfg: DictConfig) -> float:
        """Run one job; the validation score is what a sweeper may optimize."""
        os.chdir(HydraConfig.get().runtime.cwd)  # paths are meant from there, whatever hydra.job.chdir says
        sys.argv = command_line  # Lightning repeats it to start a process for each device
        try:
            check_added(cfg)
        except UserError as error:
            remove_if_empty(Path(HydraConfig.get().runtime.output_dir))
            raise SystemExit(report(error)) from None
        from synapsnet.experiment.job import run

        return run(cfg)

    def typed() -> None:
        sys.argv = [command_line[0], *as_typed(arguments)]  # Hydra reads only sys.argv
        try:
            job()
        except HydraException as error:
            raise misspelt(error, arguments) from error

    try:
        return guard(typed)
    finally:
        sys.argv = command_line
