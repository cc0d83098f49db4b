"""The page of a report, from run folders with planted scores."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parsed import Element, parsed
from plotly import graph_objects
from reported import N_UNITS, OFF, plant_run, plant_scores, planted

from synapsnet.metrics import TimeBlocks
from synapsnet.plain import to_json
from synapsnet.report.__main__ import main
from synapsnet.results.time_blocks import write_time_blocks
from synapsnet.results.traces import Traces

NLL = {("net", 0): [0.5, 0.6, 0.9], ("net", 1): [0.7, 0.8, 0.9], ("var", 0): [0.6, 0.5, 1.0]}
STOPPED = {"net": {"reason": "budget", "step": 9, "budget": 9}, "var": {"reason": "formula", "step": 0, "budget": 0}}
WAVES = np.sin(np.arange(400)[:, None] / [3.0, 5.0])
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def plant(folder: Path, model: str, seed: int, nll: Any, *, facts: dict[str, Any] | None = None, **data: Any) -> Path:
    config = {"choices": {"model": model}, "trainer": {"max_steps": 9}}
    run = plant_run(folder, planted(), seed=seed, config=config, **data)
    traces = Traces("a", ("u0", "u1"), ("best", "poorest"), np.array([0.5, 0.1]), WAVES, WAVES / 2, 3.0, 0.05)
    return plant_scores(run, nll, seed=seed, traces=traces, **{"stopped": STOPPED[model], **(facts or {})})


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two seeds of a network, and a model by formula that needs one, on two recordings."""
    for name, ((model, seed), nll) in product(("mice", "rats"), NLL.items()):
        plant(tmp_path / "runs" / f"{name}-{model}-{seed}", model, seed, nll, name=name)
    return tmp_path / "runs"


def written(*arguments: Path | str) -> Element:
    main([str(argument) for argument in arguments])
    return parsed(Path(arguments[0]) / "report.html")


def test_scores_are_means_over_seeds_and_the_typical_unit_comes_first(sweep: Path) -> None:
    page = written(sweep)
    for name in ("mice", "rats"):
        heading, net, var = page.rows(f"{name}: scores of the test split")
        assert heading == ["model", "n", "median gain", "units above mean", "nll ↓", "parameters", "seconds to fit"]
        assert net[:5] == ["var", "1", "0.4000", "67%", "0.700"]
        assert var[:5] == ["net", "2", "0.3000 ± 0.1414", "100% ± 0%", "0.733 ± 0.094"]
    heads = next(of for of in page.all("table") if "scores of the test" in of.text).one("thead").all("th")
    assert [head.attributes.get("aria-sort") for head in heads] == [None, None, "descending", None, None, None, None]
    assert page.rows("Median gain on every")[1:] == [
        ["var", "1.0", "0.4000", "0.4000"],
        ["net", "2.0", "0.3000", "0.3000"],
    ]


def test_units_are_compared_with_those_of_the_same_seed(sweep: Path) -> None:
    rows = written(sweep).rows("mice: units in which")
    # Seed 0: net is better in 2 of 3 units. Seed 1: in 1. The run by formula stands for both.
    assert rows == [["", "var", "net"], ["var", "·", "50%"], ["net", "50%", "·"]]


def test_the_first_row_is_compared_over_blocks_of_time(sweep: Path) -> None:
    rng = np.random.default_rng(0)
    for name, nll in {"var-0": 0.5, "net-0": 0.9, "net-1": 0.7}.items():
        blocks = TimeBlocks(nll + 0.1 * rng.standard_normal((20, 3)), np.full(20, 4))
        write_time_blocks(sweep / f"mice-{name}" / "time_blocks.npz", {"a": blocks})
    heading, row = written(sweep).rows("mice: the first row over time")
    assert heading[:2] == ["var against", "difference in nll"]
    difference, low, high = map(float, re.findall(r"-?\d\.\d+", row[1]))
    assert low < difference < high < 0  # the run by formula stands for both seeds, of which the mean is 0.8
    assert difference == pytest.approx(-0.3, abs=0.05)
    assert row[2] == "100% (100% to 100%)"


