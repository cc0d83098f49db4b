"""The processes of ``trainer.devices=2`` and more: this one, and workers that repeat its command without a run folder.

Workers write nothing. They load the recordings themselves, start from the same checkpoint, train in step with this
process (see `synapsnet.training.together`), and leave when training ends, or when this process does. All other work,
such as finishing the model, scores and figures, is done by this process alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import Trainer
from torch import distributed

from synapsnet.errors import UserError
from synapsnet.experiment.build import Config, accelerator_of, refusing

WORKER = "SYNAPSNET_WORKER"
"""Name of the variable in the environment of a worker, which holds its `Place`."""
_BACKENDS = {"cpu": "gloo", "cuda": "nccl"}
_POLL_S, _PATIENCE_S = 0.05, 10.0


@dataclass(frozen=True)
class Place:
    """The place of a process in a crew.

    Attributes:
        rank: Its number; 0 is the process that was started by the user.
        devices: Type and number of every process's device, such as ``cuda:1``.
        threads: CPU threads of each process.
        folder: Folder in which the processes meet.
        checkpoint: Checkpoint from which all continue; None to start from scratch.
    """

    rank: int
    devices: tuple[str, ...]
    threads: int
    folder: str
    checkpoint: str | None

    @property
    def ready(self) -> Path:
        """Written once the process can train."""
        return Path(self.folder, f"ready{self.rank}")

    @property
    def log(self) -> Path:
        """Output of a worker."""
        return Path(self.folder, f"worker{self.rank}.log")

    def join(self) -> None:
        """Meet the other processes."""
        # Processes of one machine meet on its loopback interface, whatever its name in the network.
        loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
        torch.set_num_threads(self.threads)
        device = torch.device(self.devices[self.rank])
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group(
            _BACKENDS[device.type],
            init_method=(Path(self.folder) / "meeting").as_uri(),
            rank=self.rank,
            world_size=len(self.devices),
        )


def devices_of(trainer: Mapping[str, object]) -> tuple[str, ...]:
    """The device of every process that section ``trainer`` asks for.

    Raises:
        UserError: if several processes cannot train with these settings.
    """
    with refusing("trainer"):
        places: Any = {name: trainer[name] for name in ("devices", "num_nodes")}
        places["accelerator"] = accelerator_of(trainer["accelerator"])
        alone = LightningEnvironment()  # whatever a scheduler says of the tasks of its job
        asked = Trainer(**places, logger=False, enable_checkpointing=False, plugins=[alone])
    kind = asked.strategy.root_device.type
    if kind not in _BACKENDS:
        raise UserError(
            f"trainer.accelerator={trainer['accelerator']}: models are trained on the CPU or on GPUs of CUDA, because "
            f"finishing and scores need float64, which {kind} may not have; set trainer.accelerator=cpu"
        )
    devices = tuple(f"{kind}:{number}" for number in asked.device_ids)
    if asked.num_nodes > 1:
        raise UserError(f"trainer.num_nodes={asked.num_nodes}: a run takes one machine; start one run on each")
    if len(devices) == 1:
        return devices
    if trainer["max_time"] is not None:
        raise UserError(
            "trainer.max_time ends processes at different steps; with several devices, use trainer.max_steps"
        )
    return devices


def place_of_worker() -> Place | None:
    """The place of this process, if it is a worker."""
    if WORKER not in os.environ:
        return None
    place = json.loads(os.environ[WORKER])
    return Place(**{**place, "devices": tuple(place["devices"])})


@contextmanager
def crew(config: Config, checkpoint: Path | None) -> Iterator[None]:
    """Within the block, workers train with this process, if section ``trainer`` asks for several devices.

    Args:
        config: The resolved configuration.
        checkpoint: Checkpoint from which training continues; None to start from scratch.

    Raises:
        UserError: if a worker failed.
    """
    devices = devices_of(config["trainer"])
    if len(devices) == 1 or place_of_worker() is not None:
        yield
        return
    threads = torch.get_num_threads()
    folder = tempfile.mkdtemp(prefix="synapsnet-crew-")
    each = max(threads // len(devices), 1)
    first, *others = (
        Place(rank, devices, each, folder, None if checkpoint is None else str(checkpoint))
        for rank in range(len(devices))
    )
    workers = {place: _started(place) for place in others}
    try:
        _wait(workers)
        first.join()
        yield
        _let_end(workers)
    except RuntimeError as error:  # of a connection that broke
        _let_end(workers)
        _complain(workers, error)
        raise
    finally:
        for worker in workers.values():
            worker.kill()
            worker.communicate()
        if distributed.is_initialized():
            distributed.destroy_process_group()
        torch.set_num_threads(threads)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(workers: Mapping[Place, subprocess.Popen[bytes]]) -> None:
    """Wait until every worker can train."""
    while not all(place.ready.exists() for place in workers):
        _complain(workers, None)
        time.sleep(_POLL_S)


def _let_end(workers: Mapping[Place, subprocess.Popen[bytes]]) -> None:
    """Wait for workers that end by themselves."""
    for worker in workers.values():
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.wait(_PATIENCE_S)


def _complain(workers: Mapping[Place, subprocess.Popen[bytes]], cause: Exception | None) -> None:
    """Raise the error of a worker that ended, if there is one."""
    for place, worker in workers.items():
        if worker.poll() is not None and worker.returncode:
            said = place.log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            raise UserError(f"the process of {place.devices[place.rank]} ended: {said[-1]}") from cause


def _started(place: Place) -> subprocess.Popen[bytes]:
    """A worker that repeats the present job."""
    hydra = HydraConfig.get()
    sources = [of.path for of in hydra.runtime.config_sources if of.provider == "command-line"]
    search = [override for override in hydra.overrides.hydra if override.startswith("hydra.searchpath=")]
    command = [
        *(sys.executable, "-c", "import sys; from synapsnet.cli import main; sys.exit(main())", "train"),
        *(f"--config-dir={path}" for path in sources),
        *(*hydra.overrides.task, *search, f"hydra.run.dir='{place.folder}/run{place.rank}'"),
    ]
    environment = {
        **os.environ,
        WORKER: json.dumps(asdict(place)),
        "OMP_NUM_THREADS": str(place.threads),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    with place.log.open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,  # its end tells the worker that this process is gone
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # only this process receives Ctrl-C
        )
