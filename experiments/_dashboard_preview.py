"""A drawing of a W&B workspace from its JSON and offline logs, because W&B itself shows it on its website alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib.image as mpimg
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments._wandb_log import Logged
from synapsnet.errors import UserError
from synapsnet.viz.style import GREY, method_looks, new_figure, tidy, title

COLUMNS, WIDTH, HEIGHT = 3, 4.2, 2.6  # of a panel, in inches
HEADING = 0.4


def preview(view: dict[str, Any], logged: Sequence[Logged]) -> Figure:
    """Draw the sections that are open when the workspace is opened.

    Bars are means over the runs of a model, curves their means at each step, pictures those of the first run.

    Args:
        view: The workspace, as `experiments.dashboard` writes it.
        logged: The runs that it shows.

    Raises:
        UserError: without a run.
    """
    if not logged:
        raise UserError("no offline logs of W&B; name a run or sweep that was run with logger=wandb")
    sections = [of for of in view["spec"]["section"]["panelBankConfig"]["sections"] if of["isOpen"]]
    rows = [(len(of["panels"]) + COLUMNS - 1) // COLUMNS for of in sections]
    heights = [HEADING + HEIGHT * n for n in rows]
    figure = new_figure(COLUMNS * WIDTH, sum(heights))
    looks = method_looks(list(dict.fromkeys(map(_model, logged))), None)
    parts = figure.subfigures(len(sections), height_ratios=heights)
    for part, section, n_rows in zip(parts, sections, rows, strict=True):
        part.suptitle(section["name"], x=0.01, ha="left", weight="bold")
        grid = part.subplots(n_rows, COLUMNS, squeeze=False).ravel()
        for axes, panel in zip(grid, section["panels"], strict=False):
            _draw(axes, panel, logged, {model: look["color"] for model, look in looks.items()})
        for axes in grid[len(section["panels"]) :]:
            axes.set_axis_off()
    return figure


def _model(logged: Logged) -> str:
    return str(logged.config["choices"]["model"])


def _draw(axes: Axes, panel: dict[str, Any], logged: Sequence[Logged], colors: dict[str, str]) -> None:
    config = panel["config"]
    tidy(axes)
    match panel["viewType"]:
        case "Bar Chart":
            (key,) = config["metrics"]
            values = pd.Series({at: run.summary.get(key) for at, run in enumerate(logged)}, dtype=float)
            means = values.groupby([_model(run) for run in logged]).mean().dropna().sort_values()
            axes.barh(means.index, means.to_numpy(), color=[colors[model] for model in means.index])
        case "Run History Line Plot":
            (key,) = config["metrics"]
            for model, curve in _curves(logged, key, config["xAxis"]):
                axes.plot(curve, color=colors[model], label=model)
            if axes.lines:
                axes.legend(fontsize=7, frameon=False)
        case "Media Browser":
            (key,) = config["mediaKeys"]
            config = {"chartTitle": key}
            pictures = [found for run in logged if (found := run.picture(key))]
            axes.set_axis_off()
            if pictures:
                axes.imshow(mpimg.imread(pictures[0]))
    title(axes, textwrap.shorten(config["chartTitle"], 44))
    axes.title.set_fontsize(9)
    if not axes.has_data():
        axes.text(0.5, 0.5, "not logged by these runs", color=GREY, ha="center", transform=axes.transAxes)


def _curves(logged: Sequence[Logged], key: str, step: str) -> Iterable[tuple[str, pd.Series]]:
    values = [(_model(run), item[step], item[key]) for run in logged for item in run.history if key in item]
    means = pd.DataFrame(values, columns=["model", step, key]).groupby(["model", step])[key].mean()
    return ((str(model), of.droplevel("model")) for model, of in means.groupby("model"))
