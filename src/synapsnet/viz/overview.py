"""A session at a glance."""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from synapsnet.session import Session
from synapsnet.viz.condensed import Condensed, condensed
from synapsnet.viz.style import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    LABEL_SIZE,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    TICK_SIZE,
    VERMILION,
    heading,
    literal,
    new_figure,
    shown_unit,
    tidy,
    title,
)

MOST_TASKS, MOST_SERIES, MOST_SEGMENTS = 12, 8, 1200
LEAST_REGION = 0.035  # fraction of the raster's height; names of smaller regions would overlap
TRACE_GAP = 6.0  # standard deviations between traces of behavior, which are clipped at half of this
N_BARS = 24
LEAST_SEGMENTS = 5  # least number of segments for a histogram of their lengths
LEAST_RATIO = 20.0  # least ratio of the largest to the smallest value for a logarithmic axis
TASK_COLORS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
_UNITS_OF_TIME = ((7200.0, 3600.0, "h"), (900.0, 60.0, "min"), (0.0, 1.0, "s"))


def draw_overview(session: Session) -> Figure:
    """Activity of every unit over the whole recording, with tasks and segments above it, and behavior below.

    If there are more bins than columns of pixels, a column shows the mean of several bins, and the title says how many;
    likewise for units and rows. Units are grouped by region if there are several. Within a region, spiking units are
    sorted by rate, and calcium by the first principal component, which groups units with similar activity.

    Args:
        session: The session; it is neither changed nor copied.
    """
    drawn = condensed(session)
    seconds, unit = next((s, name) for least, s, name in _UNITS_OF_TIME if drawn.edges_s[-1] >= least)
    edges = drawn.edges_s / seconds
    bars = _bars(session)
    series = drawn.varying[:MOST_SERIES]
    heights = {"bars": 0.22 * len(bars), "raster": 4.2, "population": 1.2, "behavior": 0.35 + 0.4 * len(series)}
    shown = [name for name in heights if name not in ("bars", "behavior") or (bars if name == "bars" else series)]
    figure = new_figure(12.0, 1.6 + sum(heights[name] for name in shown))
    grid = figure.add_gridspec(len(shown), 2, width_ratios=[1.0, 0.26], height_ratios=[heights[name] for name in shown])
    rows: dict[str, Axes] = {}
    for place, name in enumerate(shown):
        rows[name] = figure.add_subplot(grid[place, 0], sharex=next(iter(rows.values()), None))
    if bars:
        _draw_bars(rows["bars"], bars, session.bin_width_s / seconds)
    _draw_raster(figure, rows["raster"], drawn, edges, session)
    _draw_population(rows["population"], drawn, edges, session)
    if series:
        _draw_behavior(rows["behavior"], drawn, edges, session)
    for name in shown[:-1]:
        rows[name].tick_params(labelbottom=False)
    last = rows[shown[-1]]
    last.set_xlabel(f"{'time' if len(session.segments) == 1 else 'recorded time, breaks not to scale'} ({unit})")
    last.set_xlim(0.0, edges[-1])
    # A separate grid, so that its labels do not push the rows apart.
    right = grid[shown.index("raster") :, 1].subgridspec(2, 1, height_ratios=[1.5, 1.0])
    _draw_sizes(figure.add_subplot(right[0]), drawn, session)
    if len(session.segments) >= LEAST_SEGMENTS and np.ptp(session.segments[:, 1] - session.segments[:, 0]) > 0:
        _draw_lengths(figure.add_subplot(right[1]), session)
    heading(figure, _headline(session))
    return figure


def _bars(session: Session) -> list[tuple[str, str, npt.NDArray[np.int64]]]:
    """Name, colour and bin ranges of each bar above the raster: the tasks, and the segments if several."""
    bars = [
        (shown_unit(name), TASK_COLORS[index % len(TASK_COLORS)], intervals)
        for index, (name, intervals) in enumerate(list(session.tasks.items())[:MOST_TASKS])
    ]
    if len(session.tasks) > MOST_TASKS:
        bars[-1] = (f"{len(session.tasks) - MOST_TASKS + 1} more tasks", GREY, np.empty((0, 2), dtype=np.int64))
    if len(session.segments) > 1:
        bars.append((f"{len(session.segments):,} segments", GREY, session.segments))
    return bars


