"""Write the lock files under ``locks/``: every package that development needs, with its version and hashes.

    python .ci/lock.py [--upgrade]      (in an environment with uv: pip install uv)

``build.lock`` holds what builds packages, ``cuda.lock`` the libraries that torch from PyPI needs on Linux, and
``dev.lock`` all else. They hold for every system and for Python 3.11 to 3.13. Versions that still satisfy
pyproject.toml are kept unless ``--upgrade`` asks for the newest. ``cpu.lock``, a build of torch that needs no CUDA and
is not on PyPI, is kept by hand: its hash is that of the file which was installed and tested.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LOCKS = PROJECT / "locks"
PARTS = {"build": "setuptools$", "cuda": "(nvidia|cuda)-|triton$", "dev": ""}
HEAD = "# Made by .ci/lock.py, which says what this is.\n"
COMMAND = ("uv", "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "-q")
EXTRAS = ("--extra", "test", "--extra", "lint", "--extra", "sweep")


def main() -> None:
    """Resolve, part, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pyproject.toml admits")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    with tempfile.TemporaryDirectory() as folder:
        resolved = Path(folder) / "all.lock"  # uv keeps the versions that it finds in it
        resolved.write_text("".join(path.read_text() for part in PARTS if (path := LOCKS / f"{part}.lock").is_file()))
        command = [*COMMAND, *EXTRAS, *upgrade, "--output-file", str(resolved), "pyproject.toml"]
        subprocess.run(command, cwd=PROJECT, check=True)
        packages = re.split(r"^(?=\S)", resolved.read_text(), flags=re.MULTILINE)
    parts: dict[str, str] = dict.fromkeys(PARTS, HEAD)
    for package in packages:
        name = package.partition("==")[0]
        parts[next(part for part, pattern in PARTS.items() if re.match(pattern, name))] += package
    LOCKS.mkdir(exist_ok=True)
    for part, text in parts.items():
        (LOCKS / f"{part}.lock").write_text(text)


if __name__ == "__main__":
    main()
