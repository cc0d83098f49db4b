"""Resolvers of the configuration. The names of run folders need them, and so Hydra before any job runs."""

from __future__ import annotations

from collections.abc import Mapping

from omegaconf import OmegaConf


def _recording_name(root: str | int | None, task: str | int | None = None) -> str:
    from synapsnet.experiment.recordings import recording_name  # slow to import, and a typo is told without

    return recording_name(root, task)


def _simulation_name(network: str, degradation: Mapping[str, object] | None) -> str:
    return "-".join([network, *(degradation or {})])


OmegaConf.register_new_resolver("recording_name", _recording_name, replace=True)
OmegaConf.register_new_resolver("simulation_name", _simulation_name, replace=True)
