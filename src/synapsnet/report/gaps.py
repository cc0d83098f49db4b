"""The runs that are missing to judge a matrix, and the commands for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from synapsnet.command_line import command, quoted
from synapsnet.data.training_command import GROUPS
from synapsnet.plain import Plain
from synapsnet.report.ensemble import Ensemble
from synapsnet.report.fits import Fit, Role, trained
from synapsnet.results import Run
from synapsnet.results.run import BUDGET, flat

SEEDS = 3
"""Number of fits of the whole that show how much a matrix depends on its seed."""

SURROGATES = 2
"""Minimum number of surrogates that show the effects of unit sizes by chance."""

_DEMO = "simulated"  # name of the recording that is simulated if the user names none
_HALVES: tuple[Role, ...] = ("first_half", "second_half")
_LENGTH = (*BUDGET, "trainer.max_time")
_SET_APART = ("name", "root", "signal", "train_part", "surrogate", "surrogate_seed", "network_seed")


def gaps(ensemble: Ensemble, conf: Path) -> list[tuple[str, str]]:
    """List the missing runs, one plain line for each, with its command.

    Args:
        ensemble: Fits of one session.
        conf: Folder of the configuration; commands leave out settings that are already its defaults. It need not exist.
    """
    run = ensemble.fits[0].run
    whole = ensemble.whole
    seeds = sorted({fit.run.seed for fit in whole or ensemble.fits})[: SEEDS if trained(run) else 1]
    found = []
    if not whole:
        found.append(("no fit of the whole recording, and so no matrix to judge", _command(run, conf, seeds)))
    elif trained(run) and len(seeds) == 1:
        more = _unused(whole, SEEDS - 1)
        found.append(("one seed only: dependence on the seed not tested", _command(run, conf, more)))
    halves = [role for role in _HALVES if not ensemble.of(role)]
    if halves:
        what = "no fits of the two halves" if len(halves) == 2 else f"no fit of the {halves[0].replace('_', ' ')}"
        parts = f"data.train_part={','.join(halves)}"
        found.append((f"{what} of the recording: reproducibility not tested", _command(run, conf, seeds, parts)))
    surrogates = ensemble.surrogates
    if len(surrogates) < SURROGATES:
        what = (
            "one surrogate only, so edges are selected as if all units were alike"
            if surrogates
            else "no surrogates, so edges cannot be compared with chance"
        )
        # The same kind as the existing one.
        kind = surrogates[0].run.data["surrogate"] if surrogates else "circular_shift"
        more = _unused(surrogates, SURROGATES - len(surrogates))
        found.append((what, _command(run, conf, more, f"data.surrogate={kind}")))
    return found


def _unused(fits: Sequence[Fit], count: int) -> list[int]:
    used = {fit.run.seed for fit in fits}
    return [seed for seed in range(len(used) + count) if seed not in used][:count]


def command_of(run: Run, conf: Path) -> str:
    """The command of a run, from the settings of its recording and its budget alone."""
    part, surrogate = run.data.get("train_part", "all"), run.data.get("surrogate", "none")
    parts = [f"data.train_part={quoted(part)}"] if part != "all" else []
    parts += [f"data.surrogate={quoted(surrogate)}"] if surrogate != "none" else []
    return _command(run, conf, [run.seed], *parts)


def transferred(run: Run) -> list[str]:
    """The overrides of a run that took the shared weights of a checkpoint."""
    origin = run.config.get("transfer")
    path = origin.get("checkpoint") if isinstance(origin, Mapping) else None
    return ["mode=transfer", f"ckpt_path={quoted(path)}"] if isinstance(path, str) else []


def _command(run: Run, conf: Path, seeds: Sequence[int], *part: str) -> str:
    settings = [f"model={quoted(run.model_name)}", *_recording(run, conf), *part, f"seed={','.join(map(str, seeds))}"]
    settings += transferred(run)
    multirun = ["-m"] if len(seeds) > 1 or any("," in setting for setting in part) else []
    return command("train", *multirun, *settings)


def _recording(run: Run, conf: Path) -> list[str]:
    """Overrides that reproduce the recording of a run, with its bins, units and budget."""
    data, apart = run.data, set(_SET_APART)
    degradation = data.get("degradation") or {}
    if data["root"] is not None:
        group, named = GROUPS[run.signal or "calcium"], [f"data.root={quoted(data['root'])}"]
        apart |= {"network", "degradation"}
    elif run.recording == _DEMO:
        group, named = GROUPS[run.signal or "spikes"], []
    else:
        group = "simulated"
        network = run.recording.removesuffix("".join(f"-{name}" for name in degradation))
        named = [f"data/network={network}"]
        named += [f"data/degradation=[{','.join(degradation)}]"] if degradation else []
        named += [f"data.network_seed={data.get('network_seed', run.seed)}"]
        named += _of_yaml("data.network", data.get("network"), conf / "data" / "network" / f"{network}.yaml")
        for name, settings in degradation.items():
            named += _of_yaml(f"data.degradation.{name}", settings, conf / "data" / "degradation" / f"{name}.yaml")
        apart |= {"network", "degradation"}
    usual = _read(conf / "data" / "base.yaml") | _read(conf / "data" / f"{group}.yaml")
    own = {name: value for name, value in data.items() if name not in apart}
    trainer = {name: value for name, value in run.config.get("trainer", {}).items() if f"trainer.{name}" in _LENGTH}
    return [
        f"data={group}",
        *named,
        *_changed("data", own, usual),
        *_changed("trainer", trainer, _read(conf / "trainer" / "default.yaml")),
    ]


def _of_yaml(section: str, settings: Plain, path: Path) -> list[str]:
    """Overrides for settings that differ from those of a yaml, as far as it says them itself."""
    usual = {name: value for name, value in _read(path).items() if "${" not in str(value)}
    own = settings if isinstance(settings, dict) else {}
    return _changed(section, {name: value for name, value in own.items() if name in usual}, usual)


def _changed(section: str, settings: dict[str, Any], usual: dict[str, Any]) -> list[str]:
    """Overrides for the settings that differ from the defaults."""
    before = flat(usual, f"{section}.")
    unset = object()
    return [
        f"{name}={quoted(value)}"
        for name, value in flat(settings, f"{section}.").items()
        if before.get(name, unset) != value
    ]


def _read(path: Path) -> dict[str, Any]:
    settings = yaml.safe_load(path.read_text()) if path.is_file() else None
    return settings if isinstance(settings, dict) else {}
