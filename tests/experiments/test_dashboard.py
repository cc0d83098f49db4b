"""The dashboard as the JSON that W&B is sent: what its panels show, runs log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import QUICK, Command

from experiments._dashboard_preview import preview
from experiments._wandb_log import logged_runs
from experiments.dashboard import main

NOT_OF_EVERY_RUN = {"figures/connectivity", "test/bits_per_spike"}  # of recordings without truth; of spikes


def panels(view: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Section, kind and configuration of every panel."""
    for section in view["spec"]["section"]["panelBankConfig"]["sections"]:
        for panel in section["panels"]:
            yield section["name"], panel["viewType"], panel["config"]


def keys(view: dict[str, Any]) -> set[str]:
    """The keys of runs that panels show."""
    named = set()
    for _, kind, config in panels(view):
        if kind == "Weave":
            named.add(config["panel2Config"]["exp"]["fromOp"]["inputs"]["key"]["val"])
        named |= {*config.get("metrics", []), *config.get("mediaKeys", [])}
    return named


@pytest.fixture
def view(tmp_path: Path) -> dict[str, Any]:
    assert main(["forecasting", "--json", str(tmp_path / "view.json")]) == 0
    return json.loads((tmp_path / "view.json").read_text())


def test_every_panel_shows_what_a_run_logs(view: dict[str, Any], train: Command) -> None:
    shown = [override for override in QUICK if not override.startswith(("logger", "callbacks", "reference_models"))]
    small = ("data=simulated", "data.network.n_units=8", "data.network.duration_s=60", "trainer.max_steps=10")
    done = train(*shown, *small, "model=synapsnet_plain", "trainer.log_every_n_steps=5", "hydra.run.dir=run")
    assert done.code == 0, done.err
    (logged,) = logged_runs(train.folder / "run")
    assert keys(view) - logged.keys == NOT_OF_EVERY_RUN

    drawn = {axes.get_title(loc="left"): axes for part in preview(view, [logged]).subfigs for axes in part.axes}
    (bar,) = drawn["median gain"].patches
    assert bar.get_width() == logged.summary["test/median_gain"]
    (curve,) = drawn["validation nll ↓"].lines
    assert list(curve.get_ydata()) == [item["validation/nll"] for item in logged.history if "validation/nll" in item]
    assert {name for name, axes in drawn.items() if axes.texts and "not logged" in axes.texts[0].get_text()} == {
        "figures/connectivity"
    }


def test_a_preview_needs_runs_with_logs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "picture.png"
    for others, said in (([], "--preview FILE and --runs PATH go"), (["--runs", str(tmp_path)], "no offline logs")):
        with pytest.raises(SystemExit) as stopped:
            main(["forecasting", "--preview", str(picture), *others])
        assert stopped.value.code == 2
        assert said in capsys.readouterr().err
    cut = tmp_path / "wandb" / "offline-run-1" / "run-1.wandb"
    cut.parent.mkdir(parents=True)
    cut.write_bytes(b"cut")
    with pytest.raises(SystemExit) as stopped:
        main(["forecasting", "--preview", str(picture), "--runs", str(tmp_path)])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith(f"error: {cut}: no whole log of a run")
    assert not picture.exists()


def test_the_typical_unit_comes_first_and_runs_are_those_of_the_study(view: dict[str, Any]) -> None:
    section, kind, config = next(panels(view))
    assert section == "The typical unit, test split"
    assert (kind, config["metrics"]) == ("Bar Chart", ["test/median_gain"])
    (runs,) = view["spec"]["section"]["runSets"]
    assert [(of["key"]["name"], of["value"]) for of in runs["filters"]["filters"]] == [("group", "forecasting")]
    assert [of["name"] for of in runs["grouping"]] == ["choices.value.data", "choices.value.model"]


def test_without_an_account_or_a_file_it_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["forecasting"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: name the W&B user or team by --entity, or a file by --json\n"


def test_without_a_login_one_line_says_what_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    for folder in ("HOME", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(folder, str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(SystemExit) as ended:
        main(["forecasting", "--entity", "me"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert "wandb login" in said
    assert said.endswith("--json and --preview need no login and no network.")
