"""Statements of a release about itself."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[1]


def test_every_file_names_the_same_version():
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert str(yaml.safe_load((PROJECT / "CITATION.cff").read_text())["version"]) == version
    assert re.findall(r"^## \[(\d.*?)\]", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version


def locked(part):
    """Versions by package, and the lines that pin them."""
    text = (PROJECT / "locks" / f"{part}.lock").read_text()
    versions = {}
    for name, version, marker in re.findall(r"^([\w.-]+)==([^\s;]+)(.*)", text, re.MULTILINE):
        versions.setdefault(name, []).append((version, marker))
    return versions


def test_the_locks_pin_every_requirement_within_its_range():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pinned = locked("dev")
    for text in [*project["dependencies"], *extras["test"], *extras["lint"], *extras["sweep"]]:
        requirement = Requirement(text)
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version, _ in versions), text
    ((cpu_build, _),) = locked("cpu")["torch"]
    assert [version for version, _ in pinned["torch"]] == [cpu_build.partition("+")[0]]


@pytest.mark.parametrize("part", ["build", "cpu", "cuda", "dev"])
def test_a_lock_gives_hashes_and_names_no_host_and_no_folder(part):
    text = (PROJECT / "locks" / f"{part}.lock").read_text()
    entries = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == sum(map(len, locked(part).values()))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|^-|--(find-links|index|extra)|(^|[\s=])/\w", text, re.MULTILINE)


def test_every_locked_package_is_in_the_list_of_licences():
    table = (PROJECT / "LICENSES-dependencies.md").read_text()
    listed = dict(re.findall(r"^\| ([\w.-]+) \| (\d\S*) \|", table, re.MULTILINE))
    pinned = locked("build") | locked("dev")
    of_linux = {name for name, versions in pinned.items() if any("win32" not in marker for _, marker in versions)}
    assert set(listed) == of_linux
    assert all(listed[name] in [version for version, _ in pinned[name]] for name in listed)
