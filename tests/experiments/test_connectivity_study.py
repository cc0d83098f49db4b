"""The study of real connectivity, from run folders and connectomes with planted matrices."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from laws import CONF
from omegaconf import OmegaConf
from sklearn.metrics import average_precision_score, roc_auc_score

from experiments._summary import summarize
from experiments.connectivity import connectome
from experiments.connectivity.study import STUDY
from experiments.connectivity.summarize import summary

CLASSES = ("AIB", "AVA", "RIM", "RME", "SMD", "URX")
CELLS = (*(cell + side for cell in CLASSES for side in "LR"), "RIH", "VB2")
UNITS = ("u000", *CELLS[:-1], "VB02", "SAAD?", "OLLL", "OLLL#2")


def plant_connectome(folder: Path, seed: int = 0) -> np.ndarray:
    """Connectomes of White (all cells) and Witvliet (without VB2); returns the synapses, ``[post, pre]``."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    n = len(CELLS)
    chemical = rng.poisson(2.0, (n, n)) * (rng.random((n, n)) < 0.25)  # [post, pre]
    gap = np.triu(rng.random((n, n)) < 0.05, 1)
    gap = (gap + gap.T).astype(float)
    np.fill_diagonal(chemical, 0)
    for name in connectome.FILES:
        kept = slice(None) if "white" in name else slice(0, n - 1)
        np.savez(
            folder / name, names=np.array(CELLS[kept]), chem=chemical.T[kept, kept].astype(np.float32),
            gap=gap[kept, kept].astype(np.float32),
        )  # fmt: skip
    return chemical + gap


def plant_run(
    root: Path,
    matrix: np.ndarray,
    *,
    model: str = "synapsnet",
    data: str = "calcium_worm",
    sessions: tuple[str, ...] = ("w0", "w1"),
    units: tuple[str, ...] = UNITS,
    part: str = "all",
    surrogate: str = "none",
    seed: int = 0,
    odds: tuple[np.ndarray, np.ndarray] | None = None,
    **also: np.ndarray,
) -> Path:
    run = root / model / f"{data}-{part}-{surrogate}" / f"seed{seed}"
    run.mkdir(parents=True)
    section = {"name": data, "root": f"/x/{data}", "signal": "calcium", "train_part": part, "surrogate": surrogate}
    OmegaConf.save({"data": section, "choices": {"model": model, "data": data}, "seed": seed}, run / "config.yaml")
    arrays: dict[str, Any] = {}
    for session in sessions:
        arrays |= {f"{session}/effective": matrix, f"{session}/unit_ids": np.array(units)}
        arrays |= {f"{session}/method/{name}": values for name, values in also.items()}
        arrays |= dict(zip((f"{session}/replication", f"{session}/evidence"), odds or (), strict=False))
    np.savez(run / "connectivity.npz", **arrays)
    (run / "test_metrics.json").write_text("{}")
    return run


def of_units(among_cells: np.ndarray) -> np.ndarray:
    """Effects among `CELLS`, put among `UNITS`."""
    matrix = np.zeros((len(UNITS), len(UNITS)))
    matrix[1 : 1 + len(CELLS), 1 : 1 + len(CELLS)] = among_cells
    return matrix


def random_effects(seed: int, n: int = len(UNITS)) -> np.ndarray:
    matrix = np.random.default_rng(seed).standard_normal((n, n))
    np.fill_diagonal(matrix, 0)
    return matrix


def test_anatomy_is_post_by_pre_and_a_mean_over_the_animals_that_have_both_cells(tmp_path: Path) -> None:
    synapses = plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    assert (synapses != synapses.T).any()
    np.testing.assert_allclose(anatomy.among(CELLS), synapses)
    with np.load(tmp_path / connectome.FILES[2]) as arrays:
        np.savez(
            tmp_path / connectome.FILES[2],
            names=arrays["names"], chem=arrays["chem"] + 3 * (1 - np.eye(len(arrays["names"]))), gap=arrays["gap"],
        )  # fmt: skip
    more = connectome.read_anatomy(tmp_path).among(CELLS)
    assert more[0, 1] == pytest.approx(synapses[0, 1] + 1)  # one of three animals has three more
    assert more[0, -1] == synapses[0, -1]  # VB2 was traced in one alone


def test_only_units_that_are_one_known_cell_are_identified(tmp_path: Path) -> None:
    plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    places = connectome.identified(UNITS, anatomy)
    assert places == {cell: place for place, cell in enumerate(CELLS, 1)}


def test_scores_agree_with_scikit_learn_and_know_the_direction(tmp_path: Path) -> None:
    synapses = plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    effects = random_effects(1, len(CELLS))
    scores = connectome.wiring_scores(effects, CELLS, anatomy)
    pairs = ~np.eye(len(CELLS), dtype=bool)
    given = (synapses[pairs] > 0, np.abs(effects[pairs]))
    assert scores["auroc"] == pytest.approx(roc_auc_score(*given))
    assert scores["auprc"] == pytest.approx(average_precision_score(*given))
    assert scores["auprc_chance"] == pytest.approx(given[0].mean())
    perfect = connectome.wiring_scores(-synapses, CELLS, anatomy)  # the sign of an effect is not in the anatomy
    assert perfect["auroc"] == perfect["auprc"] == perfect["spearman"] == pytest.approx(1.0)
    assert connectome.wiring_scores(synapses.T, CELLS, anatomy)["auroc"] < 0.9


