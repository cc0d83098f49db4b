"""Experiments: from a configuration to a run folder, and from a checkpoint to a model."""

from synapsnet.experiment.checkpoint import load
from synapsnet.experiment.job import guard, run

__all__ = ["guard", "load", "run"]
