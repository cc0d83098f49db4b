"""Paired tests against scipy, Holm's correction and Wilson's interval by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from synapsnet.analysis.significance import holm, paired_test, share_interval


def test_paired_tests_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.standard_normal(9)
    ours = theirs + 0.4 + 0.5 * rng.standard_normal(9)
    found = paired_test(np.append(ours, np.nan), np.append(theirs, 1.0))
    assert found.n == 9
    assert found.difference == pytest.approx((ours - theirs).mean())
    assert found.sem == pytest.approx(stats.sem(ours - theirs))
    assert found.effect_size == pytest.approx(found.difference / (ours - theirs).std(ddof=1))
    assert found.t == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    assert found.wilcoxon == pytest.approx(stats.wilcoxon(ours, theirs).pvalue)
    assert paired_test(theirs, ours).difference == -found.difference


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_replicates_have_no_p(n: int) -> None:
    found = paired_test(np.ones(n), np.zeros(n))
    assert found.n == n
    assert np.isnan([found.sem, found.effect_size, found.t, found.wilcoxon]).all()


def test_tests_are_rarely_significant_without_a_difference() -> None:
    rng = np.random.default_rng(0)
    p = [paired_test(*rng.standard_normal((2, 8))) for _ in range(500)]
    assert 0.02 < np.mean([of.t < 0.05 for of in p]) < 0.08
    assert np.mean([of.wilcoxon < 0.05 for of in p]) < 0.07


def test_holm_by_hand_leaves_undefined_values_out() -> None:
    assert holm([0.01, np.nan, 0.04, 0.03]) == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)
    assert np.isnan(holm([np.nan])).all()


def test_the_interval_of_a_share_is_wilsons() -> None:
    share, n, z = 0.8, 50, stats.norm.ppf(0.975)
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert share_interval(share, n) == pytest.approx((centre - reach, centre + reach))