def test_homologous_pairs_can_be_left_out(tmp_path: Path) -> None:
    synapses = plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    wrong = synapses.copy()
    for cell in range(0, 12, 2):
        wrong[cell, cell + 1] = wrong[cell + 1, cell] = 0.0 if synapses[cell, cell + 1] else 99.0
    assert connectome.wiring_scores(wrong, CELLS, anatomy)["auroc"] < 1
    assert connectome.wiring_scores(wrong, CELLS, anatomy)["auroc_apart"] == pytest.approx(1)


def test_balancing_takes_out_how_large_effects_on_and_of_a_cell_are(tmp_path: Path) -> None:
    synapses = plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    rng = np.random.default_rng(0)
    effects = (synapses > 0) + 0.2 * rng.random(synapses.shape)
    sized = np.exp(rng.normal(0, 3, (len(CELLS), 1))) * effects * np.exp(rng.normal(0, 3, len(CELLS)))
    np.testing.assert_allclose(connectome.balanced(sized), connectome.balanced(effects), rtol=1e-3)
    scores = connectome.wiring_scores(sized, CELLS, anatomy)
    assert scores["auroc"] < 0.9 < scores["auroc_balanced"]


def test_chance_of_the_pooled_score_is_a_half(tmp_path: Path) -> None:
    plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    mean, sd = connectome.auroc_by_chance(random_effects(0, len(CELLS)), CELLS, anatomy, seed=0)
    assert mean == pytest.approx(0.5, abs=3 * sd / np.sqrt(connectome.SHUFFLES) + 0.01)


def test_symmetry_is_one_where_both_sides_are_alike_and_zero_by_chance(tmp_path: Path) -> None:
    plant_connectome(tmp_path)
    anatomy = connectome.read_anatomy(tmp_path)
    mirrored = [CELLS.index(anatomy.mirror(cell) or cell) for cell in CELLS]
    effects = random_effects(2, len(CELLS))
    alike = effects + effects[np.ix_(mirrored, mirrored)]
    found = connectome.symmetry(alike, CELLS, anatomy, seed=0)
    assert found["symmetry"] == pytest.approx(1)
    assert found["n_sided"] == 2 * len(CLASSES)
    assert abs(found["symmetry_null"]) < 0.1
    symmetric = connectome.symmetry(effects + effects.T, CELLS, anatomy, seed=0)
    assert symmetric["symmetry"] < 0.6  # a cell and its own mirror image do not count


def test_pooling_goes_by_name_and_weighs_animals_alike() -> None:
    first, second = random_effects(0, 3), random_effects(1, 3)
    matrix, cells = connectome.pooled([(first, {"A": 0, "B": 1, "C": 2}), (9 * second, {"B": 2, "A": 0})])
    off = ~np.eye(3, dtype=bool)
    assert cells == ("A", "B", "C")
    assert matrix[2, 0] == pytest.approx(first[2, 0] / first[off].std())
    pair = np.array([second[0, 2], second[2, 0]])
    assert matrix[0, 1] == pytest.approx((first[0, 1] / first[off].std() + pair[0] / pair.std()) / 2)
    assert np.isnan(connectome.pooled([(first, {"A": 0, "B": 1}), (first, {"C": 0, "A": 1})])[0][1, 2])


def test_runs_land_where_the_configuration_says(tmp_path: Path) -> None:
    state = Singleton.get_state()
    try:
        for job in STUDY.jobs(tmp_path)[::10]:
            with initialize_config_dir(str(CONF), version_base="1.3"):
                settings = ["experiment=connectivity", *job.settings, f"seed={job.seeds[-1]}"]
                cfg = compose("train", settings, return_hydra_config=True)
            HydraConfig.instance().set_config(cfg)
            assert Path(cfg.hydra.run.dir) == Path("outputs/connectivity") / job.folder / f"seed{job.seeds[-1]}"
    finally:
        Singleton.set_state(state)


def run_summary(root: Path, data: Path, out: Path) -> int:
    return summarize(STUDY, summary, ["--out", str(root), "--data", str(data), "--to", str(out)])


