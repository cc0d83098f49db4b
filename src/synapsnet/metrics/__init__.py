"""Forecast scores, accumulated over batches: sums in float64, per unit, then within and across sessions."""

from synapsnet.metrics.columns import Column
from synapsnet.metrics.families import column, columns, declared_columns
from synapsnet.metrics.few import FEW, Few, footnotes, owned_by_few
from synapsnet.metrics.forecast import ForecastScores
from synapsnet.metrics.gains import against
from synapsnet.metrics.summary import summarize

__all__ = [
    "FEW",
    "Column",
    "Few",
    "ForecastScores",
    "against",
    "column",
    "columns",
    "declared_columns",
    "footnotes",
    "owned_by_few",
    "summarize",
]
