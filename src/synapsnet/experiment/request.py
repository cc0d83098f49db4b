"""A parsed command line: the configuration of its run, the checkpoint it continues from, and its output folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from synapsnet import extensions
from synapsnet.data.web.address import public
from synapsnet.errors import UserError
from synapsnet.experiment import parts
from synapsnet.experiment.build import Config
from synapsnet.experiment.checkpoint import Saved, read_latest, read_saved
from synapsnet.experiment.overrides import check_flags, is_group
from synapsnet.experiment.record import OF_THIS_COMMAND, Record, keys_of, record_of
from synapsnet.experiment.recordings import with_root
from synapsnet.experiment.transfer import origin
from synapsnet.file_names import safe_name
from synapsnet.metrics import require_loss
from synapsnet.plain import Plain, differences, read_plain_yaml
from synapsnet.results.files import CONFIG, EVALUATIONS, SCORES, checkpoint
from synapsnet.session import Session

log = logging.getLogger(__name__)

_DECISIVE = ("seed", "model", "likelihood", "data", "optimizer", "trainer", "monitor")
"""Sections that determine a run's scores; two commands with the same values in them are the same run."""


@dataclass(frozen=True)
class Request:
    """The request of a command line.

    Attributes:
        config: The resolved configuration for the requested folder.
        record: Its overrides, combined with those of the run it continues from.
        saved: The checkpoint that it continues from or tests; None for a run from the start.
        folder: The output folder.
        unique: True if the folder was named by the time of day, so that another name would do as well.
        in_folder: The resolved configuration for any folder.
        source: The checkpoint whose shared weights a new run takes; None if it takes none, or if the file is gone and
            the run goes on without it.
        sessions: Recordings in memory, where Python gave them.
    """

    config: Config
    record: Record
    saved: Saved | None
    folder: Path
    unique: bool
    in_folder: Callable[[Path], Config]
    source: Saved | None = None
    sessions: tuple[Session, ...] | None = None


def understood(cfg: DictConfig) -> Request:
    """The request of the command line that Hydra composed.

    Raises:
        UserError: if its settings, or the checkpoint that it names, are invalid.
    """
    hydra = HydraConfig.get()
    if cfg.mode not in ("train", "test", "transfer"):
        raise UserError(f"mode must be train, test or transfer, got {cfg.mode!r}")
    if not isinstance(cfg.seed, int) or not 0 <= cfg.seed < 2**32:  # as numpy takes them
        raise UserError(f"seed must be a whole number from 0 to {2**32 - 1}, got {cfg.seed!r}")
    if not (hydra.sweep if hydra.mode == RunMode.MULTIRUN else hydra.run).dir:
        raise UserError("hydra.run.dir and hydra.sweep.dir name the folder of the run; an empty name is none")
    extensions.trust(cfg.trusted_packages)
    require_loss("monitor", cfg.monitor)
    if cfg.ckpt_path is None:
        if cfg.mode != "train":
            raise UserError(f"mode={cfg.mode} needs ckpt_path=<checkpoint>")
        config = _resolved(cfg, None, None, Path(cfg.run_dir))
        check_flags(config, [])
        record = _public_root(record_of(hydra.overrides.task, config, is_group), config)
        resolve = partial(_resolved, cfg, None, None)
        return Request(config, record, None, Path(cfg.run_dir), _named_by_time(cfg, hydra), resolve)
    path = Path(str(cfg.ckpt_path)).expanduser().absolute()
    named = _named(path, cfg)
    composed = _composed(named, cfg, hydra.overrides.task)
    transfers = cfg.mode == "transfer"
    resolve = partial(
        _resolved, composed, composed, origin(path) if transfers and named.path == path else named.transfer
    )
    config = resolve(Path(cfg.run_dir))
    check_flags(config, named.record.options())
    record = named.record.followed_by(record_of(hydra.overrides.task, config, is_group))
    if transfers:  # the recordings of the checkpoint decided the kind of inputs
        record = record.followed_by(Record(values={"data.inputs": config["data"]["inputs"]}))
    _check_model(named, config)
    folder, unique = _place(named, cfg, config, hydra)
    saved, source = (None, named if named.path == path else None) if transfers else (named, None)
    return Request(config, _public_root(record, config), saved, folder, unique, resolve, source)


def _named(path: Path, cfg: DictConfig) -> Saved:
    """The checkpoint that a command line names; where it is gone, the last one of the unfinished run that took it."""
    own = checkpoint(Path(cfg.run_dir), "last")
    if cfg.mode == "train":
        return read_latest(path, log)
    if cfg.mode == "transfer" and not path.exists() and own.is_file():
        saved = read_latest(own, log)
        if saved.transfer is not None and saved.transfer["checkpoint"] == str(path):
            return saved
    return read_saved(path)


def decisive(config: Mapping[str, Plain]) -> dict[str, Plain]:
    """The settings that determine a run's scores."""
    settings = {name: config.get(name) for name in _DECISIVE}
    settings["early_stopping"] = (config.get("callbacks") or {}).get("early_stopping")
    settings["score_test"] = config.get("score_test", True)
    settings["transfer"] = (config.get("transfer") or {}).get("sha256")
    settings["tested"] = config.get("ckpt_path") if config.get("mode") == "test" else None
    return settings


def other_settings(folder: Path, config: Config) -> str | None:
    """The difference between the run in a folder and a configuration; None if it is the same run."""
    if not (folder / CONFIG).is_file():
        return f"its {CONFIG} is missing"
    try:
        there = decisive(read_plain_yaml(folder / CONFIG))
    except AttributeError:
        return f"its {CONFIG} is not that of a run"
    for key, one, other in differences(there, decisive(config)):
        return f"{key} is {one!r:.60} there and {other!r:.60} here"
    return None