def _draw_bars(axes: Axes, bars: list[tuple[str, str, npt.NDArray[np.int64]]], bin_width: float) -> None:
    for row, (_, color, intervals) in enumerate(bars):
        spans = np.stack([intervals[:, 0], intervals[:, 1] - intervals[:, 0]], axis=1) * bin_width
        # Neighbours alternate in shade to show where each ends, unless there are too many.
        shades = [color, LIGHT] if color == GREY and len(intervals) <= MOST_SEGMENTS else [color]
        axes.broken_barh(spans.tolist(), (row - 0.36, 0.72), facecolors=shades, linewidth=0)
    axes.set_yticks(range(len(bars)), labels=[name for name, _, _ in bars])
    axes.set_ylim(len(bars) - 0.5, -0.5)
    tidy(axes)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def _draw_raster(
    figure: Figure, axes: Axes, drawn: Condensed, edges: npt.NDArray[np.float64], session: Session
) -> None:
    values = drawn.image[np.isfinite(drawn.image)]
    norm: Normalize
    if session.signal == "spikes":
        # Square root, because rates differ a hundredfold between units, and it makes Poisson noise uniform.
        norm = PowerNorm(0.5, 0.0, float(np.percentile(values, 99.5)) or float(values.max()) or 1.0)
    else:
        low, high = np.percentile(values, [1.0, 99.0])
        norm = Normalize(float(low), float(high) if high > low else float(low) + 1.0)
    image = axes.imshow(
        drawn.image, cmap="gray_r", norm=norm, aspect="auto", interpolation="nearest",
        extent=(edges[0], edges[-1], len(drawn.order), 0),
    )  # fmt: skip
    bar = figure.colorbar(image, ax=axes, extend="max" if session.signal == "spikes" else "both", aspect=30, pad=0.01)
    bar.set_label(_scale(session), fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    means = [f"{drawn.bins_per_column} bins ({_width(drawn.bins_per_column * session.bin_width_s)})"]
    means = means if drawn.bins_per_column > 1 else []
    means += [f"{drawn.units_per_row} units"] if drawn.units_per_row > 1 else []
    title(axes, f"Activity; a pixel is the mean of {' and '.join(means)}" if means else "Activity; a column is a bin")
    axes.set_ylabel(f"{session.n_units:,} units, by {drawn.ordering}")
    tidy(axes)
    axes.set_yticks([])
    if drawn.regions is not None:
        _divide(axes, drawn.regions)


def _divide(axes: Axes, regions: npt.NDArray[np.str_]) -> None:
    """Draw lines between regions, and names of regions that are large enough."""
    starts = np.flatnonzero(np.r_[True, regions[1:] != regions[:-1]])
    stops = np.r_[starts[1:], len(regions)]
    for start in starts[1:]:
        axes.axhline(start, color=VERMILION, linewidth=0.6)
    named = stops - starts >= LEAST_REGION * len(regions)
    axes.set_yticks(
        ((starts + stops) / 2)[named], labels=[shown_unit(regions[start]) or "unknown" for start in starts[named]]
    )
    axes.tick_params(axis="y", length=0)


def _draw_population(axes: Axes, drawn: Condensed, edges: npt.NDArray[np.float64], session: Session) -> None:
    axes.stairs(drawn.population, edges, baseline=None, color=DARK, linewidth=0.8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
    axes.set_ylabel(_scale(session).replace(" (", "\n("))
    tidy(axes)
    title(axes, "Mean over units")


def _draw_behavior(axes: Axes, drawn: Condensed, edges: npt.NDArray[np.float64], session: Session) -> None:
    series = drawn.varying[:MOST_SERIES]
    for row, column in enumerate(series):
        trace = np.clip(drawn.behavior[:, column], -TRACE_GAP / 2, TRACE_GAP / 2)
        color = TASK_COLORS[row % len(TASK_COLORS)]
        # Steps, because a line would not show a single value between two gaps.
        axes.stairs(trace - TRACE_GAP * row, edges, baseline=None, color=color, linewidth=0.8)
    names = session.behavior_names
    axes.set_yticks(-TRACE_GAP * np.arange(len(series)), labels=[shown_unit(names[column]) for column in series])
    axes.set_ylim(-TRACE_GAP * (len(series) - 0.4), TRACE_GAP * 0.6)
    tidy(axes)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    flat = len(names) - len(drawn.varying)
    omitted = [f"{len(drawn.varying) - len(series)} more not drawn"] if len(drawn.varying) > len(series) else []
    omitted += [f"{flat} constant or never measured"] if flat else []
    title(axes, "; ".join(["Behavior (z-scored, cut off at 3)", *omitted]))


def _draw_sizes(axes: Axes, drawn: Condensed, session: Session) -> None:
    """Histogram of rates, or of the signals' standard deviations; the axis is logarithmic if they differ widely."""
    spikes = session.signal == "spikes"
    sizes = drawn.mean if spikes else drawn.sd
    present = sizes[sizes > 0]
    if present.size:
        low, high = float(present.min()), float(present.max())
        wide = high > LEAST_RATIO * low
        bins = np.geomspace(low, high * (1 + 1e-9), N_BARS + 1).tolist() if wide else N_BARS
        axes.hist(present, bins=bins, color=LIGHT, edgecolor=GREY, linewidth=0.6)
        axes.set_xscale("log" if wide else "linear")
        axes.axvline(float(np.median(present)), color=VERMILION, linewidth=1.2)
    axes.set_xlabel("rate (spikes/s)" if spikes else "standard deviation")
    axes.set_ylabel("units")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    tidy(axes)
    none = len(sizes) - present.size
    parts = [f"median {np.median(present):.3g}"] if present.size else []
    parts += [f"{none:,} {'silent' if spikes else 'flat'}"] if none else []
    title(axes, "\n".join(parts))


def _draw_lengths(axes: Axes, session: Session) -> None:
    lengths = (session.segments[:, 1] - session.segments[:, 0]) * session.bin_width_s
    axes.hist(lengths, bins=N_BARS, color=LIGHT, edgecolor=GREY, linewidth=0.6)
    axes.set_xlabel("length (s)")
    axes.set_ylabel("segments")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))
    tidy(axes)


def _headline(session: Session) -> str:
    seconds = (session.segments[:, 1] - session.segments[:, 0]).sum() * session.bin_width_s
    facts = [str(session.meta[key]) for key in ("species", "region") if session.meta.get(key)]
    size = f"{session.n_units:,} units, {session.n_bins:,} bins of {_width(session.bin_width_s)}"
    length = f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"
    text = f"{session.session_id}: {session.signal}, {size} ({length}){''.join(f', {fact}' for fact in facts)}"
    return literal("\n".join(textwrap.wrap(text, 120, max_lines=2, placeholder=" …")))


def _scale(session: Session) -> str:
    return "rate (spikes/s)" if session.signal == "spikes" else "activity (z-score)"


def _width(seconds: float) -> str:
    return f"{1000 * seconds:.4g} ms" if seconds < 0.1 else f"{seconds:.4g} s"
