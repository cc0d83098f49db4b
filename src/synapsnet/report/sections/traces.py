"""Recorded and forecast activity of a few units at the start of the test split."""

from __future__ import annotations

import math
from collections.abc import Sequence

from synapsnet.errors import UserError
from synapsnet.report.comparison import Block
from synapsnet.report.html import Html, folded, join, paragraph, plot
from synapsnet.results import Run
from synapsnet.results.traces import Traces
from synapsnet.viz.interactive.traces import TRACE_HEIGHT, traces

_MOST_SESSIONS, _MOST_BINS = 2, 300
_LEGEND = f"""Forecasts one bin ahead, of units from the best forecast to the poorest: at most {_MOST_BINS} bins at \
the start of the test split, of the lowest seed of each model and of its first {_MOST_SESSIONS} sessions."""
_NONE = "No run has traces: runs without callbacks.figures, and those of earlier versions, leave no traces.npz."


def traces_section(blocks: Sequence[Block]) -> Html:
    """A figure for every model, recording and session."""
    made: list[Html] = []
    without: list[str] = []
    for block in blocks:
        for row in block.ranked:
            title = f"{row.name} on {block.title}"
            drawn = _drawn(row.runs[0])
            made += [folded(title, drawn, open_=not made)] if drawn else []
            without += [] if drawn else [title]
    if not made:
        return paragraph(
            "No run has traces: runs of callbacks.figures=null and of earlier versions leave no traces.npz."
        )
    left = paragraph(f"No traces: {', '.join(without)}.") if without else Html()
    return join(paragraph(_LEGEND, class_="legend"), *made, left)


def _drawn(run: Run) -> Html:
    if not run.has_traces:
        return Html()
    try:
        sessions = run.traces
    except UserError as error:
        return paragraph(error)
    shown = [_session(session) for session in sessions[:_MOST_SESSIONS]]
    more = len(sessions) - len(shown)
    return join(*shown, paragraph(f"{more} more sessions are not drawn.") if more else "")


def _session(session: Traces) -> Html:
    scored = zip(session.places, session.unit_ids, session.pearson_r.tolist(), strict=True)
    titles = [f"{place}: {unit}" + ("" if math.isnan(r) else f", r = {r:.2f}") for place, unit, r in scored]
    figure = traces(
        session.recorded[:_MOST_BINS],
        session.forecast[:_MOST_BINS],
        titles,
        start_s=session.start_s,
        bin_width_s=session.bin_width_s,
    )
    label = f"Recorded and forecast activity of {session.session_id}"
    return join(paragraph(session.session_id), plot(figure, label, 70 + TRACE_HEIGHT * len(titles)))
