"""Paired bootstrap over blocks of time: how sure a difference between two models is within the recorded sessions.

Neighbouring bins are alike, so bins are no replicates. Whole blocks of time are drawn with replacement in each session,
the same ones for both models (Carlstein 1986). The interval speaks about more time of these units in these sessions;
about other animals, only sessions can speak (see `synapsnet.analysis.significance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from synapsnet.metrics import TIE, TimeBlocks

FEWEST_BLOCKS = 8
_CORRELATED = 0.5  # standard errors; below it, longer blocks held planted differences no more often

OfSeeds = Mapping[int, Mapping[str, TimeBlocks]]
"""Blocks of one model by seed, then by session id."""

_Values = npt.NDArray[np.float64]
_Differences = tuple[_Values, _Values]  # [blocks, units], and bins of a block [blocks]


@dataclass(frozen=True)
class BlockBootstrap:
    """A difference in nll between two models with its interval, and the share of better units with its own.

    Attributes:
        difference: Mean of ``ours - theirs`` over bins, units, then sessions, in nats per unit and bin.
        low: Lower end of its interval.
        high: Upper end of its interval.
        share: Share of all units in which ours has the lower nll.
        share_low: Lower end of its interval.
        share_high: Upper end of its interval.
        n_blocks: Number of blocks in all sessions.
    """

    difference: float
    low: float
    high: float
    share: float
    share_low: float
    share_high: float
    n_blocks: int


def block_bootstrap(
    ours: Mapping[str, TimeBlocks],
    theirs: Mapping[str, TimeBlocks],
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[BlockBootstrap, BlockBootstrap]:
    """Compare two models on the same bins of the same sessions.

    Neighbouring blocks are joined in pairs while their differences are correlated, down to `FEWEST_BLOCKS` a session.
    Intervals of the difference are percentiles, expanded for the number of blocks. Where differences change more slowly
    than that, intervals are too narrow: of planted differences, those of 95 % held 95 % with independent blocks, and
    83 to 86 % where 40 to 64 neighbouring blocks correlated with r 0.7
    (``pytest tests/analysis/test_block_bootstrap.py``).

    A resample adds noise to every unit, so shares of resamples lean towards one half, and their percentiles may miss
    the share itself. Its interval therefore has their spread alone, around the logit of the share.

    Args:
        ours: Blocks by session id.
        theirs: Those of the other model.
        level: Level of the intervals.
        n_resamples: Number of resamples.
        seed: Seed of the resamples.

    Returns:
        Ours against theirs, and theirs against ours, from the same resamples.

    Raises:
        ValueError: if the models were scored on other sessions, units or bins.
    """
    sessions = [_paired(ours[name], theirs[name]) for name in _same(ours, theirs)]
    blocks = [np.arange(len(differences)) for differences, _ in sessions]
    n_free = sum(len(each) - 1 for each in blocks)
    resampled = stats.bootstrap(
        blocks,
        partial(_difference_and_shares, sessions),
        n_resamples=n_resamples,
        batch=200,
        vectorized=True,
        confidence_level=_expanded(level, n_free + 1),
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    whole = _difference_and_shares(sessions, *(each[None] for each in blocks))[:, 0]
    difference = np.array([whole[0], *(end[0] for end in resampled.confidence_interval)])
    n_units, n_blocks = sum(each.shape[1] for each, _ in sessions), n_free + len(blocks)
    spread = _wide(level, n_free + 1) * resampled.standard_error
    share, share_of_theirs = (np.array([whole[at], *_around(whole[at], spread[at], n_units)]) for at in (1, 2))
    return _of_side(difference, share, n_blocks), _of_side(-difference[[0, 2, 1]], share_of_theirs, n_blocks)


def _around(share: float, spread: float, n_units: int) -> tuple[float, float]:
    """Interval of a share that reaches as far to both sides on the scale of its logit."""
    inside = np.clip(share, 0.5 / n_units, 1 - 0.5 / n_units)
    reach = spread / (inside * (1 - inside))
    low, high = share - inside + special.expit(special.logit(inside) + reach * np.array([-1, 1]))
    return max(min(low, share), 0.0), min(max(high, share), 1.0)  # rounding errors aside, low <= share <= high


def _of_side(difference: _Values, share: _Values, n_blocks: int) -> BlockBootstrap:
    """From both values, each followed by the lower and the upper end of its interval."""
    (mean, low, high), (better, share_low, share_high) = difference.tolist(), share.tolist()
    return BlockBootstrap(mean, low, high, better, share_low, share_high, n_blocks)


def compared(
    ours: OfSeeds, theirs: OfSeeds, *, by_formula: tuple[bool, bool]
) -> tuple[BlockBootstrap, BlockBootstrap] | None:
    """Compare two models by `block_bootstrap`, their blocks averaged over the seeds that both have.

    Args:
        ours: Blocks by seed, then by session id.
        theirs: Those of the other model.
        by_formula: True for a model whose seed changes nothing: its only run stands for every seed.

    Returns:
        None without a seed in common.
    """
    one, other = by_formula
    seeds = set(theirs if one else ours) & set(ours if other else theirs)
    if not (ours and theirs and seeds):
        return None
    runs = ((of if same else {seed: of[seed] for seed in seeds}) for same, of in ((one, ours), (other, theirs)))
    return block_bootstrap(*(_mean(list(of.values())) for of in runs))


def _mean(runs: Sequence[Mapping[str, TimeBlocks]]) -> dict[str, TimeBlocks]:
    """Blocks averaged over the runs of each session, by session id. A simulated network may differ between seeds."""
    sessions = {name: blocks for run in reversed(runs) for name, blocks in run.items()}
    return {
        name: TimeBlocks(np.mean([run[name].nll for run in runs if name in run], axis=0), sessions[name].n_bins)
        for name in sorted(sessions)
    }


def _expanded(level: float, n: int) -> float:
    """Level at which percentiles of ``n`` replicates are as wide as Student's interval (Hesterberg 2015)."""
    return float(1 - 2 * stats.norm.sf(_wide(level, n)))


