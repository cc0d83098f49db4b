"""Names of files by which parts of the package that do not import each other know a run folder."""

RUN_MARKER = ".synapsnet-run"
"""In every run folder: the file that a run locks, by which readers of recordings know to pass the folder over."""

STAGE = ".results"
"""Folder within a run folder in which results gather, until all of them are moved into place at once."""
