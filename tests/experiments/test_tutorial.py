"""The tutorial notebook runs, and shows what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command import in_new_process

NOTEBOOK = Path(__file__).resolve().parents[2] / "experiments" / "tutorial" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def notebook() -> dict[str, Any]:
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_it_runs_from_top_to_bottom_and_shows_what_it_says(notebook: dict[str, Any], tmp_path: Path) -> None:
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    (tmp_path / "tutorial.py").write_text("\n\n".join([*code, "print(len(plt.get_fignums()), 'figures')"]))
    done = in_new_process(tmp_path, "tutorial.py")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    bits = {line[:10].strip(): float(line[10:].split()[0]) for line in lines if "bits/spike" in line}
    assert bits["synapsnet"] > bits["own past"]
    (correlation,) = (float(line.rpartition(" ")[2]) for line in lines if line.startswith("correlation with the truth"))
    assert correlation > 0.6
    assert any(line.startswith("stopped at step") for line in lines)
    assert lines[-2:] == ["SynapsNet for ('demo',)", "2 figures"]


def test_it_is_kept_without_outputs(notebook: dict[str, Any]) -> None:
    assert not [cell for cell in notebook["cells"] if cell.get("outputs")]
