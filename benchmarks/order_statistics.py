"""Time of rolling quantile, median and rank beside polars, bottleneck and pandas.

    python benchmarks/order_statistics.py --n 1000000

One JSON line per series, statistic and window: nanoseconds per bar of each, and our time over that
of the fastest peer. One thread, one process, in turn, medians of ``--repeats``; our output is
preallocated, the peers allocate theirs. On a busy machine ``--clock cpu`` counts processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

os.environ["POLARS_MAX_THREADS"] = "1"

import bottleneck
import numpy as np
import pandas as pd
import polars as pl

from ohlcvml.streams.kernels._order import rolling_order

SLOW_S = 1.0  # a peer slower than this is timed once


def make_series(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(5, n) * 2e-4
    closes = np.round(5000 * np.exp(returns.cumsum()) * 4) / 4
    ticks = np.r_[0.0, np.diff(np.log(closes))]
    return {"returns": returns, "closes in ticks": closes, "returns in ticks": ticks}


def runs(values: np.ndarray, window: int, out: np.ndarray) -> dict[str, dict[str, Callable]]:
    frame, column = pd.Series(values).rolling(window), pl.Series("x", values)
    return {
        "quantile 0.9": {
            "ours": lambda: rolling_order(values, window, (0.9,), out=out),
            "polars": lambda: column.rolling_quantile(0.9, "linear", window),
            "pandas": lambda: frame.quantile(0.9),
        },
        "median": {
            "ours": lambda: rolling_order(values, window, (0.5,), out=out),
            "polars": lambda: column.rolling_median(window),
            "bottleneck": lambda: bottleneck.move_median(values, window),
            "pandas": lambda: frame.median(),
        },
        "rank": {
            "ours": lambda: rolling_order(values, window, rank=True, out=out),
            "polars": lambda: column.rolling_rank(window),
            "bottleneck": lambda: bottleneck.move_rank(values, window),
            "pandas": lambda: frame.rank(),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--windows", type=int, nargs="+", default=[60, 1440])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    args = parser.parse_args()
    clock = time.perf_counter if args.clock == "wall" else time.process_time
    print(json.dumps({**vars(args), "threads": 1, "seed": 0}))
    versions = {m.__name__: m.__version__ for m in (pl, bottleneck, pd, np)}
    print(json.dumps({"versions": versions}))
    out = np.zeros((1, args.n))
    rolling_order(np.arange(10.0), 4, (0.5,), rank=True)  # compiles

    for name, values in make_series(args.n).items():
        for window in args.windows:
            for statistic, timed in runs(values, window, out).items():
                seconds: dict[str, list[float]] = {who: [] for who in timed}
                for _ in range(args.repeats):
                    for who, run in timed.items():
                        if min(seconds[who], default=0.0) > SLOW_S:
                            continue
                        start = clock()
                        run()
                        seconds[who].append(clock() - start)
                found = {who: statistics.median(times) for who, times in seconds.items()}
                ours = found["ours"]
                best = min(time_ for who, time_ in found.items() if who != "ours")
                row = {"series": name, "statistic": statistic, "window": window}
                ns = {who: round(value / args.n * 1e9, 1) for who, value in found.items()}
                print(json.dumps({**row, "ns_per_bar": ns, "ratio": round(ours / best, 2)}))

    several = np.zeros((4, args.n))
    for window in args.windows:
        values, times = make_series(args.n)["returns"], []
        for _ in range(args.repeats):
            start = clock()
            rolling_order(values, window, (0.05, 0.5, 0.95), rank=True, out=several)
            times.append(clock() - start)
        ns = round(statistics.median(times) / args.n * 1e9, 1)
        print(json.dumps({"three quantiles and the rank": window, "ns_per_bar": ns}))


if __name__ == "__main__":
    main()
