"""Laws of every method of connectivity, whatever it measures."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch

from synapsnet.analysis.methods.base import ConnectivityMethod
from synapsnet.data.task import Task
from synapsnet.testing.laws.every_kind import EveryKind
from synapsnet.testing.laws.planted import N_UNITS, POST, PRE, of_units, off_diagonal, planted, recorded
from synapsnet.testing.tasks import Kind, small_task


class MethodLaws(EveryKind):
    """The laws of every `ConnectivityMethod`; a subclass defines ``make(self)`` and inherits them all."""

    def make(self) -> ConnectivityMethod:
        """The method under test."""
        raise NotImplementedError(f"{type(self).__name__}.make() must return the method under test")

    @pytest.fixture
    def method(self) -> ConnectivityMethod:
        """The method under test; a family of methods overrides this fixture."""
        return self.make()

    def test_the_answer_is_a_matrix_of_the_units(self, method: ConnectivityMethod, task: Task) -> None:
        """An estimate names its method, session and units; it is symmetric without direction, positive without sign."""
        for session, info in enumerate(task.spec.sessions):
            estimate = method.estimate(task, session)
            assert (estimate.method, estimate.session_id, estimate.unit_ids) == (
                method.name,
                info.session_id,
                info.unit_ids,
            )
            assert estimate.matrix.shape == (info.n_units, info.n_units)
            assert not estimate.matrix.diagonal().any()
            assert estimate.signed or (estimate.matrix >= 0).all()
            if not estimate.directed:
                np.testing.assert_array_equal(estimate.matrix, estimate.matrix.T)

    def test_units_may_come_in_any_order(self, method: ConnectivityMethod, kind: Kind) -> None:
        """The order of the units changes nothing."""
        activity, order = planted(2.0), np.random.default_rng(0).permutation(N_UNITS)
        session = recorded(activity, kind)
        shuffled = replace(session, activity=session.activity[:, order], unit_ids=tuple(f"u{unit}" for unit in order))
        found = method.estimate(small_task([shuffled], kind), 0)
        expected = method.estimate(small_task([session], kind), 0).of_units(found.unit_ids)
        np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-6)

    def test_a_planted_connection_stands_out_of_noise(self, method: ConnectivityMethod, kind: Kind) -> None:
        """The planted entry is more than three times any other."""
        strong = 2.0 if method.directed else 0.0
        activity = planted(strong)
        if not method.directed:
            activity[:, POST] += 2.0 * activity[:, PRE]
        task = small_task([recorded(np.cumsum(activity, axis=0) if kind == "increments" else activity, kind)], kind)
        matrix = method.estimate(task, 0).matrix
        assert matrix[POST, PRE] > 0
        others = np.abs(matrix)
        others[POST, PRE] = 0.0
        if not method.directed:
            others[PRE, POST] = 0.0
        assert matrix[POST, PRE] > 3 * others.max()

    @pytest.mark.parametrize("sign", [1, -1])
    def test_signs_are_those_of_the_connection(self, method: ConnectivityMethod, sign: Literal[1, -1]) -> None:
        """Excitation is positive, and inhibition negative where a method has signs."""
        activity = planted(sign * 2.0)
        if not method.directed:
            activity = planted(0.0)
            activity[:, POST] += sign * 2.0 * activity[:, PRE]
        found = method.estimate(small_task([recorded(activity, "levels")], "levels"), 0).matrix[POST, PRE]
        assert np.sign(found) == (sign if method.signed else 1)

    def test_independent_noise_shows_nothing_beyond_chance(self, method: ConnectivityMethod) -> None:
        """Entries shrink with the recording as chance does: by half at four times the bins (a quarter in nats)."""
        noise = np.random.default_rng(1).standard_normal((16000, 20))
        short, long = (
            off_diagonal(method.estimate(small_task([recorded(noise[:n_bins], "levels")], "levels"), 0).matrix)
            for n_bins in (4000, 16000)
        )
        assert np.abs(short).max() < 0.1
        assert np.sqrt(np.square(long).mean()) <= 0.65 * np.sqrt(np.square(short).mean())
        if method.signed:
            assert abs(short.mean()) < 4 * 0.02 / np.sqrt(len(short) / 2)

    def test_only_the_train_split_is_estimated_from(self, method: ConnectivityMethod, kind: Kind) -> None:
        """Another test split gives the same estimate."""
        session = recorded(np.cumsum(planted(2.0), axis=0) / 20 if kind == "increments" else planted(2.0), kind)
        task = small_task([session], kind)
        (first, stop) = task.pieces[0]["test"][0]
        elsewhere = session.activity.copy()
        elsewhere[first:stop] = elsewhere[first:stop][::-1, ::-1]
        moved = small_task([replace(session, activity=elsewhere)], kind)
        np.testing.assert_array_equal(method.estimate(moved, 0).matrix, method.estimate(task, 0).matrix)

    def test_a_piece_never_sees_another(self, method: ConnectivityMethod, kind: Kind) -> None:
        """Trials of the train split may come in any order."""
        trials = np.arange(3000).reshape(-1, 10)
        session = recorded(planted(2.0, n_bins=3000), kind, segments=trials[:, [0, -1]] + [0, 1])
        task = small_task([session], kind)
        n_train = len(task.pieces[0]["train"])
        assert n_train > 100
        shuffled = np.concatenate([np.random.default_rng(0).permutation(trials[:n_train]), trials[n_train:]])
        moved = small_task([replace(session, activity=session.activity[shuffled.ravel()])], kind)
        found, expected = method.estimate(moved, 0).matrix, method.estimate(task, 0).matrix
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_silent_constant_and_duplicate_units_do_no_harm(self, method: ConnectivityMethod, kind: Kind) -> None:
        """Such units leave all other entries as they are."""
        activity = planted(2.0)
        activity[:, 5] = activity[:, POST]
        session = recorded(activity, kind)
        counts = session.activity.copy()
        counts[:, 5] = counts[:, POST]
        counts[1:, 0] = counts[0, 0] = 0
        counts[3, 0] = 1  # once on the train split, never again
        task = small_task([replace(session, activity=counts)], kind)
        matrix = method.estimate(task, 0).matrix
        without = np.array([1, 2, 3, 4, 6])
        expected = method.estimate(small_task([of_units(session, without)], kind), 0).matrix
        assert np.isfinite(matrix).all()
        assert np.abs(matrix[0]).max() < 0.1
        others = np.array([2, 3, 4, 6])  # to and from units that have no copy, nothing changes
        np.testing.assert_allclose(
            matrix[np.ix_(others, others)], expected[np.ix_(np.arange(1, 5), np.arange(1, 5))], atol=0.02
        )

    def test_a_unit_that_never_varies_has_no_connection(self, method: ConnectivityMethod) -> None:
        """Rows and columns of a constant unit are zero."""
        task = small_task([recorded(planted(2.0), "levels")], "levels")
        activity = task.sessions[0].activity.clone()
        activity[:, 2] = 0.0
        still = replace(task, sessions=(replace(task.sessions[0], activity=activity),))
        matrix = method.estimate(still, 0).matrix
        assert not matrix[2].any()
        assert not matrix[:, 2].any()
        assert matrix.any() or not method.directed

    def test_one_or_two_units_are_enough(self, method: ConnectivityMethod, kind: Kind) -> None:
        """The smallest recordings are estimated too."""
        for n_units in (1, 2):
            activity = np.random.default_rng(0).standard_normal((600, n_units))
            matrix = method.estimate(small_task([recorded(activity, kind)], kind), 0).matrix
            assert matrix.shape == (n_units, n_units)

    def test_estimates_do_not_move_the_state_of_random_numbers(self, method: ConnectivityMethod, task: Task) -> None:
        """Asked twice, a method says the same, and draws from no global generator."""
        before = torch.get_rng_state()
        first = method.estimate(task, 0).matrix
        np.testing.assert_array_equal(method.estimate(task, 0).matrix, first)
        assert torch.equal(torch.get_rng_state(), before)
