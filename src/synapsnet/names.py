"""Names by which parts of the package that do not import each other know a run folder or a sweep."""

RUN_MARKER = ".synapsnet-run"
"""In every run folder: the file that a run locks, by which readers of recordings know to pass the folder over."""

SWEEP_NOTES = "SYNAPSNET_SWEEP"
"""In the environment of every job of a sweep: the folder of the notes that the jobs leave."""
