"""The one step of a build that ``pyproject.toml`` cannot say: ``conf/`` goes into the package."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfiguration(build_py):
    """Copies ``conf/``, of which the repository's root holds the only copy; an editable install reads it there."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            self.copy_tree("conf", str(Path(self.build_lib, "synapsnet", "conf")))


setup(cmdclass={"build_py": BuildWithConfiguration})