def test_runs_of_other_settings_are_rows_of_their_own_and_only_differences_are_shown(sweep: Path) -> None:
    plant(sweep / "longer", "net", 0, [0.4, 0.4, 0.4], name="mice", window_bins=99)
    page = written(sweep)
    assert [row[0] for row in page.rows("mice: scores")[1:]] == [
        "net, data.window_bins=99 (1 of 2 seeds)", "var", "net, data.window_bins=None",
    ]  # fmt: skip
    rows = page.rows("Settings that model, recording and seed do not")
    assert rows == [["setting", "values (runs)"], ["data.window_bins", "(not set) (6) 99 (1) "]]
    assert "trainer.max_steps" not in page.one("section", id="settings").text


def test_a_transferred_model_is_a_row_of_its_own_and_its_command_names_the_checkpoint(sweep: Path) -> None:
    record = {"groups": {"model": "net"}, "values": {"data.root": "/r/mice"}, "deleted": [], "left_out": []}
    run = plant(sweep / "transferred", "net", 0, [0.4, 0.4, 0.4], facts={"record": record})
    with (run / "config.yaml").open("a") as file:
        file.write("transfer: {checkpoint: /r/best.ckpt, sha256: abc}\n")
    page = written(sweep)
    names = [row[0] for row in page.rows("mice: scores")[1:]]
    assert names == ["net, transfer.checkpoint=/r/best.ckpt (1 of 2 seeds)", "var", "net"]
    commands = [of.text for of in page.one("section", id="commands").all("code")]
    assert "python train.py model=net data.root=/r/mice mode=transfer ckpt_path=/r/best.ckpt" in commands


def test_a_seed_that_was_run_twice_is_compared_once(sweep: Path) -> None:
    before = written(sweep).rows("mice: units in which")
    plant(sweep / "mice-net-again", "net", 0, [9.0, 9.0, 9.0], name="mice")
    page = written(sweep)
    assert page.rows("mice: units in which")[1:] == before[1:]
    assert "another run has this seed; mice-net-again is left out" in page.one("section", id="paired").text


def test_a_run_that_the_clock_ended_is_marked_and_never_the_best(tmp_path: Path) -> None:
    plant(tmp_path / "one", "net", 0, NLL["net", 1])
    cut = {"reason": "time", "step": 4, "budget": 9}
    plant(tmp_path / "two", "var", 0, NLL["var", 0], facts={"stopped": cut})
    page = written(tmp_path)
    assert page.rows("scores of")[1][0] == "var (cut by the clock)"
    assert "best in the typical unit is net" in page.one("header").text
    assert "cut by the clock" in page.one("header").one("div").text
    assert "stopped at step 4 of 9: CUT BY THE CLOCK" in page.one("section", id="provenance").text


def test_figures_are_what_plotly_draws(sweep: Path) -> None:
    page = written(sweep)
    figures = [json.loads(of.text) for of in page.all("script") if of.attributes.get("type") == "application/json"]
    assert len(figures) == 2 + 4 + 4  # curves, traces and matrices
    for figure in figures:
        for trace in figure["data"]:
            if packed := trace.pop("packed", None):
                trace["z"] = unpacked(packed).tolist()
        graph_objects.Figure(figure)
    curve = figures[0]
    assert [line["y"] for line in curve["data"]] == [[1.2, 1.1, 1.0]] * 6  # validation and training
    recorded, forecast = figures[2]["data"][:2]
    assert (len(recorded["y"]), recorded["x0"], recorded["dx"]) == (300, 3.0, 0.05)
    np.testing.assert_allclose(recorded["y"], WAVES[:300, 0], atol=5e-3)
    np.testing.assert_allclose(forecast["y"], WAVES[:300, 0] / 2, atol=5e-3)


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    whole = np.frombuffer(base64.b64decode(packed["content"]), "u1" if packed["bytes"] == 1 else "<i2")
    values = np.where(whole == packed["missing"], np.nan, whole * packed["scale"])
    return values.reshape(packed["side"], packed["side"])


