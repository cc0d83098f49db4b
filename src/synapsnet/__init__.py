"""Forecast neuronal population activity and learn functional connectivity.

```python
import synapsnet as sn

session = sn.Session.from_arrays(counts, bin_width_s=0.02, behavior={"speed": speed})  # or sn.read("recording.nwb")
run = sn.fit("synapsnet", [session], seed=0)
run.scores
run.connectivity(session.session_id)
run.forecast(session)
```
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapsnet.errors import UserError
    from synapsnet.experiment.checkpoint import load
    from synapsnet.experiment.face import FittedRun, fit, read, read_all
    from synapsnet.results import Run
    from synapsnet.session import Session

__all__ = ["FittedRun", "Run", "Session", "UserError", "fit", "load", "read", "read_all"]
__version__ = version("synapsnet")

_PLACES = {
    "FittedRun": "experiment.face",
    "Run": "results",
    "Session": "session",
    "UserError": "errors",
    "fit": "experiment.face",
    "load": "experiment.checkpoint",
    "read": "experiment.face",
    "read_all": "experiment.face",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more: torch and lightning take seconds."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
