"""Triple-barrier labels on every bar: ours beside a naive compiled scan and block maxima.

    python benchmarks/labels.py [--n 1000000] [--horizon 60] [--k 1,2,4,8] [--reps 7]
                                [--mlfinpy PYTHON]

One process, one thread, peers in turn, medians. All compiled peers solve the same task: entry at
the next open, barriers widened by a cost, gap fills at the open, both barriers in one bar give
label 0, and label, end and exit price as output; their answers are compared. ``bare`` is the scan
without those rules (entry at the close, stop first, label and end only), as libraries have it.
"ours, labels table" is the whole call, from bars to a DataFrame.
mlfinpy needs an older pandas: --mlfinpy names a Python that has it; otherwise the 498,000 ns a
label measured before this project stand in.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import time

import numpy as np
import pandas as pd
from numba import njit

from ohlcvml.bars import Costs, Sessions
from ohlcvml.labels import TripleBarrierLabeller, _race
from ohlcvml.labels._market import read_market
from ohlcvml.streams import average_true_range

MLFINPY_NS = 498_000.0  # n 3,000, quiet machine


@njit(cache=True)
def naive(open_, high, low, close, atr, k, cost, horizon, first):
    n = len(close)
    label, end, price = np.zeros(n, np.int8), np.full(n, -1, np.int64), np.full(n, np.nan)
    for i in range(first, n - 1):
        entry = open_[i + 1]
        up, down = entry + k * atr[i] + cost, entry - k * atr[i] - cost
        last = min(i + horizon, n - 1)
        for j in range(i + 1, last + 1):
            above, below = high[j] >= up, low[j] <= down
            if above or below:
                end[i] = j
                if above and open_[j] >= up:
                    label[i], price[i] = 1, open_[j]
                elif below and open_[j] <= down:
                    label[i], price[i] = -1, open_[j]
                elif above and below:
                    price[i] = close[j]
                elif above:
                    label[i], price[i] = 1, up
                else:
                    label[i], price[i] = -1, down
                break
        if end[i] < 0 and i + horizon < n:
            end[i], price[i] = i + horizon, close[i + horizon]
    return label, end, price


@njit(cache=True)
def block_maximum(open_, high, low, close, atr, k, cost, horizon, first):
    n = len(close)
    label, end, price = np.zeros(n, np.int8), np.full(n, -1, np.int64), np.full(n, np.nan)
    blocks = (n + 15) // 16
    top, bottom = np.full(blocks, -np.inf), np.full(blocks, np.inf)
    for j in range(n):
        top[j >> 4] = max(top[j >> 4], high[j])
        bottom[j >> 4] = min(bottom[j >> 4], low[j])
    for i in range(first, n - 1):
        entry = open_[i + 1]
        up, down = entry + k * atr[i] + cost, entry - k * atr[i] - cost
        last = min(i + horizon, n - 1)
        j = i + 1
        while j <= last:
            if (j & 15) == 0 and top[j >> 4] < up and bottom[j >> 4] > down:
                j += 16
                continue
            above, below = high[j] >= up, low[j] <= down
            if above or below:
                end[i] = j
                if above and open_[j] >= up:
                    label[i], price[i] = 1, open_[j]
                elif below and open_[j] <= down:
                    label[i], price[i] = -1, open_[j]
                elif above and below:
                    price[i] = close[j]
                elif above:
                    label[i], price[i] = 1, up
                else:
                    label[i], price[i] = -1, down
                break
            j += 1
        if end[i] < 0 and i + horizon < n:
            end[i], price[i] = i + horizon, close[i + horizon]
    return label, end, price


@njit(cache=True)
def bare(high, low, close, atr, k, horizon, first):
    n = len(close)
    label, end = np.zeros(n, np.int8), np.zeros(n, np.int32)
    for i in range(first, n):
        up, down = close[i] + k * atr[i], close[i] - k * atr[i]
        last = min(i + horizon, n - 1)
        verdict, j = 0, i + 1
        while j <= last:
            if low[j] <= down:
                verdict = -1
                break
            if high[j] >= up:
                verdict = 1
                break
            j += 1
        label[i], end[i] = verdict, min(j, last)
    return label, end


def make_bars(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.standard_t(5, n) * 5e-4))
    open_ = np.r_[100.0, close[:-1]] * np.exp(rng.normal(0, 5e-5, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 2e-4, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 2e-4, n)))
    index = pd.date_range("2020-01-01", periods=n, freq="1min", tz="UTC", unit="ns", name="time")
    data = {"open": open_, "high": high, "low": low, "close": close}
    return pd.DataFrame({**data, "volume": np.round(rng.lognormal(5, 1, n) + 1)}, index=index)


def in_turn(peers, reps):
    """Median seconds of each peer, and the median over the turns of ours / better peer."""
    times = {name: [] for name in peers}
    for turn in range(reps + 1):
        for name, run in peers.items():
            start = time.perf_counter()
            run()
            if turn:  # the first turn compiles
                times[name].append(time.perf_counter() - start)
    turns = zip(times["ours, kernel"], times["naive scan"], times["block maximum"], strict=True)
    ratio = statistics.median(ours / min(scan, block) for ours, scan, block in turns)
    return {name: statistics.median(t) for name, t in times.items()}, ratio


def same(ours, theirs, rows) -> bool:
    label = np.where(ours.code == _race.UP, 1, np.where(ours.code == _race.DOWN, -1, 0))
    mine = (label, ours.exit_row, ours.price)
    return all(
        np.array_equal(a, b[rows], equal_nan=True) for a, b in zip(mine, theirs, strict=True)
    )


MLFINPY = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from mlfinpy.labeling.labeling import add_vertical_barrier, get_events
n, horizon = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
index = pd.date_range("2020-01-01", periods=n, freq="1min")
close = pd.Series(100 * np.exp(np.cumsum(rng.standard_t(5, n) * 5e-4)), index)
target = pd.Series(0.0015, index)
def run():
    vertical = add_vertical_barrier(index, close, num_minutes=horizon)
    return get_events(close, index, [1, 1], target, 0.0, 1, vertical, verbose=False)
run()
start = time.perf_counter()
run()
print((time.perf_counter() - start) / n * 1e9)
"""