def test_summary_scores_every_method_and_says_what_does_not_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    synapses = plant_connectome(tmp_path / "data" / "connectome_worm")
    root, out = tmp_path / "runs", tmp_path / "out"
    truth = of_units(synapses)
    for seed in range(2):
        plant_run(root, truth, seed=seed, correlation=random_effects(7))
        plant_run(root, 0.1 * random_effects(20 + seed), seed=seed, surrogate="circular_shift")
    for number, part in enumerate(("first_half", "second_half")):
        plant_run(root, truth, part=part, correlation=random_effects(number))
    removal = [
        {"session": "w0", "score": "nll", "order": order, "share": share, "count": 0, "value": 1.0 + share}
        for order in ("strongest", "random 0", "random 1")
        for share in (0.0, 0.01, 1.0)
    ]
    removed = pd.DataFrame(removal).replace("nll", "skill_vs_persistence")
    removed.to_csv(root / "synapsnet" / "calcium_worm-all-none" / "seed0" / "edge_removal.csv", index=False)
    assert run_summary(root, tmp_path / "data", out) == 0
    assert (out / "table.md").read_text() in capsys.readouterr().out
    assert f"| top {len(UNITS) * (len(UNITS) - 1) // 10} in common (chance) |" in (out / "table.md").read_text()
    scores = pd.read_csv(out / "connectome.csv").set_index(["method", "session"])
    assert scores.loc[("synapsnet", "w1"), "auroc"] == 1.0
    assert scores.loc[("synapsnet", "pooled"), "auroc"] == 1.0
    assert scores.loc[("correlation", "pooled"), "auroc"] < 0.8
    stability = pd.read_csv(out / "reproducibility.csv").set_index(["method", "session"])
    ours, other = stability.loc[("synapsnet", "w0")], stability.loc[("correlation", "w0")]
    assert ours.split_half_r == pytest.approx(1)
    assert ours.seed_r == pytest.approx(1)
    assert ours.n_selected > 0
    assert pd.isna(ours.warning)
    assert "NOT reproducible" in other.warning
    assert np.isnan(other.n_selected)
    drawn = {path.name for path in out.glob("*.png")}
    assert {"connectome.png", "reproducibility.png", "removal_calcium_worm_synapsnet.png"} <= drawn
    assert {"halves_calcium_worm_synapsnet.png", "matrices_calcium_worm.png"} <= drawn


def test_promises_of_one_half_are_checked_on_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, out, evidence = tmp_path / "runs", tmp_path / "out", random_effects(0)
    promise = np.where(np.abs(evidence) > 0.5, 0.96, 0.5)
    kept = np.where(np.indices(promise.shape)[1] % 10 == 0, -evidence, evidence)
    plant_run(root, evidence, data="calcium_a1", correlation=evidence)
    plant_run(root, evidence, data="calcium_a1", part="first_half", odds=(promise, evidence), correlation=evidence)
    plant_run(root, evidence, data="calcium_a1", part="second_half", odds=(promise, kept), correlation=evidence)
    assert run_summary(root, tmp_path, out) == 0
    rows = pd.read_csv(out / "replication.csv").set_index("level")
    called = (promise > 0.9) & ~np.eye(len(promise), dtype=bool)
    assert set(rows.method) == {"synapsnet"}
    assert rows.called[0.95] == 2 * called.sum()  # two sessions
    assert rows.observed[0.95] == pytest.approx((kept == evidence)[called].mean(), abs=1e-5)
    assert rows.promised[0.95] == pytest.approx(0.96)
    assert rows.called[0.99] == 0
    printed = capsys.readouterr().out
    assert f"| calcium_a1 | synapsnet | {2 * called.sum()}: 0.960 → {rows.observed[0.8]:.3f} ±" in printed
    assert (out / "replication.png").is_file()


def test_a_recording_without_runs_keeps_its_rows_in_every_table(tmp_path: Path) -> None:
    plant_connectome(tmp_path / "connectome_worm")
    root, out, evidence = tmp_path / "runs", tmp_path / "out", random_effects(0)
    promise = np.full_like(evidence, 0.96)
    removed = {"session": "w0", "score": "skill_vs_persistence", "count": 0, "value": [1.0, 0.5]}
    for data in ("calcium_worm", "calcium_a1"):
        for part in ("all", "first_half", "second_half"):
            run = plant_run(root, evidence, data=data, part=part, odds=(promise, evidence))
        for order in ("strongest", "random 0"):
            frame = pd.DataFrame({**removed, "order": order, "share": [0.0, 1.0]})
            frame.to_csv(run / "edge_removal.csv", mode="a", header=order == "strongest", index=False)
    assert run_summary(root, tmp_path, out) == 0
    names = ("connectome", "edge_removal", "replication", "reproducibility")
    tables, text = {name: pd.read_csv(out / f"{name}.csv") for name in names}, (out / "table.md").read_text()
    for folder in root.glob("*/calcium_worm*"):
        shutil.rmtree(folder)
    assert run_summary(root, tmp_path / "no anatomy is needed", out) == 0
    for name, table in tables.items():
        pd.testing.assert_frame_equal(pd.read_csv(out / f"{name}.csv"), table)
    again = (out / "table.md").read_text()
    assert "calcium_worm: of an earlier summary." in again
    assert again.replace("\n\ncalcium_worm: of an earlier summary.", "") == text


def test_a_missing_connectome_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant_run(tmp_path / "runs", random_effects(0))
    with pytest.raises(SystemExit) as stopped:
        run_summary(tmp_path / "runs", tmp_path / "nowhere", tmp_path / "out")
    assert stopped.value.code == 2
    assert "connectome_white_1986_whole.npz" in capsys.readouterr().err
