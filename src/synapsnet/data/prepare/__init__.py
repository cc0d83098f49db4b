"""Convert recordings into session archives, once: `python -m synapsnet.data prepare SOURCE --out DIR`.

`command` finds the recordings or downloads a public data set. `workers` convert them in parallel processes with
`convert`. `folder` stores complete archives and a receipt for every recording, so that an interrupted or repeated
command can continue.
"""

from synapsnet.data.prepare.command import add_arguments, run

__all__ = ["add_arguments", "run"]