def mlfinpy_ns(python: str | None, horizon: int, n: int = 3000) -> tuple[float, str]:
    if python is None:
        return MLFINPY_NS, "recorded earlier, not run here"
    command = [python, "-c", MLFINPY, str(n), str(horizon)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(
        done.stdout.split()[-1]
    ), f"run here on {n} bars, one process, in its own environment"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--horizon", type=int, default=60)
    parser.add_argument("--k", default="1,2,4,8")
    parser.add_argument("--reps", type=int, default=7)
    parser.add_argument("--mlfinpy", help="a Python interpreter that has mlfinpy")
    args = parser.parse_args()
    n, horizon, cost = args.n, args.horizon, 0.01
    bars = make_bars(n)
    print(json.dumps({"n": n, "horizon": horizon, "threads": 1, "machine": platform.machine()}))
    market = read_market(bars, 14, Sessions(None), "benchmark")
    o, h, l, c = market.open, market.high, market.low, market.close  # noqa: E741
    atr = average_true_range(h, l, c, 14, market.starts)
    rows = np.arange(14, n - 1)
    ours_ns = 0.0
    for k in map(float, args.k.split(",")):
        terms = _race.Terms(True, horizon, k, k, 1.0, -1.0, cost, 0.0, 0.0, False)

        def ours(terms=terms):
            track = _race.make_track(market.starts, o, c, h, l, atr)  # block maxima included
            return _race.race(rows, track, terms)

        labeller = TripleBarrierLabeller(horizon, k, k, costs=Costs(spread=cost))
        peers = {
            "ours, kernel": ours,
            "naive scan": lambda k=k: naive(o, h, l, c, atr, k, cost, horizon, 14),
            "block maximum": lambda k=k: block_maximum(o, h, l, c, atr, k, cost, horizon, 14),
            "bare scan": lambda k=k: bare(h, l, c, atr, k, horizon, 14),
            "ours, labels table": lambda labeller=labeller: labeller.fit_transform(bars),
        }
        result, ratio = in_turn(peers, args.reps)
        agree = same(ours(), peers["naive scan"](), rows)
        agree = agree and same(ours(), peers["block maximum"](), rows)
        ns = {name: round(seconds / n * 1e9, 1) for name, seconds in result.items()}
        ours_ns = max(ours_ns, ns["ours, labels table"])
        line = {"k": k, "ns_per_bar": ns, "kernel_over_best": round(ratio, 2), "agree": agree}
        print(json.dumps(line))
    theirs, note = mlfinpy_ns(args.mlfinpy, horizon)
    figures = {"mlfinpy_ns": round(theirs), "note": note, "times_ours": round(theirs / ours_ns)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