@pytest.mark.parametrize("room", [10**7, 800])
def test_matrices_are_whole_or_thinned_to_their_strongest_edges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    monkeypatch.setattr("synapsnet.report.connections.MATRIX_BYTES", room)
    monkeypatch.setattr("synapsnet.report.connections._FEWEST", 4)
    truth = planted()
    promise = np.where(truth > 0, 0.96, 0.85)
    odds = {"evidence": truth * 2 - 1, "standard_error": np.full_like(truth, 0.5), "replication": promise}
    plant_run(tmp_path / "run", truth, also={**odds, "positive": promise})
    section = written(tmp_path).one("section", id="connectivity")
    figures = [json.loads(of.text)["data"][0] for of in section.all("script")]
    effect, again, _, positive = (unpacked(figure["packed"]) for figure in figures)
    assert np.nanmax(effect) == pytest.approx(8.0, rel=1e-3)
    if room > 800:
        order = [int(name[1:]) for name in figures[0]["x"]]
        np.testing.assert_allclose(effect, np.where(OFF, truth, np.nan)[np.ix_(order, order)], atol=1e-3)
        np.testing.assert_allclose(again, np.where(OFF, promise, np.nan)[np.ix_(order, order)], atol=2.1e-3)
        assert "Thinned" not in section.text
    else:
        assert effect.shape == (10, 10)
        np.testing.assert_allclose(again, np.where(effect > 1, 0.96, 0.85), atol=2.1e-3)
        assert "in a block of 2 by 2" in section.text
    np.testing.assert_array_equal(again, positive)
    counts = [row[:2] for row in section.rows("Edges that promise")[1:]]
    assert counts == [["0.8 or more", "380"], ["0.9 or more", "12"], ["0.95 or more", "12"], ["0.99 or more", "0"]]
    strongest = section.rows("The 15 edges with the most evidence")
    assert strongest[0] == [
        *("sends → receives", "effect", "estimate", "standard error", "evidence", "P(positive)", "P(same sign again)"),
    ]  # fmt: skip
    assert all(row[1:] == ["8", "7.5", "0.5", "15.0", "0.960", "0.960"] for row in strongest[1:13])
    edges = {f"u{pre} → u{post}" for post, pre in zip(*truth.nonzero(), strict=True)}
    assert {row[0] for row in strongest[1:13]} == edges


def test_commands_are_those_of_the_record(tmp_path: Path) -> None:
    record = {"groups": {"model": "net", "method": []}, "values": {"data.root": "/r/two mice", "seed": 3}}
    record["values"] |= to_json({"model.odds": [-2, float("inf")]})
    plant(tmp_path / "one", "net", 3, NLL["net", 0], facts={"record": record | {"deleted": ["a.b"], "left_out": []}})
    plant(tmp_path / "two", "net", 4, NLL["net", 0])
    commands = [of.text for of in written(tmp_path).one("section", id="commands").all("code")]
    assert (
        commands[0]
        == """python train.py model=net 'method=[]' 'data.root="/r/two mice"' seed=3 'model.odds=[-2,inf]' '~a.b'"""
    )
    assert commands[1].startswith("python train.py model=net data=neuropixels data.root=/r/mice data.context_bins=7")
    assert commands[1].endswith("seed=4")


@pytest.mark.parametrize(
    "record",
    [
        {"groups": {"hydra/launcher": "mine"}},
        {"values": {"callbacks.x._target_": "os.system"}},
        {"values": {"callbacks.x": [{"_target_": "os.system"}]}},
        {"values": {"trusted_packages": ["mine"]}},
        {"values": {"seed=0 +x": 1}},
        {"groups": {"model": "net,{_target_: os.system}"}},
        {"deleted": ["hydra.x"]},
        {"values": 3},
        "text",
    ],
)
def test_no_command_names_code_to_run(tmp_path: Path, record: Any) -> None:
    whole = {"groups": {}, "values": {}, "deleted": [], "left_out": []}
    facts = {"record": whole | record if isinstance(record, dict) else record}
    plant(tmp_path / "run", "net", 0, NLL["net", 0], facts=facts)
    (command,) = (of.text for of in written(tmp_path).one("section", id="commands").all("code"))
    assert command.startswith("python train.py model=net data=neuropixels data.root=/r/mice")
    assert not any(word in command for word in ("hydra", "_target_", "trusted", "+x"))


