"""The kit of all studies: their jobs, and the command for the missing runs, called from the root of the project.

python -m experiments.STUDY.study --data <folder of recordings> [--jobs 2] [--out <folder of runs>] [--quick]
[--only <recording>], where the tables treat recordings apart
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from synapsnet.errors import UserError
from synapsnet.results import Run
from synapsnet.results.files import SCORES

PROJECT = Path(__file__).resolve().parents[1]
TINY = "tiny"
_OF_TINY = (
    "data=simulated",
    f"data.name={TINY}",
    "data.network_seed=0",  # one network, whatever the seed of a fit
    "data.network.n_units=8",
    "data.network.duration_s=40",
)
_STUDY = "Do the missing runs of a study. Finished runs are kept, and unfinished ones are continued."
POLL_S = 0.1  # between two looks at the running processes
_PATIENCE_S = 60.0  # until a process that was asked to stop is killed


@dataclass(frozen=True)
class Job:
    """One model on one recording: a process that does one run per seed.

    Attributes:
        folder: Folder of its runs inside the study's folder, ``<model>/<recording>``; each run is in ``seed<k>`` there.
        seeds: Seeds of the runs.
        settings: Overrides for ``train.py``; ``{before}`` stands for the folder of the run that is done first.
        before: Folder of the job whose run of its first seed is done first; None for a job that needs none.
    """

    folder: Path
    seeds: tuple[int, ...]
    settings: tuple[str, ...]
    before: Path | None = None

    @property
    def recording(self) -> str:
        """Name of the recording: that of the folder, without what follows a hyphen, such as a part."""
        return self.folder.name.partition("-")[0]

    def __str__(self) -> str:
        return f"{self.folder}, seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}"


@dataclass(frozen=True)
class Study:
    """The parts of a study.

    Attributes:
        name: Name of its folder here, and of its file in ``conf/experiment``.
        jobs: All jobs, from the folder of the recordings.
        quick: Jobs of ``--quick``, see `tiny`.
        recordings: Subfolders that the folder of recordings must contain.
        runs_of: Name of the study whose runs it takes, and whose missing runs it does; None if it has its own.
        by_recording: True if its tables and texts treat recordings apart, by the column ``data`` and by headings. Then
            those of a recording without runs stay as they were, and ``table.md`` says so.
    """

    name: str
    jobs: Callable[[Path], Sequence[Job]]
    quick: Sequence[Job]
    recordings: tuple[str, ...] = ()
    runs_of: str | None = None
    by_recording: bool = False

    @property
    def runs(self) -> str:
        """Name of the study whose runs it takes."""
        return self.runs_of or self.name


def tiny(models: Iterable[str], *settings: str, suffix: str = "") -> list[Job]:
    """One job for every model on a simulated network of 8 units."""
    given = (*_OF_TINY, "trainer.max_steps=10", *settings)
    return [Job(Path(model, f"{TINY}{suffix}"), (0,), (f"model={model}", *given)) for model in models]


def missing(jobs: Iterable[Job], out: Path) -> list[Job]:
    """The jobs, each with only the seeds that have no results yet."""
    left = []
    for job in jobs:
        seeds = tuple(seed for seed in job.seeds if not (out / job.folder / f"seed{seed}" / SCORES).is_file())
        left += [replace(job, seeds=seeds)] if seeds else []
    return left


def execute(jobs: Sequence[Job], study: str, out: Path, n_parallel: int) -> list[Job]:
    """Run jobs side by side, one thread each; an interruption asks the running ones to stop.

    The output of a job is in ``job.log`` next to its run folders.

    Returns:
        The jobs that failed.
    """
    waiting, failed = list(enumerate(jobs, 1)), []
    running: dict[subprocess.Popen[bytes], tuple[int, Job, float]] = {}
    with stopping(running):
        while waiting or running:
            while waiting and len(running) < n_parallel:
                number, job = waiting.pop(0)
                running[started(job, study, out)] = number, job, time.monotonic()
            time.sleep(POLL_S)
            for process in [process for process in running if process.poll() is not None]:
                number, job, start = running.pop(process)
                outcome = "done" if process.returncode == 0 else f"FAILED, see {out / job.folder / 'job.log'}"
                say(f"[{number}/{len(jobs)}] {job}: {outcome} ({time.monotonic() - start:.0f} s)")
                failed += [job] if process.returncode else []
    return failed


@contextmanager
def stopping(running: Collection[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does; whatever ends it, ask the processes that still run to stop."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        for process in running:
            process.terminate()  # it saves its state
        for process in running:
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        signal.signal(signal.SIGTERM, before)


def started(job: Job, study: str, out: Path) -> subprocess.Popen[bytes]:
    """Start the process of a job, with the settings ``conf/experiment/<study>.yaml``."""
    folder = out / job.folder
    folder.mkdir(parents=True, exist_ok=True)
    settings = [*job.settings, f"seed={','.join(map(str, job.seeds))}"]
    if job.before is not None:
        before = str(out / job.before / "seed0")
        settings = [setting.replace("{before}", before) for setting in settings]
    place = (f"hydra.sweep.dir='{folder}'", "hydra.sweep.subdir=seed${seed}")
    with (folder / "job.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "train.py", "-m", f"experiment={study}", "logger=csv", *settings, *place],
            cwd=PROJECT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # only this process receives Ctrl-C
        )


def add_to_runs(out: Path, recordings: Iterable[str], seed: int, file: str, write: Callable[[Run], None]) -> None:
    """Write a file into every run of one seed that lacks it, one run after the other."""
    for recording in (*recordings, TINY):
        for folder in sorted(out.glob(f"*/{recording}/seed{seed}")):
            if not (folder / file).is_file():
                say(f"{file} of {folder}")
                write(Run(folder))


def at_least_one(text: str) -> int:
    """The number of an argument, which must be above 0."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"must be above 0, got {number}")
    return number


