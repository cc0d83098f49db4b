"""Every model tuned with equal budgets: trials chosen on validation, and the best of each tested once.

    python -m experiments.sweep.study --data <folder of recordings> [--trials 20] [--models lstm,lru]
        [--recordings spikes_m1] [--jobs 2] [--out <folder of runs>] [--quick]

Missing trials and runs are done; the same command with more trials goes on.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

from filelock import FileLock, Timeout

from experiments._study import (
    POLL_S,
    TINY,
    Job,
    Study,
    at_least_one,
    execute,
    folder_of,
    missing,
    parser_of,
    require_recordings,
    say,
    started,
    stopping,
    summarize_command,
    tiny,
)
from experiments.forecasting.study import BY_FORMULA, RECORDINGS, SEEDS
from experiments.sweep.search import Search
from experiments.sweep.spaces import SPACES
from synapsnet.data.training_command import quoted

STUDY = Study("sweep", lambda data: (), quick=(), recordings=tuple(RECORDINGS))  # its jobs depend on its trials
QUICK = ("mean", "nlinear", "lstm")
QUICK_TRIALS = 2
_PURPOSE = "Tune every model by the same number of trials on validation, and test the best of each."


def tested(n_trials: int) -> str:
    """Name of the folder of the runs that are tested after so many trials of each model."""
    return f"tested-after-{n_trials}"


def search_all(searches: Sequence[Search], n_trials: int, out: Path, n_parallel: int) -> bool:
    """Do the missing trials, those of one search one after the other.

    Returns:
        True if every search has all of its trials.
    """
    waiting = [search for search in searches if SPACES[search.model] and len(search.trials) < n_trials]
    running: dict[Popen[bytes], tuple[Search, Job, float]] = {}
    whole = True
    with stopping(running):
        while waiting or running:
            while waiting and len(running) < n_parallel:
                search = waiting.pop(0)
                job = search.next()
                running[started(job, STUDY.name, out)] = search, job, time.monotonic()
            time.sleep(POLL_S)
            for process, (search, job, start) in list(running.items()):
                search.watch(job, process)
                if process.poll() is None:
                    continue
                del running[process]
                search.watch(job, process)  # what it wrote last
                before, ended = len(search.trials), search.end(job, process.returncode)
                said = f"[{len(search.trials)}/{n_trials}] {search}: {ended}"
                say(f"{said} ({time.monotonic() - start:.0f} s) {' '.join(job.settings[-len(SPACES[search.model]) :])}")
                if len(search.trials) == before:
                    whole = False
                elif len(search.trials) < n_trials:
                    waiting.insert(0, search)
    return whole


def jobs_of(searches: Sequence[Search], n_trials: int) -> list[Job]:
    """The best settings of every search, tested with several seeds; a model without luck needs one."""
    jobs = []
    for search in searches:
        best = search.best(n_trials) if SPACES[search.model] else None
        if SPACES[search.model] and best is None:
            say(f"{search}: no trial was completed, so there is nothing to test")
            continue
        seeds = SEEDS[:1] if search.model in BY_FORMULA else SEEDS
        settings = (f"model={search.model}", *search.settings, *(best or ()), "score_test=true")
        jobs.append(Job(Path(tested(n_trials), search.model, search.recording), seeds, settings))
    return jobs


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Let one process at a time work on the trials in a folder; another would take the running ones for killed."""
    try:
        with FileLock(out / ".study.lock", timeout=0):
            yield
    except Timeout:
        sys.exit(f"error: another process works in {out}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is missing: trials first, then the runs that are tested.

    Returns:
        The exit code: 1 if a job failed or a model has no trial to choose, 130 if interrupted.
    """
    parser = parser_of(STUDY, "study", _PURPOSE)
    parser.add_argument("--trials", type=int, default=20, help="trials of each model (default: 20)")
    parser.add_argument("--models", default=",".join(SPACES), help="models (default: all)")
    parser.add_argument("--recordings", default="spikes_m1", help="recordings (default: spikes_m1)")
    parser.add_argument(
        "--jobs", type=at_least_one, default=2, help="parallel processes of one thread each (default: 2)"
    )
    options = parser.parse_args(arguments)
    n_trials = QUICK_TRIALS if options.quick else options.trials
    models = QUICK if options.quick else options.models.split(",")
    recordings = [] if options.quick else options.recordings.split(",")
    for name, of in (*((model, SPACES) for model in models), *((recording, RECORDINGS) for recording in recordings)):
        if name not in of:
            parser.exit(2, f"error: no {name} among {', '.join(of)}\n")
    if n_trials < 1:
        parser.exit(2, f"error: --trials must be above 0, got {n_trials}\n")
    require_recordings(parser, options, recordings)
    out = folder_of(STUDY, options)
    given = {name: (*RECORDINGS[name], f"data.root={quoted(str(options.data / name))}") for name in recordings}
    given |= {TINY: tiny(["mean"])[0].settings[1:]} if options.quick else {}
    out.mkdir(parents=True, exist_ok=True)
    with suppress(KeyboardInterrupt), alone(out):
        searches = [Search(model, name, settings, out) for name, settings in given.items() for model in models]
        say(f"{n_trials} trials of each of {len(searches)} searches in {out}")
        if not search_all(searches, n_trials, out, options.jobs):
            say("some trials are missing; the same command goes on")
            return 1
        jobs = jobs_of(searches, n_trials)
        failed = execute(missing(jobs, out), STUDY.name, out, options.jobs)
        if failed or len(jobs) < len(searches):
            say(f"{len(failed)} of {len(jobs)} tested jobs failed; the same command tries them again")
            return 1
        say(f"all runs are there; for tables: {summarize_command(STUDY, options)}")
        return 0
    say("interrupted; the same command goes on")
    return 130


if __name__ == "__main__":
    sys.exit(main())