def test_provenance_says_what_is_shared_and_what_differs(sweep: Path) -> None:
    (sweep / "mice-net-0" / "test_metrics.json").write_text(
        (sweep / "mice-net-0" / "test_metrics.json")
        .read_text()
        .replace("c0ffee", "abcdef")
        .replace("ab" * 32, "cd" * 32)
    )
    section = written(sweep).one("section", id="provenance")
    assert "The same in all runs: python 3.12.1; torch 2.9.0." in section.text
    rows = {row[0]: row[1:] for row in section.rows("6 runs")}
    assert rows["run"] == ["model", "recording", "seed", "training", "seconds to fit", "commit"]
    assert rows["mice-net-0"] == ["net", "mice", "0", "stopped at step 9 of 9: its budget was used", "2", "abcdef"]
    assert rows["rats-var-0"] == ["var", "rats", "0", "fitted by formula", "2", "c0ffee"]
    assert "Not the same content in all runs, so these cannot be compared: a of mice." in section.text
    assert section.rows("Fingerprints")[2] == ["rats", "a", "ab" * 32]


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    plant_run(runs / "bare", planted(), config={"choices": {"model": "bare"}})
    (runs / "bare" / "connectivity.npz").unlink()
    plant_run(runs / "begun", planted(), seed=1)
    (runs / "begun" / "test_metrics.json").unlink()
    (runs / "failed").mkdir()
    (runs / "failed" / "error.txt").write_text("Traceback\nValueError: no luck\n")
    odd = plant_run(runs / "odd", planted(), seed=2)
    (odd / "test_metrics.json").write_text('{"mean": {"nll": "x"}, "stopped": {"reason": "whim"}, "sessions": 3}')
    torn = plant_run(runs / "torn", planted(), seed=3)
    (torn / "test_metrics.json").write_text("{")
    page = written(runs)
    said = page.one("header").text
    assert "unfinished, begun: not finished" in said
    assert "unfinished, failed: failed: ValueError: no luck" in said
    assert f"left out {torn}: {torn / 'test_metrics.json'}: cannot be read" in said
    for anchor, text in (
        ("scores", "No run has scores."),
        ("curves", "No curve: bare, synapsnet."),
        ("traces", "No run has traces"),
        ("connectivity", "1 of 2 runs have no connectivity."),
        ("connectivity", "No odds"),
        ("provenance", "No run has a fingerprint of its recording."),
    ):
        assert text in page.one("section", id=anchor).text


def test_a_lone_run_and_an_unfinished_one_have_a_page(tmp_path: Path) -> None:
    run = plant(tmp_path / "run", "net", 0, NLL["net", 0])
    page = written(run)
    assert "no two models on one recording" in page.one("section", id="paired").text
    assert "nothing to compare it with" in page.one("section", id="settings").text
    assert page.rows("scores of")[1][:3] == ["net", "1", "0.4000"]
    (run / "test_metrics.json").unlink()
    page = written(run)
    assert "unfinished, run" in page.one("header").text
    curve = page.one("section", id="curves")
    assert "not finished" in curve.text
    (figure,) = [json.loads(of.text) for of in curve.all("script")]
    assert [line["name"] for line in figure["data"]] == ["run"]


