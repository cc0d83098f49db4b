"""A process that trains in step with the one that the user started, see `synapsnet.experiment.crew`."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from synapsnet.experiment.build import build_data, build_trainer
from synapsnet.experiment.checkpoint import read_saved
from synapsnet.experiment.crew import Place
from synapsnet.experiment.request import Request
from synapsnet.experiment.train import build_datamodule, build_module


def work(place: Place, request: Request) -> None:
    """Train in step with the other processes; nothing is written."""
    threading.Thread(target=_leave_with_the_first, daemon=True).start()
    config = request.in_folder(Path(place.folder))
    saved = None if place.checkpoint is None else read_saved(Path(place.checkpoint))
    data = build_data(config["data"], trust=config["trusted_packages"])
    source = request.source if saved is None else None
    module = build_module(config, data, saved, source, {})
    callbacks = {name: of for name, of in (config["callbacks"] or {}).items() if name == "early_stopping"}
    trainer = build_trainer(config["trainer"], callbacks, [], Path(place.folder), rank=place.rank)
    place.ready.touch()
    place.join()
    trainer.fit(module, datamodule=build_datamodule(config, data, module.model), ckpt_path=place.checkpoint)


def _leave_with_the_first() -> None:
    """Wait for the end of the first process, and leave at once, whatever this process waits for."""
    os.read(sys.stdin.fileno(), 1)  # a read by sys.stdin would hold a lock that the end of Python wants
    os._exit(1)