def _wide(level: float, n: int) -> float:
    """Half of Student's interval of the mean of ``n`` replicates, in standard errors of a bootstrap."""
    return float(np.sqrt(n / (n - 1)) * stats.t.ppf((1 + level) / 2, n - 1))


def _same(ours: Mapping[str, TimeBlocks], theirs: Mapping[str, TimeBlocks]) -> list[str]:
    if list(ours) != list(theirs):
        raise ValueError(f"other sessions: {list(ours)} and {list(theirs)}")
    for name, blocks in ours.items():
        other = theirs[name]
        if blocks.nll.shape != other.nll.shape or not np.array_equal(blocks.n_bins, other.n_bins):
            raise ValueError(f"session {name!r}: other units or bins")
    return list(ours)


def _paired(ours: TimeBlocks, theirs: TimeBlocks) -> _Differences:
    """Differences of one session in blocks that are long enough to be independent."""
    differences, n_bins = ours.nll - theirs.nll, ours.n_bins.astype(np.float64)
    while len(n_bins) >= 2 * FEWEST_BLOCKS and _correlated(differences.mean(1)):
        starts = np.arange(0, len(n_bins), 2)
        joined = np.add.reduceat(n_bins, starts)
        differences = np.add.reduceat(differences * n_bins[:, None], starts) / joined[:, None]
        n_bins = joined
    return differences, n_bins


def _correlated(values: _Values) -> bool:
    centred = values - values.mean()
    power = float((centred**2).sum())
    rounding = len(values) * (1e-12 * float(values.mean())) ** 2
    return power > rounding and float((centred[1:] * centred[:-1]).sum()) / power > _CORRELATED / np.sqrt(len(values))


def _difference_and_shares(sessions: Sequence[_Differences], *drawn: npt.NDArray[np.int64], axis: int = -1) -> _Values:
    """Mean difference, share of units in which ours is better, and share in which theirs is ``[3, resamples]``."""
    units = _of_units(sessions, drawn)
    together = np.concatenate(units, axis=-1)
    means = np.mean([of_session.mean(-1) for of_session in units], axis=0)
    return np.stack([means, (together < -TIE).mean(-1), (together > TIE).mean(-1)])


def _of_units(sessions: Sequence[_Differences], drawn: Sequence[npt.NDArray[np.int64]]) -> list[_Values]:
    """Mean difference of every unit in each resample, by session ``[resamples, units]``."""
    means = []
    for (differences, n_bins), blocks in zip(sessions, drawn, strict=True):
        times = (blocks[..., None] == np.arange(len(n_bins))).sum(-2) * n_bins  # [resamples, blocks]
        means.append(times @ differences / times.sum(-1, keepdims=True))
    return means
