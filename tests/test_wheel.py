"""The package as ``pip install synapsnet`` gives it: a wheel in an environment of its own, used from another folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from command import write_recording

PROJECT = Path(__file__).resolve().parents[1]
BUILT_FROM = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "src", "conf")


def run(*command, cwd):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel, built from a copy so that nothing of an earlier build gets in."""
    folder = tmp_path_factory.mktemp("build")
    for name in BUILT_FROM:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", "dist", ".", cwd=folder)
    (path,) = (folder / "dist").glob("synapsnet-*.whl")
    return path


@pytest.fixture(scope="module")
def scripts(wheel, tmp_path_factory):
    """Folder of the programs of an environment that holds the wheel, and borrows what it depends on from this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    installed = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (installed / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    assert (installed / "synapsnet" / "conf" / "train.yaml").is_file()
    return python.parent


def test_the_wheel_holds_every_configuration_and_nothing_that_is_not_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    configurations = {f"synapsnet/conf/{path.relative_to(PROJECT / 'conf')}" for path in PROJECT.glob("conf/**/*.yaml")}
    assert configurations == {name for name in names if name.startswith("synapsnet/conf/")}
    assert {"synapsnet/py.typed", "synapsnet/report/page.css", "synapsnet/report/page.js"} <= names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"synapsnet"}


@pytest.mark.slow
def test_an_installed_package_trains_inspects_and_reports_from_another_folder(scripts, tmp_path):
    program = scripts / "synapsnet"
    module = run(scripts / "python", "-c", "import synapsnet; print(synapsnet.__file__)", cwd=tmp_path)
    assert Path(module.strip()).is_relative_to(scripts.parent)
    settings = ("debug=fast", "logger=csv", "trainer.accelerator=cpu", "seed=0,1", "hydra.sweep.dir=runs")
    assert "synapsnet" in run(program, "train", "-m", *settings, cwd=tmp_path)
    results = [json.loads(path.read_text()) for path in tmp_path.glob("runs/*/test_metrics.json")]
    assert {result["seed"] for result in results} == {0, 1}
    assert "simulated" in run(program, "report", "runs", cwd=tmp_path)
    write_recording(tmp_path / "mouse.npz")
    for command in ("inspect", "prepare"):
        assert " synapsnet train " in run(program, command, "mouse.npz", cwd=tmp_path)
