"""The folder that a run leaves behind: the names of its files, and their readers and writers."""

from synapsnet.results.connectivity import Connectivity
from synapsnet.results.run import Run, runs

__all__ = ["Connectivity", "Run", "runs"]
