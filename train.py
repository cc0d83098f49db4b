"""Train and test a forecaster: ``python train.py model=synapsnet data=neuropixels``; see README.md."""

import sys

from synapsnet.training.signals import leave_at_once

if __name__ == "__main__":
    leave_at_once()  # a scheduler may ask for it while the libraries below are loaded

import hydra
from omegaconf import DictConfig

from synapsnet.experiment import guard, run


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float:
    """Run one job; the validation score is what a sweeper may optimize."""
    return run(cfg)


if __name__ == "__main__":
    sys.exit(guard(main))
