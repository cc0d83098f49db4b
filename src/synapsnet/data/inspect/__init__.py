"""The content of a recording at a glance: `python -m synapsnet.data inspect PATH`.

`facts` measures a session, `outlook` finds what training would take of it, `text` prints both, and `command` goes
through the recordings at a path and draws them.
"""

from synapsnet.data.inspect.command import add_arguments, run

__all__ = ["add_arguments", "run"]
