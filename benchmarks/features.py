"""Time and memory of the default feature set.

    python benchmarks/features.py --n 1000000

Prints nanoseconds per bar and column of each family and of the set, peak memory against the
output, and microseconds per bar of the stream. One thread. On a busy machine ``--clock cpu`` counts
processor time instead of wall time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import numpy as np
import pandas as pd
from _memory import PeakMemory

from ohlcvml import features
from ohlcvml.features._channels import Channels

clock = time.perf_counter


def make_bars(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 5000 * np.exp((rng.standard_t(5, n) * 2e-4).cumsum())
    open_ = np.r_[5000.0, close[:-1]] * np.exp(rng.normal(0, 2e-5, n))
    high = np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 1e-4, n)))
    low = np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 1e-4, n)))
    volume = np.round(rng.lognormal(5, 1, n) + 1)
    index = pd.date_range("2020-01-01", periods=n, freq="1min", tz="UTC", name="time")
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume}
    return pd.DataFrame(columns, index=index)


def median_seconds(run: object, repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = clock()
        run()  # type: ignore[operator]
        times.append(clock() - start)
    return statistics.median(times)


def time_preallocated(feature: features.BaseFeature, bars: pd.DataFrame, repeats: int) -> float:
    block = np.zeros((len(feature.feature_names), len(bars)))
    return median_seconds(lambda: feature._write(bars, Channels(bars, "set"), block), repeats)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stream", type=int, default=20_000)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    args = parser.parse_args()
    if args.clock == "cpu":
        global clock
        clock = time.thread_time
    bars = make_bars(args.n)
    default = features.OHLCVFeatures()

    start = clock()
    default.fit_transform(bars.iloc[:1000])
    print(json.dumps({"first_call_s": round(clock() - start, 2)}))

    for name, family in default._families().features:
        width = len(family.feature_names)
        out = np.zeros((width, args.n))
        channels = Channels(bars, name)
        seconds = median_seconds(lambda: family._write(bars, channels, out), args.repeats)  # noqa: B023
        per_bar = seconds / args.n * 1e9
        row = {"family": name, "columns": width, "ns_per_bar": round(per_bar, 1)}
        print(json.dumps({**row, "ns_per_bar_column": round(per_bar / width, 2)}))

    default.fit(bars)
    width = len(default.feature_names)
    seconds = time_preallocated(default, bars, args.repeats)
    row = {"set": "preallocated", "columns": width, "ns_per_bar": round(seconds / args.n * 1e9, 1)}
    print(json.dumps({**row, "ns_per_bar_column": round(seconds / args.n / width * 1e9, 2)}))
    with PeakMemory() as peak:
        start = clock()
        table = default.transform(bars)
        seconds = clock() - start
    output = table.to_numpy().nbytes / 2**20
    row = {"set": "transform()", "s": round(seconds, 3), "output_mib": round(output)}
    print(json.dumps({**row, "peak_over_output": round(peak.growth / output, 3)}))

    symbols = {f"s{k:02d}": bars.iloc[: args.n // 50] for k in range(50)}
    panel = pd.concat(symbols, names=["symbol", "time"])
    del table
    seconds_panel = median_seconds(lambda: default.transform(panel), 3)
    seconds_one = median_seconds(lambda: default.transform(bars.iloc[: len(panel)]), 3)
    print(json.dumps({"50_symbols_over_one_series": round(seconds_panel / seconds_one, 2)}))

    stream, times = default.stream(), []
    for bar in bars.iloc[: args.stream].to_dict("records"):
        start = clock()
        stream.push(bar)
        times.append(clock() - start)
    p50, p99 = np.percentile(np.array(times[1000:]) * 1e6, [50, 99])
    print(json.dumps({"push_us_p50": round(p50, 1), "push_us_p99": round(p99, 1)}))


if __name__ == "__main__":
    main()
