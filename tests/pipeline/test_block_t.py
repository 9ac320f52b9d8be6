"""Block-t intervals: blocks of bars, the ratio estimator by hand, coverage where rows overlap."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from ohlcvml.exceptions import DataError
from ohlcvml.pipeline import (
    BlockEstimate,
    block_sums,
    block_t,
    block_t_influence,
    number_blocks,
    placement_auc,
)


def moving_sums(n, horizon, rng):
    total = np.r_[0.0, np.cumsum(rng.standard_t(5, n + horizon))]
    return (total[horizon:] - total[:-horizon])[:n] / horizon


def test_blocks_count_bars_not_rows():
    dense = number_blocks(np.arange(800), 80)
    assert np.bincount(dense).tolist() == [80] * 10
    sparse = number_blocks(np.arange(0, 800, 7), 80)
    assert sparse.max() == 8  # 799 bars: nine blocks of 88 or 89
    assert (np.bincount(sparse) <= 13).all()
    # nothing is shorter than asked: the rest of a run is spread over its blocks
    assert np.bincount(number_blocks(np.arange(239), 80)).tolist() == [120, 119]


def test_blocks_end_at_folds_at_missing_rows_and_at_gaps_in_the_data():
    bars = np.arange(40)
    assert np.flatnonzero(np.diff(number_blocks(bars, 10, fold=bars >= 25))).tolist() == [12, 24]
    kept = np.r_[0:10, 25:40]
    assert np.flatnonzero(np.diff(number_blocks(kept, 10))).tolist() == [9]
    minute, day = 60 * 10**9, 24 * 3600 * 10**9
    weekend, hole = bars * minute, bars * minute
    weekend[15:] += 2 * day
    hole[15:] += 9 * day
    plain = number_blocks(bars, 10)
    assert number_blocks(bars, 10, stamps=weekend).tolist() == plain.tolist()
    assert np.flatnonzero(np.diff(number_blocks(bars, 10, stamps=hole)))[0] == 14


def test_rows_of_one_bar_share_a_block_whatever_symbol_or_fold_they_are_of():
    bars = np.arange(60)
    twice = np.r_[bars, bars]
    number = number_blocks(twice, 10, fold=np.repeat([0, 1], 60))
    assert number[:60].tolist() == number[60:].tolist() == number_blocks(bars, 10).tolist()
    # combinatorial folds: each stretch that any of them tests begins a block
    fold_0, fold_1 = np.r_[0:20, 40:60], np.r_[20:40, 40:60]
    number = number_blocks(np.r_[fold_0, fold_1], 15, fold=np.repeat([0, 1], 40))
    cuts = np.flatnonzero(np.diff(number_blocks(bars, 15, fold=np.repeat([0, 1, 2], 20))))
    assert sorted({number[np.r_[fold_0, fold_1] == b][0] for b in bars}) == [0, 1, 2]
    assert cuts.tolist() == [19, 39]


def test_the_ratio_estimator_by_hand():
    values = np.array([1.0, 3, 2, 2, 5, 0, 1, 4, 2, 1, 3, 6, 2])
    blocks = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
    found = block_t(values, blocks)
    mean, rows = values.mean(), np.bincount(blocks)
    left = np.bincount(blocks, values) - mean * rows
    effective = 13**2 / (rows**2).sum()
    error = np.sqrt(effective / (effective - 1) * (left**2).sum()) / 13
    reach = stats.t.ppf(0.975, effective - 1) * error
    assert found.estimate == pytest.approx(mean)
    assert found.blocks == pytest.approx(effective)
    assert (found.low, found.high) == pytest.approx((mean - reach, mean + reach))
    assert block_t_influence(mean, values - mean, blocks) == found


def test_fewer_than_six_blocks_give_no_interval_and_say_so():
    found = block_t(np.arange(10.0), np.arange(10) // 2)
    assert np.isnan(found.low)
    assert str(found) == "4.500 (no interval: 5.0 blocks, 6 are needed)"
    assert np.isfinite(block_t(np.arange(12.0), np.arange(12) // 2).low)
    # seven blocks, nearly all rows in one of them
    lopsided = block_t(np.arange(100.0), np.r_[np.zeros(94), np.arange(1, 7)])
    assert np.isnan(lopsided.low)
    assert isinstance(block_t([], []), BlockEstimate)


@pytest.mark.parametrize("sampled", ["every bar", "events"])
def test_coverage_where_labels_overlap(sampled):
    """Nominal 95 % over 250 seeds; naive intervals cover about a third."""
    hits, naive, n, horizon = 0, 0, 2000, 20
    for seed in range(250):
        rng = np.random.default_rng(seed)
        x, bars = moving_sums(n, horizon, rng), np.arange(n)
        if sampled == "events":
            busy = np.repeat(rng.random(n // 100) < 0.5, 100)
            bars = np.flatnonzero(rng.random(n) < np.where(busy, 0.9, 0.05))
            x = x[bars]
        found = block_t(x, number_blocks(bars, 4 * horizon))
        hits += found.low <= 0 <= found.high
        naive += abs(x.mean()) <= 1.96 * x.std() / np.sqrt(len(x))
    assert 0.91 <= hits / 250 <= 0.98
    assert naive / 250 < 0.5


def test_auc_by_placement_values():
    rng = np.random.default_rng(0)
    up, score = rng.random(300) < 0.4, rng.normal(size=300).round(1)
    weight = rng.uniform(0.5, 2.0, 300)
    area, influence = placement_auc(up, score)
    assert area == pytest.approx(roc_auc_score(up, score))
    assert placement_auc(up, score, weight=weight)[0] == pytest.approx(
        roc_auc_score(up, score, sample_weight=weight)
    )
    assert influence.mean() == pytest.approx(0.0, abs=1e-12)
    # leaving a row out moves the area by its influence, to first order
    for row in range(5):
        left = np.delete(np.arange(300), row)
        moved = area - roc_auc_score(up[left], score[left])
        assert moved == pytest.approx(influence[row] / 299, rel=0.02, abs=2e-5)
    # DeLong's variance for independent rows
    parts = np.var(influence[up] * up.mean(), ddof=1) / up.sum()
    parts += np.var(influence[~up] * (1 - up.mean()), ddof=1) / (~up).sum()
    spread = (influence**2).sum() / 300**2
    assert parts == pytest.approx(spread, rel=0.02)


def test_auc_intervals_cover_where_labels_overlap():
    hits, n, horizon = 0, 2000, 20
    blocks = number_blocks(np.arange(n), 4 * horizon)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels, score = moving_sums(n, horizon, rng), moving_sums(n, horizon, rng)
        area, influence = placement_auc(labels > 0, score)
        found = block_t_influence(area, influence, blocks)
        hits += found.low <= 0.5 <= found.high
    assert 0.91 <= hits / 200 <= 0.98


def test_what_cannot_be_summed_is_refused():
    with pytest.raises(DataError, match="1 values that are not finite"):
        block_sums([1.0, np.nan], [0, 0])
    with pytest.raises(DataError, match="one length"):
        block_sums([1.0], [0, 0])
    with pytest.raises(DataError, match="bar numbers from 0"):
        number_blocks([-1, 2], 5)
    for wrong in ({"score": [0.1, np.nan]}, {"score": [0.1]}, {"weight": [1.0]}):
        with pytest.raises(DataError, match="must be of one length and 'score' finite"):
            placement_auc(**{"up": [True, False], "score": [0.1, 0.2], **wrong})


def test_no_row_has_no_block_and_one_bar_has_one():
    assert number_blocks([], 4).shape == (0,)
    assert number_blocks([0, 0, 0], 4, stamps=[7]).tolist() == [0, 0, 0]
