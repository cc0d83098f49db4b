"""The page of a study: its sections in order, and what a reader should know before them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synapsnet.atomic import replacing
from synapsnet.report.comparison import PRIMARY, Block, blocks
from synapsnet.report.html import Html, bullets, folded, join, paragraph, tag
from synapsnet.report.page import Section, page
from synapsnet.report.sections.commands import commands_section
from synapsnet.report.sections.curves import curves_section
from synapsnet.report.sections.paired import paired_section
from synapsnet.report.sections.provenance import provenance_section
from synapsnet.report.sections.scores import scores_section
from synapsnet.report.sections.settings import settings_section
from synapsnet.report.sections.traces import traces_section
from synapsnet.report.study import Study, scores
from synapsnet.results import Run

_FEW = 6  # notes shown at once


def write_page(study: Study, connectivity: Html, out: Path, conf: Path) -> None:
    """Write the page, in the place of an earlier one.

    Args:
        study: The runs.
        connectivity: The section of the connectivity, see `Connections`.
        out: The file.
        conf: Folder of the configuration; see `gaps`.
    """
    tasks = blocks(study.runs)
    sections = [
        Section("scores", "Scores", scores_section(tasks)),
        Section("paired", "Unit by unit", paired_section(tasks)),
        Section(
            "curves",
            "Learning curves",
            curves_section(tasks, {study.name(folder): Run(folder) for folder, _ in study.unfinished}),
        ),
        Section("traces", "Forecasts", traces_section(tasks)),
        Section("connectivity", "Connectivity", connectivity),
        Section("settings", "Differences of settings", settings_section(study.runs)),
        Section("commands", "Commands", commands_section(study, conf)),
        Section("provenance", "Provenance", provenance_section(study)),
    ]
    title = f"synapsnet: {', '.join(folder.resolve().name for folder in study.folders)}"
    made = page(title, _lead(study, tasks), sections)
    with replacing(out) as partial:
        partial.write_text(made, encoding="utf-8", newline="\n")


def _lead(study: Study, tasks: Sequence[Block]) -> Html:
    models = {run.model_name for run in study.runs}
    recordings = {run.recording for run in study.runs}
    seeds = {run.seed for run in study.runs}
    counted = [_counted(len(study.runs), "finished run"), _counted(len(models), "model")]
    counted += [_counted(len(recordings), "recording"), _counted(len(seeds), "seed")]
    notes = [
        *(f"unfinished, {study.name(folder)}: {reason}" for folder, reason in study.unfinished),
        *study.left_out,
        *(
            f"{row.name} on {task.title}: cut by the clock, so its scores depend on the machine"
            for task in tasks
            for row in task.rows
            if row.cut
        ),
    ]
    warned = tag("div", bullets(notes), class_="warning")
    if len(notes) > _FEW:
        warned = folded(f"{len(notes)} runs are unfinished, left out or cut by the clock", bullets(notes))
    return join(
        paragraph(" · ".join(counted), class_="legend"),
        bullets(_best(task) for task in tasks if len(task.rows) > 1) if len(tasks) <= _FEW else "",
        warned if notes else "",
    )


def _best(task: Block) -> Html:
    first = next((row for row in task.ranked if not task.flaws(row)), task.ranked[0])
    gains = [scores(run)[PRIMARY] for run in first.runs if PRIMARY in scores(run)]
    if not gains:
        return join(f"{task.title}: no scores")
    gain = sum(gains) / len(gains)
    return join(
        f"{task.title}: best in the typical unit is ",
        tag("strong", first.name),
        f" (median gain {gain:.4f} nats per bin)",
    )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
