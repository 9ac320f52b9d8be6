"""Time and memory of the default feature set, beside TA-Lib.

    python benchmarks/features.py --n 1000000

Prints nanoseconds per bar and column of each family; of the set in one thread and in two, in turn
with TA-Lib (where installed) making 15 indicators in 10 windows each into an array of its own, both
into memory touched before; peak memory against the output; 50 symbols against one series; and
microseconds a bar of the stream. On a busy machine ``--clock cpu`` counts processor time instead of
wall time (not for two threads).
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from _memory import PeakMemory

from ohlcvml import features, streams
from ohlcvml.streams._channels import Channels
from ohlcvml.typing import FloatArray

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


def compare(bars: pd.DataFrame, args: argparse.Namespace) -> None:
    """The set in one and in two threads, in turn with TA-Lib."""
    runs: dict[str, tuple[int, Callable[[], object]]] = {}
    width = len(features.OHLCVFeatures().feature_names)
    block = np.zeros((width, len(bars)))  # for all, so that each meets the same memory
    for n_jobs in (1, 2):
        feature = features.OHLCVFeatures(n_jobs=n_jobs)
        runs[f"set, n_jobs={n_jobs}"] = (width, partial(write_into, feature, bars, block))
    calls = talib_calls(bars)
    if calls:
        runs["TA-Lib, 15 x 10"] = (len(calls), partial(call_all, calls, block))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(args.repeats):
        for name, (_, run) in runs.items():
            now = time.perf_counter if name.endswith("n_jobs=2") else clock
            run()  # brings the memory back that the system took while others ran
            start = now()
            run()
            times[name].append(now() - start)
    per_column = {}
    for name, (width, _) in runs.items():
        per_bar = statistics.median(times[name]) / len(bars) * 1e9
        per_column[name] = per_bar / width
        row = {"run": name, "columns": width, "ns_per_bar": round(per_bar, 1)}
        print(json.dumps({**row, "ns_per_bar_column": round(per_bar / width, 2)}))
    one, two, *theirs = per_column.values()
    ratios = {"two_threads_times_faster": round(one / two, 2)}
    if theirs:
        ratios["per_column_over_talib"] = round(one / theirs[0], 3)
    print(json.dumps(ratios))


def write_into(feature: streams.BaseFeature, bars: pd.DataFrame, block: FloatArray) -> None:
    feature._write(bars, Channels(bars, "set"), block)


def call_all(calls: list[Callable[[], FloatArray]], block: FloatArray) -> None:
    for k, call in enumerate(calls):
        block[k] = call()


def talib_calls(bars: pd.DataFrame) -> list[Callable[[], FloatArray]]:
    try:
        import talib as t
    except ImportError:
        return []
    columns = ("open", "high", "low", "close", "volume")
    _, h, low, c, v = (np.ascontiguousarray(bars[name]) for name in columns)
    r = np.r_[0.0, np.diff(np.log(c))]
    one = (t.SMA, t.EMA, t.RSI, t.STDDEV, t.ROC, t.LINEARREG_SLOPE)
    bar = (t.ATR, t.ADX, t.CCI)
    calls: list[Callable[[], FloatArray]] = []
    for w in (5, 10, 14, 20, 30, 45, 60, 90, 120, 240):
        calls += [partial(f, c, w) for f in one] + [partial(f, h, low, c, w) for f in bar]
        calls += [partial(t.MAX, h, w), partial(t.MIN, low, w), partial(t.CORREL, c, v, w)]
        calls += [partial(t.MFI, h, low, c, v, w), partial(t.SUM, v, w), partial(t.VAR, r, w)]
    return calls


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
    default.fit_transform(bars.iloc[:3000])
    print(json.dumps({"first_call_s": round(clock() - start, 2)}))

    for name, family in default._union().features:
        width = len(family.feature_names)
        out = np.zeros((width, args.n))
        channels = Channels(bars, name)
        family._write(bars, channels, out)  # makes the channels, which families share
        seconds = median_seconds(lambda: family._write(bars, channels, out), args.repeats)  # noqa: B023
        per_bar = seconds / args.n * 1e9
        row = {"family": name, "columns": width, "ns_per_bar": round(per_bar, 1)}
        print(json.dumps({**row, "ns_per_bar_column": round(per_bar / width, 2)}))

    compare(bars, args)
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
    times: dict[int, list[float]] = {0: [], 1: []}
    tables = (bars.iloc[: len(panel)], panel)
    block = np.zeros((len(default.feature_names), len(panel)))
    for _ in range(args.repeats):
        for k, rows in enumerate(tables):
            write_into(default, rows, block)  # as above
            start = clock()
            write_into(default, rows, block)
            times[k].append(clock() - start)
    seconds_one, seconds_panel = (statistics.median(t) for t in times.values())
    print(json.dumps({"50_symbols_over_one_series": round(seconds_panel / seconds_one, 2)}))

    stream, pushes = default.stream(), []
    for bar in bars.iloc[: args.stream].itertuples():
        start = clock()
        stream.push(bar)
        pushes.append(clock() - start)
    p50, p99 = np.percentile(np.array(pushes[1000:]) * 1e6, [50, 99])
    print(json.dumps({"push_us_p50": round(p50, 1), "push_us_p99": round(p99, 1)}))


if __name__ == "__main__":
    main()
