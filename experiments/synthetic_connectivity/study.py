"""Networks whose connectivity is known, under every model."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments._study import Job, Study, main, say, tiny

FIRST_SEED = 100  # the generators were calibrated on seeds 0 to 9
METHODS_FROM = "var"  # model-free methods do not depend on the model, so only these runs compute them
METHODS = ("correlation", "lagged_correlation", "partial_correlation", "granger", "transfer_entropy")

IN_ALL = ("synapsnet", "var", "lasso_var")
BLACK_BOXES = ("lstm", "transformer")
SLOWEST = ("neuprint",)  # its Jacobian takes a minute
ATTENTION = ("netformer",)  # claims its mean attention


@dataclass(frozen=True)
class Row:
    """One simulated network under some models.

    Attributes:
        data: Its name in run folders and tables.
        overrides: Overrides of the configuration.
        n_seeds: Networks of the kind, by model.
        title: Title in figures and tables; None for a level of a degradation curve that the table leaves out.
    """

    data: str
    overrides: tuple[str, ...]
    n_seeds: dict[str, int]
    title: str | None


@dataclass(frozen=True)
class Curve:
    """Recovery against the level of a degradation.

    Attributes:
        name: Name of the degradation.
        label: Label of the axis.
        levels: The rows by level; some are also rows of the table.
        logarithmic: True if levels are spaced by their ratios.
    """

    name: str
    label: str
    levels: dict[float, str]
    logarithmic: bool = False


def _seeds(models: tuple[str, ...], n: int) -> dict[str, int]:
    return dict.fromkeys(models, n)


CURVE_SEEDS = range(FIRST_SEED, FIRST_SEED + 3)  # also of reused rows, so that levels share their networks
_THREE = _seeds(IN_ALL, len(CURVE_SEEDS))
_SPIKES = _THREE | _seeds(("glm",), 3)
_WITH_ATTENTION = _SPIKES | _seeds(ATTENTION, 3)
_EVERY = _WITH_ATTENTION | _seeds(BLACK_BOXES, 3) | _seeds(SLOWEST, 2)
_BASE = "data/network=rate_heterogeneous"
_LARGE = ("data/network=spiking", "data.network.n_units=1000", "data.network.duration_s=3600")

TABLE = (
    Row("rate", ("data/network=rate",), _THREE, "sparse tanh network"),
    Row("rate_heterogeneous", (_BASE,), _EVERY, "heterogeneous time constants"),
    Row("short", (_BASE, "data/degradation=[short]"), _THREE, "heterogeneous, 1500 bins"),
    Row("spiking", ("data/network=spiking",), _WITH_ATTENTION, "Poisson spiking"),
    Row("calcium", (_BASE, "data/degradation=[calcium]"), _THREE, "heterogeneous, calcium, 20 % noise"),
    Row("hidden", (_BASE, "data/degradation=[hidden]"), _THREE, "heterogeneous, 50 % hidden"),
    Row("common_drive", (_BASE, "data.network.common_drive=1.0"), _THREE, "heterogeneous, common drive"),
    Row("ring", ("data/network=ring",), _THREE, "ring attractor"),
    Row("lif", ("data/network=lif",), _SPIKES, "leaky integrate-and-fire"),
    Row("nest", ("data/network=nest",), _SPIKES, "NEST, integrate-and-fire"),
    Row("spiking_1000", _LARGE, _seeds(("synapsnet", "lasso_var"), 1), "Poisson spiking, 1000 units, 60 minutes"),
)  # fmt: skip

_LEVELS = (
    *((f"hidden-{x}", (_BASE, "data/degradation=[hidden]", f"data.degradation.hidden.fraction={x}"))
      for x in (0.25, 0.75)),
    *((f"noise-{x}", (_BASE, "data/degradation=[calcium]", f"data.degradation.calcium.noise_fraction={x}"))
      for x in (0.0, 0.1, 0.5, 1.0)),
    *((f"bins-{n}", (_BASE, f"data.network.duration_s={n * 0.02:g}")) for n in (1000, 2000, 10000)),
    *((f"common_drive-{x}", (_BASE, f"data.network.common_drive={x}")) for x in (0.5, 2.0)),
    *((f"skip-{k}", (_BASE, "data/degradation=[skip_frames]", f"data.degradation.skip_frames.every={k}"))
      for k in (2, 3)),
)  # fmt: skip
ROWS = (*TABLE, *(Row(data, overrides, _THREE, None) for data, overrides in _LEVELS))

CURVES = (
    Curve(
        "hidden", "share of units hidden",
        {0.0: "rate_heterogeneous", 0.25: "hidden-0.25", 0.5: "hidden", 0.75: "hidden-0.75"},
    ),
    Curve(
        "noise", "noise of the calcium signal / its sd",
        {0.0: "noise-0.0", 0.1: "noise-0.1", 0.2: "calcium", 0.5: "noise-0.5", 1.0: "noise-1.0"},
    ),
    Curve(
        "bins", "bins recorded",
        {1000: "bins-1000", 2000: "bins-2000", 5000: "rate_heterogeneous", 10000: "bins-10000"}, logarithmic=True,
    ),
    Curve(
        "common_drive", "common drive / noise",
        {0.0: "rate_heterogeneous", 0.5: "common_drive-0.5", 1.0: "common_drive", 2.0: "common_drive-2.0"},
    ),
    Curve("skip", "every k-th bin recorded", {1: "rate_heterogeneous", 2: "skip-2", 3: "skip-3"}),
)  # fmt: skip


def expected_seeds(row: Row, method: str) -> int:
    """Networks to score a model, or a model-free method, on."""
    return row.n_seeds.get(METHODS_FROM if method in METHODS else method, 0)


def _job(row: Row, model: str) -> Job:
    seeds = range(FIRST_SEED, FIRST_SEED + row.n_seeds[model])
    given = ("data=simulated", *row.overrides, f"data.name={row.data}", f"model={model}", _methods(model))
    return Job(Path(model, row.data), tuple(seeds), given)


def _methods(model: str) -> str:
    return f"method=[{','.join(METHODS if model == METHODS_FROM else ())}]"


def jobs(data: Path) -> Sequence[Job]:
    """Every model on every network; the networks of the table first, of these the slowest models last."""
    rows = ROWS
    if importlib.util.find_spec("nest") is None:
        say('left out: the network nest, because NEST is not installed (pip install "synapsnet[nest]")')
        rows = tuple(row for row in ROWS if row.data != "nest")
    found = [(row, model) for row in rows for model in row.n_seeds]
    found.sort(key=lambda pair: (pair[0] not in TABLE, pair[1] in (*BLACK_BOXES, *SLOWEST)))
    return [_job(row, model) for row, model in found]


STUDY = Study("synthetic_connectivity", jobs, quick=[job for model in _EVERY for job in tiny([model], _methods(model))])

if __name__ == "__main__":
    sys.exit(main(STUDY))
