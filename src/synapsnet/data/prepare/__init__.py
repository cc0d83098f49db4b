"""Recordings into session archives, once: `python -m synapsnet.data prepare SOURCE --out DIR`.

`command` finds the recordings, or has a public data set downloaded, `workers` convert them in parallel processes with
`convert`, and `folder` keeps what they wrote: archives that are whole, and a receipt of every recording, by which an
interrupted or repeated command knows what is done.
"""

from synapsnet.data.prepare.command import add_arguments, run

__all__ = ["add_arguments", "run"]
