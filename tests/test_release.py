"""What a release says of itself."""

import re
import tomllib
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]


def test_every_file_names_the_same_version():
    version = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert str(yaml.safe_load((PROJECT / "CITATION.cff").read_text())["version"]) == version
    assert re.findall(r"^## \[(\d.*?)\]", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version
