"""The study of transfer: probes against planted classes, and paired tests against planted gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from laws import build, simulated, small_task

from experiments.transfer.figures import draw_probes, draw_transfer
from experiments.transfer.probe import LAGS, embeddings, probed, questions, statistics
from experiments.transfer.summarize import by_animal, paired, paired_block, probe_block, score_block
from synapsnet.session import Session

CELLS = np.array(["AVAL", "AVAR", "RID", "SMDVL", ""])


def animals(*, told: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Features and cells of three animals; features tell the cell, or are noise."""
    rng = np.random.default_rng(0)
    labels = [rng.permutation(np.repeat(CELLS, 20)) for _ in range(3)]
    places = dict(zip(CELLS, 3 * rng.standard_normal((5, 6)), strict=True))
    noise = [rng.standard_normal((100, 6)) for _ in labels]
    planted = [np.stack([places[name] for name in of]) * told for of in labels]
    return [one + other for one, other in zip(planted, noise, strict=True)], labels


def test_a_probe_tells_planted_cells_of_another_animal_and_no_more() -> None:
    for told in (True, False):
        features, labels = animals(told=told)
        found = probed(features, labels, 1)
        assert found is not None
        assert (found.n_units, found.n_classes) == (80, 4)  # the unnamed are left out
        assert found.most_frequent == 0.25
        assert found.permuted == pytest.approx(0.25, abs=0.1)
        assert found.probe > 0.95 if told else found.probe == pytest.approx(0.25, abs=0.15)


def test_without_a_class_in_common_nothing_is_asked() -> None:
    features, labels = animals(told=True)
    assert probed(features[:1], labels[:1], 0) is None
    assert probed(features, [labels[0], labels[1], np.full(100, "ALA")], 2) is None
    assert probed(features, [np.full(100, "ALA")] * 3, 2) is None


@pytest.mark.parametrize("kind", ["spikes", "levels"])
def test_labels_and_features_are_those_of_the_units(kind: str) -> None:
    recordings = [named(session) for session in simulated(kind)]
    task = small_task(recordings, kind)
    asked = questions(task.spec)
    assert list(asked) == ["cell", "cell, sides pooled", "rate class" if kind == "spikes" else "sd class"]
    assert asked["cell"][0][:4].tolist() == ["AVAL", "AVAR", "I1L", ""]
    assert asked["cell, sides pooled"][0][:4].tolist() == ["AVA", "AVA", "I1", ""]
    (size,) = (of for question, of in asked.items() if question.endswith("class"))
    info = task.spec.sessions[0]
    values = info.mean if kind == "spikes" else info.scale
    assert values[size[0] == "low"].max() <= values[size[0] == "high"].min()
    unit = statistics(task, 0)[2]
    low, high = task.pieces[0]["train"][0]
    series = recordings[0].activity[low:high, 2].astype(float)
    assert unit[[0, 2]] == pytest.approx([series.mean(), series.std()])
    expected = [np.corrcoef(series[:-lag], series[lag:])[0, 1] for lag in LAGS]
    np.testing.assert_allclose(unit[3:], expected, atol=0.02)
    model = build("synapsnet", task.spec)
    assert [of.shape for of in embeddings(model)] == [(17, 32), (23, 32)]


def named(session: Session) -> Session:
    units = ("AVAL", "AVAR", "I1L", *map(str, range(3, session.n_units)))
    return Session.from_arrays(
        session.activity, bin_width_s=0.02, session_id=session.session_id, unit_ids=units, signal=session.signal
    )


@pytest.fixture
def scores() -> pd.DataFrame:
    """Five animals: transfer is 0.1 better at a minute, and the same on everything."""
    rng = np.random.default_rng(0)
    rows = []
    for animal in "abcde":
        for minutes, whole in ((1.0, False), (5.5, True)):
            level = rng.normal()
            for way, gain in (("transfer", 0.0 if whole else 0.1), ("scratch", 0.0), ("ar", -0.2), ("mean", -1.0)):
                value = level + gain + 0.001 * rng.normal()
                of = {"median_gain": value, "skill_vs_persistence": value, "nll": -value}
                place = {"data": "worms", "signal": "calcium", "animal": animal, "minutes": minutes, "all": whole}
                rows.append(place | {"way": way} | of)
    return pd.DataFrame(rows)


def test_paired_tests_find_the_planted_gain(scores: pd.DataFrame) -> None:
    tests = paired(scores)
    by_score = tests.set_index(["score", "minutes"])
    for score, sign in (("median_gain", 1), ("nll", -1)):
        assert by_score.difference[score, "1"] == pytest.approx(sign * 0.1, abs=0.002)
        assert by_score.t_holm[score, "1"] < 1e-5
        assert by_score.better[score, "1"] == 5
        assert by_score.t_holm[score, "all (5.5)"] > 0.01
    assert "| median gain | 1 | 0.10" in paired_block(tests)
    table = score_block(scores)
    assert table.count("| 5 |") == 8
    assert "| 1 | transfer | 5 | **" in table
    assert draw_transfer(scores).axes[0].get_ylabel() == "median gain"


def test_probes_are_averaged_over_joint_runs_first() -> None:
    rows = [
        {"data": "worms", "question": "cell", "features": features, "animal": animal, "probe": accuracy + shift}
        for features, accuracy in (("embeddings", 0.5), ("statistics", 0.3))
        for animal, runs in (("a", 3), ("b", 1))
        for shift in [0.2 * (animal == "b")] * runs
    ]
    probes = pd.DataFrame(rows).assign(permuted=0.1, most_frequent=0.2, n_units=9, n_classes=4, start_r=0.9)
    found = by_animal(probes)
    assert found.probe.tolist() == pytest.approx([0.5, 0.7, 0.3, 0.5])
    table = probe_block(found)
    assert "| cell, 4 classes | embeddings | 60.0% ± 10.0% | 10.0% ± 0.0% | 20.0% ± 0.0% | 0.13 |" in table
    assert "r = 0.90" in table
    assert len(draw_probes(found).axes) == 1
