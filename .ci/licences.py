"""Write the licences of all locked packages, as they state them themselves, as a table.

python .ci/licences.py > LICENSES-dependencies.md     (in an environment made from the locks, on Linux)
"""

import re
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

LOCKS = Path(__file__).resolve().parents[1] / "locks"
HEAD = """\
# Licences of dependencies

Made by `.ci/licences.py` from what the packages of `locks/build.lock` and `locks/dev.lock` state. synapsnet copies none
of their code. torch from PyPI also installs the CUDA libraries of `locks/cuda.lock` on Linux, under NVIDIA's terms.

| package | version | licence |
| --- | --- | --- |"""


def main() -> None:
    """Print the table."""
    locked = "".join((LOCKS / f"{part}.lock").read_text() for part in ("build", "dev"))
    print(HEAD)
    for name, version in sorted(re.findall(r"^([\w.-]+)==([^\s;]+)", locked, re.MULTILINE)):
        try:
            stated = metadata(name)
        except PackageNotFoundError:
            continue  # of another system
        if stated["Version"].partition("+")[0] == version:  # a name is locked once for each range of Pythons
            print(f"| {name} | {version} | {licence(stated)} |")


def licence(stated: PackageMetadata) -> str:
    """The licence as an expression, by classifier, or by its first line."""
    classifiers = [value.split(" :: ")[-1] for value in stated.get_all("Classifier", []) if value.startswith("License")]
    text = str(stated.get("License") or "").strip()
    return stated.get("License-Expression") or "; ".join(classifiers) or text.partition("\n")[0] or "not stated"


if __name__ == "__main__":
    main()
