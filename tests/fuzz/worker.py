"""Tries of the fuzzer in a process of their own, because a try may crash it: ``worker.py WHOLE SCRATCH [-v]``.

Numbers of tries come from standard input, one in a line. Each try prints its number before it starts, and after it a
line of JSON if it failed.
"""

from __future__ import annotations

import json
import logging
import random
import resource
import shutil
import sys
import traceback
import warnings
from pathlib import Path

MEMORY = 0.05
"""Gigabytes that a recording may take."""
_MOST_BYTES = 8 * 2**30
_RARE = {"mat": 0.05, "cnmfe_mat": 0.05, "nwb": 0.3, "mat73": 0.5, "checkpoint": 0.5}
"""Weights of slow inputs; that of others is 1."""


def attempt(whole: Path, seed: int, folder: Path) -> str:
    """Damage a copy of one input as a seed says, and read it.

    Args:
        whole: Folder with a folder of each input.
        seed: Number of the try.
        folder: Folder of the copy; what is in it is lost.

    Returns:
        Name of the input, and the line of the refusal, if there was one.
    """
    from fuzz.mutations import mutated

    from synapsnet.errors import UserError

    chance = random.Random(seed)
    names = sorted(path.name for path in whole.iterdir())
    (name,) = chance.choices(names, [_RARE.get(name, 1.0) for name in names])
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole / name, folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(chance.choice((1, 1, 1, 2))):
        mutated(chance, chance.choice(files))
    try:
        _read(name, folder)
    except UserError as refusal:
        told = str(refusal)
    else:
        told = "read"
    assert len(told.splitlines()) == 1, told
    return f"{name}: {told}"


def _read(name: str, folder: Path) -> None:
    from synapsnet.data.readers import iterate_sessions
    from synapsnet.experiment import load
    from synapsnet.results import Run

    if name == "checkpoint":
        load(folder / "last.ckpt")
    elif name == "config":
        _ = Run(folder).config
    else:
        assert list(iterate_sessions(folder, bin_width_s=0.1, strict=True, named=None, max_memory=MEMORY))


def main(whole: Path, tries: list[int], scratch: Path) -> None:
    """Run the tries of these numbers."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=PendingDeprecationWarning)
    logging.disable()
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    for seed in tries:
        print(seed, flush=True)
        try:
            told = attempt(whole, seed, scratch / "copy")
            if "-v" in sys.argv:
                print(f"  {told}", flush=True)
        except Exception as error:
            tail = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(tail.filename).name}:{tail.lineno}"
            own = [f for f in traceback.extract_tb(error.__traceback__) if "synapsnet" in f.filename][-1:]
            near = [f"{Path(f.filename).name}:{f.lineno}" for f in own]
            print(json.dumps(f"{type(error).__name__} at {place} {near}: {error}"), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(line) for line in sys.stdin], Path(sys.argv[2]))
