"""Forecast scores, accumulated over batches: sums in float64, per unit, then within and across sessions."""

from synapsnet.metrics.columns import Column
from synapsnet.metrics.families import column, columns, declared_columns, require_loss
from synapsnet.metrics.few import FEW, Few, footnotes, owned_by_few
from synapsnet.metrics.forecast import ForecastScores
from synapsnet.metrics.gains import TIE, against
from synapsnet.metrics.summary import summarize
from synapsnet.metrics.time_blocks import TimeBlocks

__all__ = [
    "FEW",
    "TIE",
    "Column",
    "Few",
    "ForecastScores",
    "TimeBlocks",
    "against",
    "column",
    "columns",
    "declared_columns",
    "footnotes",
    "owned_by_few",
    "require_loss",
    "summarize",
]