def _place(saved: Saved, cfg: DictConfig, config: Config, hydra: HydraConf) -> tuple[Path, bool]:
    """The output folder of a command that names a checkpoint, and whether another name would do as well."""
    asked = _renamed(Path(config["run_dir"]), cfg, config)
    by_hydra = any(override.startswith("hydra.run.dir=") for override in hydra.overrides.hydra)
    chosen = by_hydra or cfg.run_dir != hydra.runtime.output_dir
    if chosen or hydra.mode == RunMode.MULTIRUN or saved.run_dir is None or config["mode"] == "transfer":
        return asked, _named_by_time(cfg, hydra)
    if config["mode"] == "test":
        return saved.run_dir / EVALUATIONS / f"{saved.path.stem}-{safe_name(config['choices']['data'])}", True
    finished = (saved.run_dir / SCORES).is_file()
    if finished and not config["overwrite"] and other_settings(saved.run_dir, config) is not None:
        log.info("the run in %s is finished and stays as it is; this one goes on in %s", saved.run_dir, asked)
        return asked, True
    return saved.run_dir, False


def _renamed(folder: Path, cfg: DictConfig, config: Config) -> Path:
    """The folder under the name of the checkpoint's run, because Hydra named it before the checkpoint was read."""
    before = f"{cfg.choices.model}-{cfg.choices.data}-seed{cfg.seed}"
    name = safe_name(f"{config['choices']['model']}-{config['choices']['data']}-seed{config['seed']}")
    return folder.with_name(folder.name.removesuffix(before) + name) if folder.name.endswith(before) else folder


def _named_by_time(cfg: DictConfig, hydra: HydraConf) -> bool:
    if cfg.run_dir != hydra.runtime.output_dir:
        return False
    raw: Any = OmegaConf.to_container(hydra, resolve=False)
    return "${now:" in raw["sweep" if hydra.mode == RunMode.MULTIRUN else "run"]["dir"]


def _composed(saved: Saved, cfg: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The configuration of a checkpoint's run with this command line's overrides on top, from our own files.

    Returns:
        The configuration, with Hydra's own section.

    Raises:
        UserError: if the files have changed, or the content of the checkpoint is invalid.
    """
    _check_same_files(saved)
    given = keys_of(overrides)
    composed = _compose([*saved.record.options(), *overrides])
    saved.record.apply(composed, but=given)
    for name in OF_THIS_COMMAND:
        if name in cfg and name not in ("choices", "hydra"):
            composed[name] = cfg[name]
    missing = [key for key in saved.record.left_out if key not in given]
    if missing:
        log.warning("not restored, because a checkpoint names nothing to build: %s", ", ".join(missing))
    if cfg.mode == "transfer" and composed.data.inputs == "auto":
        composed.data.inputs = saved.spec.inputs
    return composed


def _check_model(saved: Saved, config: Config) -> None:
    """Refuse a command line that asks for another model than the checkpoint holds."""
    if config["data"]["signal"] not in (None, saved.spec.signal):
        raise UserError(f"the checkpoint was trained on {saved.spec.signal}; drop the override of data")
    for section in ("model", "likelihood"):
        if parts.recipe(config[section]) != getattr(saved, section):
            raise UserError(f"the checkpoint holds another {section} than the command line asks for; drop its override")


def _check_same_files(saved: Saved) -> None:
    """Refuse to continue if the defaults under ``conf`` are no longer those of the run."""
    composed = _compose(saved.record.options())
    saved.record.apply(composed, but=())
    composed.run_dir = None
    now = _resolved(composed, composed, saved.transfer, None)
    for key, then, today in differences(decisive(saved.settings), decisive(now)):
        if not any(key.startswith(left_out) for left_out in saved.record.left_out):
            raise UserError(
                f"{saved.path}: {key} was {then!r:.60} when this run began and is {today!r:.60} in the configuration "
                "of today; go on with the version that began it, or start anew"
            )


def _compose(options: Sequence[str]) -> DictConfig:
    return compose(HydraConfig.get().job.config_name, overrides=list(options), return_hydra_config=True)


def _resolved(cfg: DictConfig, hydra: DictConfig | None, transfer: Plain, run_dir: Path | None) -> Config:
    """The plain configuration of a run that writes into a folder.

    Args:
        cfg: Composed.
        hydra: Configuration with Hydra's own section, where interpolations look up the chosen options; None for that of
            the present job.
        transfer: The checkpoint whose shared weights the run takes; None if it takes none.
        run_dir: The folder.
    """
    cfg = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    cfg.run_dir = None if run_dir is None else str(run_dir)
    outer = HydraConfig.instance().cfg
    if hydra is not None:
        HydraConfig.instance().set_config(hydra)
    try:
        plain = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    finally:
        HydraConfig.instance().cfg = outer
    assert isinstance(plain, dict)
    return _settled({**{str(section): settings for section, settings in plain.items()}, "transfer": transfer})


def _settled(config: Config) -> Config:
    """A configuration whose paths of recordings do not depend on the working folder."""
    return {**config, "data": with_root(config["data"], _absolute)}


def _absolute(root: str) -> str:
    return root if not root or "://" in root else os.path.abspath(os.path.expanduser(root))


def _public_root(record: Record, config: Config) -> Record:
    """The record with a root of the recordings that is safe to save: credentials are left out."""
    if "data.root" not in record.values:
        return record
    return record.followed_by(Record(values={"data.root": with_root(config["data"], public)["root"]}))