def test_text_from_files_is_shown_and_never_markup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = {"name": HOSTILE, "tags": [HOSTILE], "config": {"choices": {"model": HOSTILE}}}
    run = plant_run(tmp_path / "runs" / HOSTILE.replace("/", "|"), planted(), **named)
    ids = np.array([f"{HOSTILE}{unit}" for unit in range(N_UNITS)])
    arrays = {f"{HOSTILE}/effective": planted(), f"{HOSTILE}/unit_ids": ids}
    np.savez(run / "connectivity.npz", **arrays)
    waves = WAVES[:9]
    traces = Traces(HOSTILE, (HOSTILE, HOSTILE), (HOSTILE, "poorest"), np.array([0.5, 0.1]), waves, waves, 0.0, 0.1)
    facts: dict[str, Any] = {"commit": HOSTILE, "versions": {HOSTILE: HOSTILE}, "recordings": {HOSTILE: HOSTILE}}
    facts |= {"record": {"groups": {}, "values": {"data.root": HOSTILE}, "deleted": [], "left_out": []}}
    facts |= {"mean": {HOSTILE: 1.0, "nll": 1.0}, "sessions": {HOSTILE: {HOSTILE: 1.0}}}
    plant_scores(run, [0.5, 0.6], unit_ids=[HOSTILE, "\u202ex"], traces=traces, **facts)
    other = plant_run(tmp_path / "runs" / "other", planted(), **named | {"tags": ["plain"], "seed": 1})
    plant_scores(other, [0.6, 0.5], unit_ids=[HOSTILE, "\u202ex"])
    (tmp_path / "runs" / "failed").mkdir()
    (tmp_path / "runs" / "failed" / "error.txt").write_text(HOSTILE)
    page = written(tmp_path / "runs")
    capsys.readouterr()
    assert not page.all("img")
    scripts = [of for of in page.all("script") if of.attributes.get("type") != "application/json"]
    assert len(scripts) == 2  # plotly's and ours
    policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"] or ""
    for of in scripts:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(of.text.encode()).digest()).decode()}'" in policy
    assert policy.count("sha256-") == 2
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    for anchor in ("scores", "traces", "connectivity", "settings", "commands", "provenance"):
        assert HOSTILE in page.one("section", id=anchor).text
    for of in every(page):
        assert not any(name.startswith("on") for name in of.attributes)
        for name in ("src", "href"):
            assert (of.attributes.get(name) or "#").startswith(("#", "data:,"))
    figures = [json.loads(of.text) for of in page.all("script") if of.attributes.get("type") == "application/json"]
    assert figures
    assert not any("<script" in text or "<img" in text for figure in figures for text in texts(figure))


def every(of: Element) -> list[Element]:
    return [found for child in of.children for found in (child, *every(child))]


def texts(value: Any) -> list[str]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for item in inside for text in texts(item)]


def test_the_page_is_whole_and_takes_the_place_of_an_earlier_one(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = written(sweep)
    html = page.one("html")
    assert html.attributes["lang"] == "en"
    assert html.one("title").text == "synapsnet: runs"
    assert html.one("meta", name="viewport").attributes["content"] == "width=device-width, initial-scale=1"
    anchors = [of.attributes["href"] for of in html.one("nav").all("a")]
    assert anchors == [f"#{of.attributes['id']}" for of in html.all("section")]
    before = (sweep / "report.html").read_bytes()
    main([str(sweep)])
    assert (sweep / "report.html").read_bytes() == before

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SystemExit):
        main([str(sweep)])
    assert (sweep / "report.html").read_bytes() == before
    assert not list(sweep.glob(".*"))


@pytest.mark.slow
def test_thirty_runs_of_many_units_fit_into_eight_megabytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((100, 100)) * ~np.eye(100, dtype=bool)
    odds = {name: rng.random((100, 100)) for name in ("evidence", "standard_error", "positive", "replication")}
    waves = rng.standard_normal((300, 5))
    units = tuple(f"unit {unit}" for unit in range(5))
    traces = Traces("a", units, units, np.full(5, 0.5), waves, waves, 0.0, 0.1)
    for number in range(30):
        name = f"recording{number}"
        run = plant_run(tmp_path / name, matrix, n_units=100, name=name, also=odds)
        plant_scores(run, rng.random(100), traces=traces, curve=rng.random(400))
    main([str(tmp_path)])
    capsys.readouterr()
    assert (tmp_path / "report.html").stat().st_size < 8_000_000
    assert "Thinned" in parsed(tmp_path / "report.html").one("section", id="connectivity").text
