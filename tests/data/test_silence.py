"""Pauses in which nothing was recorded: found where the rates of the units make them impossible, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from laws import data_settings

from synapsnet.data.__main__ import main
from synapsnet.data.admit import Admitted, Refused, admit, admitted
from synapsnet.data.readers.archive import write_archive
from synapsnet.data.silence import impossible_silences
from synapsnet.session import Session

WIDTH_S = 0.05


def poisson(
    rates: Sequence[float], seconds: float, pauses: Sequence[tuple[float, float]] = (), seed: int = 0
) -> Session:
    """Independent Poisson units at these rates in spikes/s, silent in the pauses."""
    counts = np.random.default_rng(seed).poisson(np.array(rates) * WIDTH_S, (round(seconds / WIDTH_S), len(rates)))
    for start, stop in pauses:
        counts[round(start / WIDTH_S) : round(stop / WIDTH_S)] = 0
    units = tuple(map(str, range(len(rates))))
    return Session(session_id="s", activity=counts, bin_width_s=WIDTH_S, unit_ids=units, signal="spikes")


def found(session: Session) -> list[tuple[float, float]]:
    """Start and stop of the impossible silences, in whole seconds."""
    return [(round(start), round(stop)) for start, stop in (impossible_silences(session) * WIDTH_S).tolist()]


@pytest.mark.parametrize("pauses", [[(60, 1260)], [(60, 65)], [(20, 24), (60, 64), (90, 200)], [(0, 30)], [(290, 300)]])
def test_pauses_of_a_population_are_found(pauses: list[tuple[float, float]]) -> None:
    seconds = 1320 if pauses[-1][1] > 300 else 300
    session = poisson([5.0] * 12, seconds, pauses)
    assert found(session) == pauses


@pytest.mark.parametrize(
    ("rates", "seconds"),
    [
        ([0.02] * 12, 600),  # a quiet population: the longest silence is some 40 s
        ([0.2, 0.1, 0.3], 600),
        ([20.0, 0.01, 0.01], 600),
        ([5.0] * 12, 60),
    ],
)
def test_silences_by_chance_are_left_alone(rates: list[float], seconds: float) -> None:
    for seed in range(20):
        assert found(poisson(rates, seconds, seed=seed)) == []


def test_the_silence_of_a_quiet_population_counts_once_it_is_impossible() -> None:
    assert found(poisson([0.2] * 12, 600, [(100, 108)])) == []
    ((start, stop),) = found(poisson([0.2] * 12, 900, [(100, 300)]))
    assert start <= 100
    assert stop >= 300


def test_the_pause_of_a_single_unit_is_activity() -> None:
    assert found(poisson([20.0, 0.0], 300, [(100, 200)])) == []
    assert found(poisson([20.0], 300, [(100, 200)])) == []
    session = poisson([20.0, 1.0, 1.0], 300)
    session.activity[2000:4000, 0] = 0
    assert found(session) == []


def test_up_and_down_states_are_activity() -> None:
    rng = np.random.default_rng(0)
    for up_s, down_s in ((0.5, 0.5), (2.0, 1.0)):
        steps = (rng.exponential([up_s, down_s], (500, 2)) / WIDTH_S + 1).astype(int)
        states = np.concatenate([np.repeat([1, 0], lengths) for lengths in steps])
        session = poisson([5.0] * 12, len(states) * WIDTH_S)
        session.activity[states == 0] = 0
        assert found(session) == []


def test_calcium_has_no_silence() -> None:
    frames = np.random.default_rng(0).random((2000, 5), np.float32)
    frames[500:1500] = 0
    session = Session(session_id="s", activity=frames, bin_width_s=0.1, unit_ids=tuple("abcde"), signal="calcium")
    assert not len(impossible_silences(session))


def test_segments_end_at_a_pause_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    session = poisson([5.0] * 12, 300, [(100, 200)])
    (taken,) = admitted([session], data_settings())
    assert np.abs(taken.session.segments * WIDTH_S - [[0, 100], [200, 300]]).max() < 1
    assert "session s: no unit has a spike from" in caplog.text
    assert "impossible: cut" in caplog.text
    kept = admit(session, data_settings(cut_silences=False))
    assert isinstance(kept, Admitted)
    assert kept.session.segments.tolist() == [[0, 6000]]
    assert kept.silence.endswith("kept, because data.cut_silences=false")


def test_a_session_that_is_too_short_without_its_pause_says_both(caplog: pytest.LogCaptureFixture) -> None:
    refused = admit(poisson([5.0] * 12, 300, [(2, 299)]), data_settings())
    assert isinstance(refused, Refused)
    assert "too short" in refused.reason
    assert "from 2" in refused.silence


def on_probes(*of_probes: Session) -> Session:
    """One session of two probes, A and B."""
    counts = np.concatenate([one.activity for one in of_probes], axis=1)
    probes = np.repeat([*"AB"], [one.n_units for one in of_probes])
    units = tuple(f"{probe}{unit}" for unit, probe in enumerate(probes))
    return replace(of_probes[0], activity=counts, unit_ids=units, unit_table={"probe": probes})


def test_a_pause_of_one_probe_is_cut_and_said() -> None:
    session = on_probes(poisson([5.0] * 12, 300, [(50, 60), (100, 200)]), poisson([5.0] * 12, 300, [(50, 60)], seed=1))
    taken = admit(session, data_settings())
    assert isinstance(taken, Admitted)
    assert np.abs(taken.session.segments * WIDTH_S - [[0, 50], [60, 100], [200, 300]]).max() < 1
    together, of_probe = taken.silence.split("; ")
    assert together.startswith("no unit has a spike from ")
    assert of_probe.startswith("no unit of probe A has a spike from ")
    assert of_probe.endswith("which their rates make impossible: cut")
    kept = admit(session, data_settings(cut_silences=False))
    assert isinstance(kept, Admitted)
    assert kept.session.segments.tolist() == [[0, 6000]]


def test_probes_that_recorded_one_after_the_other_are_no_session() -> None:
    halves = [poisson([5.0] * 12, 300, [pause], seed) for seed, pause in enumerate([(0, 150), (150, 300)])]
    refused = admit(on_probes(*halves), data_settings())
    assert isinstance(refused, Refused)
    assert refused.reason == "session 's': its probes never recorded at once"


def test_silences_of_probes_that_can_be_true_are_left_alone() -> None:
    whole = poisson([5.0] * 12, 300, seed=1)
    quieter = poisson([5.0] * 12, 300)
    quieter.activity[2000:4000] = poisson([0.2] * 12, 100, seed=2).activity
    for other in (
        poisson([5.0] * 12, 300),
        poisson([0.02] * 12, 300),
        poisson([5.0] * 5, 300, [(100, 200)]),  # a few units of one area
        quieter,
    ):
        taken = admit(on_probes(other, whole), data_settings())
        assert isinstance(taken, Admitted)
        assert taken.silence == ""
    alone = poisson([5.0] * 12, 300, [(100, 200)])
    unnamed = replace(on_probes(alone, whole), unit_table={})
    assert not admit(unnamed, data_settings()).silence


def test_inspect_says_where_nothing_was_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_archive(poisson([5.0] * 12, 300, [(100, 200)]), tmp_path / "s.npz")
    main(["inspect", str(tmp_path / "s.npz"), "--max-figures", "0"])
    assert "no unit has a spike from" in capsys.readouterr().out
    write_archive(replace(poisson([5.0] * 12, 300), session_id="t"), tmp_path / "t.npz")
    main(["inspect", str(tmp_path), "--max-figures", "0"])
    assert capsys.readouterr().out.count("no unit has a spike from") == 1
