"""The W&B workspace of a study, as code: typical units first, then curves, tables, pictures and settings.

    python -m experiments.dashboard STUDY --entity NAME [--project synapsnet]   # saves a view, and prints its address
    python -m experiments.dashboard STUDY --json workspace.json                 # writes the same, without an account
    python -m experiments.dashboard STUDY --preview workspace.png --runs SWEEP  # draws it, from offline logs

STUDY is the group of the runs: the name of a study, or of a sweep's folder such as ``2026-11-26/12-00-00``. The package
is in the extra ``dashboard``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments._dashboard_preview import preview
from experiments._wandb_log import logged_runs
from synapsnet.errors import UserError, one_line
from synapsnet.metrics import declared_columns

STEP = "trainer/global_step"
TYPICAL = ("median_gain", "share_above_mean")
AGAINST = ("median_gain_over", "share_better_than")
REFERENCES = ("ar", "var", "mean")
FIGURES = ("traces", "connectivity", "recovery", "unit_scores", "learning_curve")
TABLES = ("test/scores", "test/recovery")


def workspace(group: str, *, entity: str, project: str) -> Any:
    """The workspace of the runs of one group, sections in the order in which a reviewer reads them.

    Args:
        group: Name of the runs' group.
        entity: W&B user or team.
        project: W&B project.
    """
    import wandb_workspaces.reports.v2 as panels
    from wandb_workspaces.expr import And
    from wandb_workspaces.workspaces import Config, Metric, RunsetSettings, Section, Workspace

    def bars(key: str, title: str) -> Any:
        return panels.BarPlot(title=title, metrics=[key], groupby="choices.model", orientation="h")

    def curve(key: str, title: str) -> Any:
        return panels.LinePlot(title=title, x=STEP, y=[key], groupby="choices.model")

    metrics = [column for column in declared_columns() if column.lower_is_better is not None]
    typical = [column for column in metrics if column.name in TYPICAL]
    against = [column for column in declared_columns() if column.name in AGAINST]
    over_references = {f"{of.name}/{rival}": f"{of.label}, over {rival}" for of in against for rival in REFERENCES}
    others = [column for column in metrics if column.name not in TYPICAL]
    sections = [
        Section(
            name="The typical unit, test split",
            panels=[
                *(bars(f"test/{column.name}", column.heading) for column in typical),
                *(bars(f"test/{key}", title) for key, title in over_references.items()),
            ],
            is_open=True,
        ),
        Section(name="Means over units, test split", panels=[bars(f"test/{of.name}", of.heading) for of in others]),
        Section(
            name="Learning curves",
            panels=[
                curve("validation/nll", "validation nll ↓"),
                curve("train/nll", "training nll ↓"),
                *(curve(f"validation/{column.name}", f"validation {column.heading}") for column in typical),
                curve("train/lr", "learning rate"),
            ],
            is_open=True,
        ),
        Section(
            name="Every session and reference", panels=[panels.WeavePanelSummaryTable(table_name=t) for t in TABLES]
        ),
        Section(
            name="Figures",
            panels=[panels.MediaBrowser(media_keys=[f"figures/{kind}"]) for kind in FIGURES],
            is_open=True,
        ),
        Section(name="What differs between runs", panels=[panels.RunComparer()]),
    ]
    return Workspace(
        entity=entity,
        project=project,
        name=group,
        sections=sections,
        auto_generate_panels=False,
        runset_settings=RunsetSettings(
            filters=And(Metric("Group") == group), groupby=[Config("choices.data"), Config("choices.model")]
        ),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Save the workspace, or write it to a file.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m experiments.dashboard", description="Make a W&B workspace.")
    parser.add_argument("study", help="group of the runs: a study, or the folder of a sweep")
    parser.add_argument("--entity", help="W&B user or team")
    parser.add_argument("--project", default="synapsnet", help="W&B project (default: synapsnet)")
    parser.add_argument("--json", type=Path, help="write the workspace to this file and save nothing")
    parser.add_argument("--preview", type=Path, help="draw the workspace to this file and save nothing")
    parser.add_argument("--runs", type=Path, help="run or sweep with offline logs of W&B, for --preview")
    options = parser.parse_args(arguments)
    if options.json is None and options.preview is None and options.entity is None:
        parser.exit(2, "error: name the W&B user or team by --entity, or a file by --json\n")
    if (options.preview is None) != (options.runs is None):
        parser.exit(2, "error: --preview FILE and --runs PATH go together\n")
    try:
        made = workspace(options.study, entity=options.entity or "", project=options.project)
    except ModuleNotFoundError as error:
        parser.exit(2, f"error: {error.name} is not installed: pip install 'synapsnet[dashboard]'\n")
    view = json.loads(made._to_model().model_dump_json(by_alias=True, exclude_none=True))  # as `save` sends it
    if options.json is not None:
        options.json.write_text(json.dumps(view, indent=1) + "\n", encoding="utf-8")
        print(options.json)
    if options.preview is not None:
        try:
            preview(view, logged_runs(options.runs)).savefig(options.preview, dpi=100)
        except UserError as error:
            parser.exit(2, f"error: {error}\n")
        print(options.preview)
    if options.json is None and options.preview is None:
        import wandb  # takes a second

        try:
            made.save()
        except (wandb.Error, OSError) as error:  # no login, or no network
            said = one_line(error).removesuffix(".")
            parser.exit(2, f"error: {said}. --json and --preview need no login and no network.\n")
        print(made.url)
    return 0


if __name__ == "__main__":
    sys.exit(main())