def say(line: str) -> None:
    """Print one line at once, also to a pipe."""
    print(line, flush=True)


def main(study: Study, arguments: Sequence[str] | None = None, *, then: Callable[[Path], None] | None = None) -> int:
    """Do the missing runs of a study.

    Args:
        study: The study.
        arguments: The command line.
        then: Further work on the folder of runs, once all of them are complete.

    Returns:
        The exit code: 1 if a job failed, 130 if interrupted.
    """
    parser = parser_of(study, "study", _STUDY)
    parser.add_argument(
        "--jobs", type=at_least_one, default=2, help="parallel processes of one thread each (default: 2)"
    )
    if study.by_recording:
        parser.add_argument("--only", nargs="+", choices=study.recordings, help="only the runs of these recordings")
    options = parser.parse_args(arguments)
    out = folder_of(study, options)
    only = vars(options).get("only")
    require_recordings(parser, options, only or study.recordings)
    jobs = [job for job in jobs_of(study, options) if not only or job.recording in only]
    left = missing(jobs, out)
    say(f"{_n_runs(left)} of {_n_runs(jobs)} runs to do in {out}")
    with suppress(KeyboardInterrupt):
        rounds = [[job for job in left if (job.before is None) is first] for first in (True, False)]
        failed = execute(rounds[0], study.runs, out, options.jobs) or execute(rounds[1], study.runs, out, options.jobs)
        if failed:
            say(f"{len(failed)} of {len(left)} jobs failed; the same command tries them again")
            return 1
        try:
            if then is not None:
                then(out)
        except UserError as error:
            parser.exit(2, f"error: {error}\n")
        say(f"all runs are there; for tables and figures: {summarize_command(study, options)}")
        return 0
    say("interrupted; the same command goes on")
    return 130


def require_recordings(parser: argparse.ArgumentParser, options: argparse.Namespace, recordings: Iterable[str]) -> None:
    """End the program in one line if the folder of the recordings lacks one; ``--quick`` needs none."""
    for name in () if options.quick else recordings:
        if options.data is None or not (options.data / name).exists():
            fault = f"{options.data} has no {name};" if options.data else "--data is missing:"
            parser.exit(2, f"error: {fault} --data names the folder of the recordings\n")


def parser_of(study: Study, module: str, purpose: str) -> argparse.ArgumentParser:
    """The options that all commands of studies share."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{study.name}.{module}", description=purpose)
    parser.add_argument("--data", type=lambda text: Path(text).resolve(), help="folder of the recordings")
    parser.add_argument("--out", type=Path, help=f"folder of the runs (default: outputs/{study.runs})")
    parser.add_argument("--quick", action="store_true", help="try everything on a tiny simulated network")
    return parser


def folder_of(study: Study, options: argparse.Namespace) -> Path:
    """The folder of the runs."""
    folder: Path = options.out or PROJECT / "outputs" / f"{study.runs}{'_quick' * options.quick}"
    return folder.resolve()


def summarize_command(study: Study, options: argparse.Namespace) -> str:
    """The command that makes the tables of the runs that a command did."""
    where = ["--quick"] * options.quick + ([] if options.out is None else ["--out", str(options.out)])
    return shlex.join(["python", "-m", f"experiments.{study.name}.summarize", *where])


def jobs_of(study: Study, options: argparse.Namespace) -> Sequence[Job]:
    """The jobs that a command asks for."""
    return study.quick if options.quick else study.jobs(options.data or Path())


def _n_runs(jobs: Iterable[Job]) -> int:
    return sum(len(job.seeds) for job in jobs)
