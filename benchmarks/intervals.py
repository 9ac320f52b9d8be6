"""How often 95 % intervals hold the truth where labels overlap by a whole horizon.

    python benchmarks/intervals.py            # 400 runs, about 10 s
    python benchmarks/intervals.py --runs 40

Three figures whose true value is known: the mean of a row's loss difference (true mean 0), the same
where labels are sampled at events, densely in some stretches and hardly at all in others, and the
AUC of a score that knows nothing of the labels (true value one half). Rows of one horizon repeat
each other: each is a moving sum over the horizon of heavy-tailed noise whose volatility clusters.
The naive interval takes rows as independent.
Where events leave fewer than 6 effective blocks there is no interval, which is counted apart.
Percentages have a standard error of about 1 point at 400 runs.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.signal import lfilter

from ohlcvml.pipeline import (
    BlockEstimate,
    block_t,
    block_t_influence,
    number_blocks,
    placement_auc,
)
from ohlcvml.typing import BoolArray, FloatArray

CASES = ((2000, 20), (10_000, 60), (2000, 60))


def overlapping(n: int, horizon: int, rng: np.random.Generator) -> FloatArray:
    """Rows that overlap by ``horizon`` bars, of mean 0, with clustered volatility."""
    noise = rng.standard_t(5, n + horizon)
    level = lfilter([1.0], [1.0, -0.99], rng.standard_normal(n + horizon + 400))[400:]
    total = np.r_[0.0, np.cumsum(noise * np.exp(level / 16.0))]
    return (total[horizon:] - total[:-horizon])[:n] / horizon


def events(n: int, horizon: int, rng: np.random.Generator) -> BoolArray:
    """Rows kept: nine in ten in busy stretches of eight horizons, one in twenty in quiet ones."""
    busy = rng.random(n // (8 * horizon) + 1) < 0.5
    share = np.where(np.repeat(busy, 8 * horizon)[:n], 0.9, 0.05)
    return rng.random(n) < share


def naive(values: FloatArray) -> BlockEstimate:
    """Interval that takes rows as independent."""
    mean, reach = float(values.mean()), 1.96 * float(values.std()) / np.sqrt(len(values))
    return BlockEstimate(mean, mean - reach, mean + reach, float(len(values)))


def holds(interval: BlockEstimate, truth: float) -> float:
    """Whether the interval covers the truth; NaN where there is none (fewer than 6 blocks)."""
    if np.isnan(interval.low):
        return float("nan")
    return float(interval.low <= truth <= interval.high)


def one_run(n: int, horizon: int, seed: int) -> list[float]:
    """Naive and block-t coverage of a mean, of a mean at events and of an AUC, in this order."""
    rng = np.random.default_rng(seed)
    rows = overlapping(n, horizon, rng)
    blocks = number_blocks(np.arange(n), 4 * horizon)
    kept = events(n, horizon, rng)
    some = number_blocks(np.flatnonzero(kept), 4 * horizon)
    up, score = rows > 0, overlapping(n, horizon, rng)  # the score overlaps as the labels do
    area, influence = placement_auc(up, score)
    spread = float(influence.std()) * 1.96 / np.sqrt(n)
    return [
        holds(naive(rows), 0.0),
        holds(block_t(rows, blocks), 0.0),
        holds(naive(rows[kept]), 0.0),
        holds(block_t(rows[kept], some), 0.0),
        holds(BlockEstimate(area, area - spread, area + spread, float(n)), 0.5),
        holds(block_t_influence(area, influence, blocks), 0.5),
    ]


def main(runs: int) -> None:
    """Print a table of coverage in percent."""
    print(f"{runs} runs, coverage of nominal 95 % intervals")
    print("  rows horizon |   mean: naive block-t | events: naive block-t |    AUC: naive block-t")
    for n, horizon in CASES:
        found = np.array([one_run(n, horizon, seed) for seed in range(runs)])
        share = 100 * np.nanmean(found, axis=0)
        pairs = " | ".join(f"{share[k]:13.1f} {share[k + 1]:7.1f}" for k in (0, 2, 4))
        without = 100 * np.isnan(found[:, 3]).mean()
        print(f"{n:6d} {horizon:7d} | {pairs} | {without:.0f} % of events without an interval")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400)
    main(parser.parse_args().runs)
