"""The benchmark suite in one command.

    python -m experiments.benchmark.run [--parts throughput,startup] [--repeats 3] [--recording FILE] [--quick]

Contestants take turns. The table has medians over turns, and ratios of neighbours in the same turn. All but the parts
of a GPU is measured on the CPU, with one thread, in CPU seconds, which other work of the machine disturbs less than
seconds of a clock.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch

from experiments._study import PROJECT, say
from experiments.benchmark import arithmetic, curves, devices, fixed_score, gpu, loop, online, startup, throughput
from experiments.benchmark._kit import Plan, Table
from synapsnet.atomic import replacing
from synapsnet.experiment.guard import BAD_INPUT, report
from synapsnet.training.heap import keep_freed_memory

PARTS: Mapping[str, Callable[[Plan], Table]] = {
    "throughput": throughput.measured,
    "arithmetic": arithmetic.measured,
    "loop": loop.measured,
    "devices": devices.measured,
    "startup": startup.measured,
    "online": online.measured,
    "fixed_score": fixed_score.measured,
    "curves": curves.measured,
    "gpu": gpu.models,
    "gpu_precision": gpu.precisions,
    "gpu_units": gpu.sizes,
}
_OF_A_GPU = tuple(part for part in PARTS if part.startswith("gpu"))
_HEAD = """# Benchmark

Written by `python -m experiments.benchmark.run`. Medians over repeats in turns; a ratio is the median of the ratios of
neighbours in the same turn. The machine was shared with other jobs, so compare ratios rather than seconds.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure some parts and write their sections of the table; the other sections stay.

    Args:
        arguments: The command line.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="parts to measure (default: %(default)s)")
    parser.add_argument("--repeats", type=int, help="repeats of each measurement (default: 3, or 1 if --quick)")
    parser.add_argument("--recording", type=Path, help="one session of spike counts (default: the simulated demo)")
    for rival, code in throughput.OWN_CODE.items():
        parser.add_argument(
            f"--{rival}", type=Path, help=f"clone of {code.repository}, whose own code is run and timed"
        )
    parser.add_argument("--quick", action="store_true", help="try everything on a tiny simulated network")
    parser.add_argument("--out", type=Path, help="folder of the table (default: results/ here)")
    options = parser.parse_args(arguments)
    keep_freed_memory()  # for every contestant, as in training
    parts = options.parts.split(",")
    for part in parts:
        if part not in PARTS:
            parser.error(f"--parts: no {part} among {', '.join(PARTS)}")
    repeats = (1 if options.quick else 3) if options.repeats is None else options.repeats
    if repeats < 1:
        parser.error("--repeats must be above 0")
    if options.recording is not None and (options.quick or not options.recording.exists()):
        parser.error(f"--recording: {'--quick takes none' if options.quick else f'no {options.recording}'}")
    recording = None if options.recording is None else options.recording.resolve()
    clones = {rival: clone for rival in throughput.OWN_CODE if (clone := vars(options)[rival]) is not None}
    for rival, clone in clones.items():
        if not (clone / throughput.OWN_CODE[rival].file).is_file():
            parser.error(f"--{rival}: no {throughput.OWN_CODE[rival].file} in {clone}")
    plan = Plan(options.quick, repeats, recording, clones)
    default = PROJECT / ("outputs/benchmark_quick" if options.quick else "experiments/benchmark") / "results"
    table = (options.out or default) / "table.md"
    table.parent.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for part in parts:
        if part in _OF_A_GPU and not options.quick and not torch.cuda.is_available():
            say(f"{part}: not measured, because there is no GPU; if it was measured before, its section stays")
            _put(table, part, f"## `{part}`\nNot measured, because there was no GPU.", over=False)
            continue
        core = f"one thread of {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
        try:
            measured = PARTS[part](plan)
        except BAD_INPUT as error:
            return report(error)
        conditions = _conditions(plan, measured.device or core)
        say(section := f"## {measured.title}\n{measured.subject}; {conditions}\n\n{measured}\n")
        _put(table, part, section, over=True)
    return 0


def _conditions(plan: Plan, machine: str) -> str:
    turns = f"{plan.repeats} repeat{'s' * (plan.repeats > 1)} in turns"
    return f"{turns}; {machine}; torch {torch.__version__}{'; tiny, a trial' * plan.quick}"


def _put(table: Path, part: str, section: str, *, over: bool) -> None:
    """Write the section of a part into the table, over an older one or only where there is none; others stay."""
    old = table.read_text(encoding="utf-8") if table.exists() else ""
    sections = dict(piece.split(" -->\n", 1) for piece in old.split("<!-- ")[1:])
    sections[part] = section if over else sections.get(part, section)
    kept = (f"<!-- {name} -->\n{sections[name].strip()}\n" for name in PARTS if name in sections)
    with replacing(table) as partial:
        partial.write_text("\n".join([_HEAD, *kept]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
