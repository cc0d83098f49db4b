"""Copies across recordings, planted; recordings of one network that share no bin stay clean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audited import Array, calcium, counts, decaying, noise, session

from synapsnet.audit import FULL, QUICK, Effort, Finding, audit_together, sketched
from synapsnet.data.audited import recorded
from synapsnet.data.inspect.outlook import settings_of
from synapsnet.data.readers.archive import write_archive
from synapsnet.experiment.audit import main
from synapsnet.session import Session

SAME_BINS, NEARLY = "bins that occur in two recordings", "recordings that are nearly the same"


def together(recordings: dict[str, Session], effort: Effort = FULL) -> dict[str, Finding]:
    settings = {signal: settings_of(name, tasks=None) for signal, name in
                (("spikes", "neuropixels"), ("calcium", "calcium"))}  # fmt: skip
    named = [replace(one, session_id=name) for name, one in recordings.items()]
    sketches = [sketched(recorded(one, settings[one.signal], effort)) for one in named]
    return {finding.check: finding for finding in audit_together(sketches)}


def sparse(n_units: int = 60) -> Array:
    return counts(6000, n_units, rate=0.05)


def trials(of: Array) -> Session:
    starts = np.arange(0, len(of), 40)
    return session(of, segments=np.stack([starts, starts + 40], axis=1))


def pasted(into: Array, values: Array) -> Array:
    changed = into.copy()
    changed[2600:2900] = values[300:600]
    return changed


def network(seed: int) -> Array:
    """Counts of one network, with noise of their own, under one stimulus that repeats in every session."""
    weights = np.random.default_rng(0).normal(size=(30, 30)) * 0.05
    stimulus = decaying(np.random.default_rng(1).normal(size=(3000, 1)), 0.9) * np.linspace(-0.4, 0.4, 30)
    rng, activity = np.random.default_rng(seed), np.zeros((3000, 30), dtype=int)
    for bin_ in range(1, 3000):
        drive = weights @ activity[bin_ - 1] + stimulus[bin_]
        activity[bin_] = rng.poisson(np.log1p(np.exp(drive)))
    return activity


rng = np.random.default_rng(5)
LEAKS: dict[str, tuple[str, Callable[[], dict[str, Session]]]] = {
    "a copy": (SAME_BINS, lambda: {"a": session(counts()), "b": session(counts())}),
    "a copy of traces": (SAME_BINS, lambda: {"a": session(calcium()), "b": session(calcium())}),
    "a copy of sparse trials": (SAME_BINS, lambda: {"a": trials(sparse()), "b": trials(sparse())}),
    "parts that overlap": (SAME_BINS, lambda: {"a": session(counts()[:2000]), "b": session(counts()[1500:])}),
    "sparse parts that overlap": (
        SAME_BINS, lambda: {"a": session(sparse()[:3500]), "b": session(sparse()[2500:])}
    ),
    "trials in another order": (
        SAME_BINS,
        lambda: {"a": trials(sparse()), "b": trials(rng.permutation(sparse().reshape(150, 40, 60)).reshape(6000, 60))},
    ),
    "test pasted from another": (
        SAME_BINS, lambda: {"a": session(counts()), "b": session(pasted(counts(seed=1), counts()))}
    ),
    "a few units fewer": (NEARLY, lambda: {"a": session(counts()), "b": session(counts()[:, 3:])}),
    "units in another order": (NEARLY, lambda: {"a": session(calcium()), "b": session(calcium()[:, ::-1].copy())}),
    "some spikes fewer": (NEARLY, lambda: {"a": session(counts()), "b": session(rng.binomial(counts(), 0.95))}),
    "noise added": (NEARLY, lambda: {"a": session(calcium()), "b": session(calcium() + 0.1 * noise(seed=9))}),
    "noise added to the later part": (
        NEARLY, lambda: {"a": session(calcium()), "b": session(calcium()[900:] + 0.1 * noise(2100, seed=9))}
    ),
}  # fmt: skip

TWINS: dict[str, Callable[[], dict[str, Session]]] = {
    "counts": lambda: {"a": session(counts()), "b": session(counts(seed=1))},
    "one network": lambda: {"a": session(network(2)), "b": session(network(3)), "c": session(network(4))},
    "one network in calcium": lambda: {
        str(seed): session(decaying(network(seed), 0.9) + 0.1 * noise(seed=seed)) for seed in (2, 3)
    },
    "sparse trials": lambda: {"a": trials(sparse()), "b": trials(counts(6000, 60, 1, 0.05))},
    "parts side by side": lambda: {"a": session(counts()[:1500]), "b": session(counts()[1500:])},
    "an artefact in all units at once": lambda: {
        str(seed): session(np.where(np.arange(3000)[:, None] % 300 == 7 + seed, 1, counts(seed=seed, rate=0.2)))
        for seed in (0, 1)
    },
    "a few bins, and a single unit": lambda: {
        "a": session(counts(30, 3)), "b": session(noise(60, 1)), "c": session(np.zeros((500, 4)))
    },
    "huge and tiny values": lambda: {"a": session(1e30 * noise()), "b": session(1e-30 * noise(seed=1))},
    "spikes beside calcium": lambda: {"a": session(counts()), "b": session(calcium())},
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKS)
def test_a_copy_is_found_in_full_and_in_the_quick_form(name: str) -> None:
    check, plant = LEAKS[name]
    recordings = plant() | {"other": session(counts(seed=7))}
    for effort in (FULL, QUICK):
        found = together(recordings, effort)[check]
        assert (found.verdict, bool(found.meaning), bool(found.advice)) == ("leak", True, True), found
        assert "other" not in found.measured.replace("others", "").replace("another", "")


@pytest.mark.parametrize("name", TWINS)
def test_recordings_of_their_own_are_clean(name: str) -> None:
    for effort in (FULL, QUICK):
        found = together(TWINS[name](), effort)
        assert {finding.verdict for finding in found.values()} == {"clean"}, found


def test_what_was_measured_names_recordings_and_numbers() -> None:
    seen = together(LEAKS["test pasted from another"][1]())[SAME_BINS].measured
    assert "of b occur in others, most in a, and 2" in seen
    assert "held-out ones in the train split of another" in seen
    nearly = together(LEAKS["noise added to the later part"][1]())[NEARLY].measured
    assert "a and b at r = 0.9" in nearly
    assert "900 bins apart" in nearly


def test_one_recording_is_not_compared() -> None:
    assert together({"a": session(counts())}) == {}


def test_the_command_compares_all_its_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("a", 0), ("b", 1), ("copy", 0)):
        write_archive(session(counts(seed=seed), session_id=name), tmp_path / name / f"{name}.npz")
    assert main([str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "CLEAN: 2 recordings together" in capsys.readouterr().out
    assert main([str(tmp_path)]) == 3
    assert main([str(tmp_path / "a"), str(tmp_path / "copy" / "copy.npz")]) == 3
    assert "LEAK: 2 recordings together" in capsys.readouterr().out
