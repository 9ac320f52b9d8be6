"""Indicators that TA-Lib has, beside TA-Lib.

    python benchmarks/talib_indicators.py --n 1000000

INDICATORS: raw, in TA-Lib's units and without the division by an average true range, made of the
steps that the families are made of; compared with TA-Lib's values before they are timed. Once for
the windows of the family together, as families compute them (``ratio``), TA-Lib getting one call a
window; once for the first window alone (``ratio_one_window``).
FAMILIES: what a user calls, with the average true range and the division by it, beside TA-Lib
making the raw indicators and that average one by one.

Median nanoseconds per bar, ours and theirs in turn, one thread; then geometric mean and worst of
the ratios. Ours writes into an array made beforehand. TA-Lib makes its own; so that it need not pay
for memory not touched before, the allocator is told to keep what it once had. On a busy machine
``--clock cpu`` counts processor time. A new indicator is a line in a table.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import math
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import talib
from features import make_bars

from ohlcvml import features, streams
from ohlcvml.features import (
    _acceleration,
    _channel,
    _directional,
    _momentum,
    _oscillators,
    _regression,
)
from ohlcvml.features._ultimate import new_ultimate, run_ultimate
from ohlcvml.streams._channels import Channels
from ohlcvml.streams.kernels._atr import true_ranges
from ohlcvml.streams.kernels._averages import average_params, smooth_rows
from ohlcvml.streams.kernels._block_sums import new_sums
from ohlcvml.streams.kernels._blocks import BLOCK, keep, pack
from ohlcvml.streams.kernels._compiled import compiled
from ohlcvml.streams.kernels._extrema import new_peaks, new_ranges, roll_range
from ohlcvml.streams.kernels._windows import (
    double_means,
    double_spreads,
    keep_stretches,
    new_spreads,
    new_stretches,
    window_means,
    window_spreads,
)

Windows = tuple[int, ...]


class Bars(NamedTuple):
    high: Any
    low: Any
    close: Any


class Indicator(NamedTuple):
    """Ours writes series s of window k to row s * len(windows) + k; theirs gives its series."""

    windows: Windows
    ours: Callable[[Bars, Windows, Any], None]
    theirs: Callable[[Bars, int], tuple[Any, ...]]


@compiled
def _means(x, windows, means, out):
    before = means.shape[1] - BLOCK
    for start in range(0, x.shape[0], BLOCK):
        n = pack(x, x, start, min(start + BLOCK, x.shape[0]), means[0], before)
        double_means(means, n)
        for k in range(windows.shape[0]):
            window_means(means, n, windows[k], out[k, start:])
        keep_stretches(means, n)


def sma(bars, windows, out):
    _means(bars.close, np.array(windows), new_stretches(windows), out)


@compiled
def _deviations(x, windows, means, spreads, room, spread, out):
    before = means.shape[1] - BLOCK
    for start in range(0, x.shape[0], BLOCK):
        n = pack(x, x, start, min(start + BLOCK, x.shape[0]), means[0], before)
        double_spreads(means, spreads, n)
        for k in range(windows.shape[0]):
            row, share = out[k, start:], 1.0 / windows[k]
            window_spreads(means, spreads, n, windows[k], room, spread)
            for b in range(n):
                row[b] = math.sqrt(spread[b] * share)
        keep_stretches(means, n)
        keep_stretches(spreads, n)


def stddev(bars, windows, out):
    state = new_stretches(windows), new_spreads(windows)
    _deviations(bars.close, np.array(windows), *state, *np.zeros((2, BLOCK)), out)


@compiled
def _ema(x, chains, weights, averages, out):
    series = x.reshape(1, -1)
    for start in range(0, x.shape[0], BLOCK):
        n = min(BLOCK, x.shape[0] - start)
        smooth_rows(series[:, start:], n, start, chains, weights, averages, out[:, start:])


def ema(bars, windows, out):
    params = average_params(*((0, window, 0) for window in windows))
    _ema(bars.close, *params, np.zeros(len(windows)), out)


@compiled
def _rsi(x, chains, weights, averages, moves, rows, out):
    w = chains.shape[0] // 2
    for start in range(0, x.shape[0], BLOCK):
        n, skip = min(BLOCK, x.shape[0] - start), 1 if start == 0 else 0  # the first has no change
        now, before = x[start:], x[start - 1 + skip :]
        for b in range(skip, n):
            change = now[b] - before[b - skip]
            moves[0, b], moves[1, b] = max(change, 0.0), max(-change, 0.0)
        smooth_rows(moves, n, start, chains, weights, averages, rows[:, :n])
        for k in range(w):
            _momentum._share(rows[k], rows[w + k], n, out[k, start:])


def rsi(bars, windows, out):
    params = average_params(*((s, window, 1) for s in (0, 1) for window in windows), wilder=True)
    w = 2 * len(windows)
    _rsi(bars.close, *params, np.zeros(w), np.zeros((2, BLOCK)), np.zeros((w, BLOCK)), out)


@compiled
def _macd(x, spans, windows, weights, lines, ranges, out):
    for start in range(0, x.shape[0], BLOCK):
        n = min(BLOCK, x.shape[0] - start)
        rows = out[0, start:], out[1, start:], out[2, start:]
        _momentum._macd(x[start:], spans, n, start, windows, weights, lines, rows, ranges)


def macd(bars, windows, out):
    whole, room = np.array((12, windows[0], 9, 14)), np.zeros((2, BLOCK))
    _macd(bars.close, room[0], whole, 2 / (whole + 1), np.zeros(4), room[1], out)


@compiled
def _atr(high, low, close, chains, weights, averages, spans, out):
    for start in range(0, close.shape[0], BLOCK):
        stop = min(start + BLOCK, close.shape[0])
        _spans(high, low, close, start, stop, spans[0])
        n, rows = stop - start, out[:, start:]
        smooth_rows(spans, n, start, chains, weights, averages, rows)


@compiled
def _spans(high, low, close, start, stop, spans):
    skip = 1 if start == 0 else 0  # the first bar has none
    true_ranges(
        high, low, close, start + skip, stop, stop - start - skip, close[start - 1 + skip :],
        spans[skip:],
    )  # fmt: skip


def atr(bars, windows, out):
    params = average_params(*((0, window, 1) for window in windows), wilder=True)
    _atr(*bars, *params, np.zeros(len(windows)), np.zeros((1, BLOCK)), out)


@compiled
def _true_range(high, low, close, out):
    out[0, 0] = np.nan
    for start in range(0, high.shape[0], BLOCK):
        _spans(high, low, close, start, min(start + BLOCK, high.shape[0]), out[0, start:])


@compiled
def _ranges(high, low, windows, slots, ends, tops, bottoms, out):
    n = windows.shape[0]
    for k in range(n):
        slot, top, bottom = slots[k], ends[0, k], ends[1, k]
        for t in range(high.shape[0]):
            slot, top, bottom, out[k, t], out[n + k, t] = roll_range(
                high[t], low[t], windows[k], slot, top, bottom, tops[k], bottoms[k]
            )


def extremes(bars, windows, out):
    _ranges(bars.high, bars.low, np.array(windows), *new_ranges(windows), out)


@compiled
def _stochastic(inputs, windows, smoothing, ranges, sums, out):
    n = windows.shape[0]
    _oscillators._stochastic(inputs, 0, out.shape[1], windows, smoothing, n, ranges, sums, out)


def stochastic(bars, windows, out):
    sums = new_sums((3,) * (2 * len(windows)))
    _stochastic(tuple(bars), np.array(windows), np.array((3, 3)), new_ranges(windows), sums, out)


@compiled
def _williams(inputs, windows, ranges, out):
    _oscillators._williams(inputs, 0, out.shape[1], windows, 0, ranges, out)


def williams(bars, windows, out):
    _williams(tuple(bars), np.array(windows), new_ranges(windows), out)


@compiled
def _cci(inputs, windows, offset, recent, out):
    _oscillators._channel_index(inputs, 0, out.shape[1], windows, offset, recent, out)


def cci(bars, windows, out):
    recent = np.full(max(windows) - 1 + BLOCK, np.nan)
    _cci(tuple(bars), np.array(windows), np.empty(BLOCK), recent, out)


@compiled
def _ultimate(inputs, windows, clock, rings, sums, out):
    run_ultimate(inputs, 0, out.shape[1], windows, np.nan, clock, rings, sums, out[0])


def ultimate(bars, windows, out):
    three = (windows[0] // 4, windows[0] // 2, windows[0])
    _ultimate(tuple(bars), np.array(three), *new_ultimate(three), out)


@compiled
def _aroon(inputs, windows, peaks, out):
    _channel._aroon(inputs, 0, out.shape[1], windows, 0, peaks, out)


def aroon(bars, windows, out):
    peaks = new_peaks(tuple(window + 1 for window in windows * 2))
    _aroon(tuple(bars), np.array(windows), peaks, out)


def directional(bars, windows, out):
    family = features.DirectionalFeatures(windows)
    state = tuple(family._initial_state().values())
    _directional._run(tuple(bars), 0, out.shape[1], family._kernel_params(), state, out)


@compiled
def _rates(close, windows, closes, out):
    size = closes.shape[0] - BLOCK
    for start in range(0, close.shape[0], BLOCK):
        n = pack(close, close, start, min(start + BLOCK, close.shape[0]), closes, size)
        _acceleration._rates(closes, size, n, windows, out, start)
        keep(closes, size, n)


def rates(bars, windows, out):
    _rates(bars.close, np.array(windows), np.full(max(windows) + BLOCK, np.nan), out)


@compiled
def _lines(close, windows, scales, closes, clock, sums, out):
    # Slope, sum of squares and height of the close above the line are made together.
    w, size = windows.shape[0], closes.shape[0] - BLOCK
    for start in range(0, close.shape[0], BLOCK):
        n = pack(close, close, start, min(start + BLOCK, close.shape[0]), closes, size)
        now = close[start:]
        for k in range(w):
            slopes, spreads, heights = out[k, start:], out[w + k, start:], out[2 * w + k, start:]
            _regression._slide(
                closes, size, n, windows[k], scales, k, clock, sums, slopes, spreads, heights
            )
            for b in range(n):
                spreads[b] *= scales[0, k]
                heights[b] = now[b] - heights[b]
        keep(closes, size, n)


def lines(bars, windows, out):
    family = features.RegressionFeatures(windows)
    (whole, scales, _), state = family._kernel_params(), family._initial_state()
    _lines(bars.close, whole, scales, state["closes"], state["clock"], state["sums"], out)


INDICATORS = {
    "SMA": Indicator((10, 20, 50, 100), sma, lambda b, w: (talib.SMA(b.close, w),)),
    "EMA": Indicator((5, 10, 20, 50, 100), ema, lambda b, w: (talib.EMA(b.close, w),)),
    "RSI": Indicator((7, 14, 21), rsi, lambda b, w: (talib.RSI(b.close, w),)),
    "MACD": Indicator((26,), macd, lambda b, w: talib.MACD(b.close, 12, w, 9)),
    "ATR": Indicator((14, 60), atr, lambda b, w: (talib.ATR(*b, w),)),
    "TRANGE": Indicator(
        (1,), lambda b, _, out: _true_range(*b, out), lambda b, _: (talib.TRANGE(*b),)
    ),
    "STDDEV": Indicator((15, 30, 120), stddev, lambda b, w: (talib.STDDEV(b.close, w),)),
    "MAX, MIN": Indicator(
        (20, 60, 240), extremes, lambda b, w: (talib.MAX(b.high, w), talib.MIN(b.low, w))
    ),
    "STOCH": Indicator((14, 42), stochastic, lambda b, w: talib.STOCH(*b, w, 3, 0, 3, 0)),
    "WILLR": Indicator((7, 120), williams, lambda b, w: (talib.WILLR(*b, w),)),
    "CCI": Indicator((14, 40), cci, lambda b, w: (talib.CCI(*b, w),)),
    "ULTOSC": Indicator((28,), ultimate, lambda b, w: (talib.ULTOSC(*b, w // 4, w // 2, w),)),
    "AROON, AROONOSC": Indicator(
        (25, 100),
        aroon,
        lambda b, w: (*talib.AROON(*b[:2], w)[::-1], talib.AROONOSC(*b[:2], w)),
    ),
    "PLUS_DI, MINUS_DI, ADX": Indicator(
        (14, 50),
        directional,
        lambda b, w: (talib.PLUS_DI(*b, w), talib.MINUS_DI(*b, w), talib.ADX(*b, w)),
    ),
    "LINEARREG_SLOPE, VAR, LINEARREG": Indicator(
        (20, 60, 120),
        lines,
        lambda b, w: (
            talib.LINEARREG_SLOPE(b.close, w),
            talib.VAR(b.close, w),
            talib.LINEARREG(b.close, w),
        ),
    ),
    "ROCP": Indicator((40, 90, 240), rates, lambda b, w: (talib.ROCP(b.close, w),)),
}


def each(function: Callable[..., Any], windows: Windows, *inputs: Any) -> list[Any]:
    """Results for all windows: kept, so that both sides fill as much memory."""
    return [function(*inputs, window) for window in windows]


FAMILIES: dict[str, tuple[streams.BaseFeature, Callable[[Bars], Any]]] = {
    "DirectionalFeatures / PLUS_DI, MINUS_DI, ADX": (
        features.DirectionalFeatures(),
        lambda b: [
            each(function, (14, 50), *b) for function in (talib.PLUS_DI, talib.MINUS_DI, talib.ADX)
        ],
    ),
    "RegressionFeatures / LINEARREG_SLOPE, LINEARREG, STDDEV, ATR": (
        features.RegressionFeatures(),
        lambda b: (
            each(talib.LINEARREG_SLOPE, (20, 60, 120), b.close),
            each(talib.LINEARREG, (20, 60, 120), b.close),
            each(talib.STDDEV, (20, 60, 120), b.close),
            talib.ATR(*b, 14),
        ),
    ),
    "TrendFeatures / SMA, EMA, ATR": (
        features.TrendFeatures(),
        lambda b: (
            each(talib.SMA, (10, 20, 50, 100), b.close),
            each(talib.EMA, (5, 10, 20, 50, 100), b.close),
            talib.ATR(*b, 14),
        ),
    ),
    "MomentumFeatures / RSI, MACD, ATR": (
        features.MomentumFeatures(),
        lambda b: (each(talib.RSI, (7, 14, 21), b.close), talib.MACD(b.close), talib.ATR(*b, 14)),
    ),
    "ChannelFeatures / MAX, MIN, AROON, AROONOSC, ATR": (
        features.ChannelFeatures(),
        lambda b: (
            each(talib.MAX, (20, 60, 240), b.high),
            each(talib.MIN, (20, 60, 240), b.low),
            each(talib.AROON, (25, 100), *b[:2]),
            each(talib.AROONOSC, (25, 100), *b[:2]),
            talib.ATR(*b, 14),
        ),
    ),
    "OscillatorFeatures / STOCH, WILLR, ULTOSC, CCI, CMO (another formula)": (
        features.OscillatorFeatures(),
        lambda b: (
            each(lambda w: talib.STOCH(*b, w, 3, 0, 3, 0), (14, 42)),
            each(talib.WILLR, (7, 120), *b),
            talib.ULTOSC(*b),
            each(talib.CCI, (14, 40), *b),
            each(talib.CMO, (20, 90), b.close),
        ),
    ),
}


def keep_memory() -> None:
    """Make the allocator of Linux hand out freed memory again instead of giving it back."""
    for option in (-1, -3):  # thresholds of trimming and of mapping
        ctypes.CDLL(None).mallopt(option, 1 << 30)


def check(name: str, row: Indicator, bars: Bars, out: Any) -> None:
    """Raise unless ours is TA-Lib's wherever that has a value."""
    row.ours(bars, row.windows, out)
    for k, window in enumerate(row.windows):
        for s, expected in enumerate(row.theirs(bars, window)):
            ours, known = out[s * len(row.windows) + k], ~np.isnan(expected)
            scale = np.abs(expected[known]).max()
            if not np.abs(ours[known] - expected[known]).max() <= 1e-8 * scale:
                raise AssertionError(f"{name} of window {window} is not TA-Lib's")


def compare(ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int, clock: Any) -> Any:
    """Median seconds of both, in turn."""
    seconds: tuple[list[float], list[float]] = ([], [])
    ours(), theirs()
    for _ in range(repeats):
        for run, times in zip((ours, theirs), seconds, strict=True):
            start = clock()
            run()
            times.append(clock() - start)
    return [statistics.median(times) for times in seconds]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    args = parser.parse_args()
    clock = time.perf_counter if args.clock == "wall" else time.thread_time
    keep_memory()
    table = make_bars(args.n)
    channels = Channels(table, "benchmark")
    bars = Bars(*(channels[name] for name in Bars._fields))

    ratios: dict[str, list[float]] = {"ratio": [], "ratio_one_window": [], "ratio_family": []}
    for name, row in INDICATORS.items():
        out = np.zeros((3 * len(row.windows), args.n))
        check(name, row, bars, out)
        line: dict[str, Any] = {"indicator": name, "windows": row.windows}
        for key, windows in {"ratio": row.windows, "ratio_one_window": row.windows[:1]}.items():
            ours, theirs = compare(
                lambda: row.ours(bars, windows, out),  # noqa: B023
                lambda: each(row.theirs, windows, bars),  # noqa: B023
                args.repeats,
                clock,
            )
            if key == "ratio":
                line["ours_ns"], line["theirs_ns"] = (
                    round(seconds / args.n * 1e9, 2) for seconds in (ours, theirs)
                )
            line[key] = round(ours / theirs, 2)
            ratios[key].append(ours / theirs)
        print(json.dumps(line))
    for name, (family, call) in FAMILIES.items():
        out = np.zeros((len(family.feature_names), args.n))
        ours, theirs = compare(
            lambda: family._write(table, channels, out),  # noqa: B023
            lambda: call(bars),  # noqa: B023
            args.repeats,
            clock,
        )
        ours_ns, theirs_ns = (round(seconds / args.n * 1e9, 2) for seconds in (ours, theirs))
        line = {"family": name, "ours_ns": ours_ns, "theirs_ns": theirs_ns}
        print(json.dumps({**line, "ratio_family": round(ours / theirs, 2)}))
        ratios["ratio_family"].append(ours / theirs)
    for key, values in ratios.items():
        mean = round(statistics.geometric_mean(values), 3)
        print(json.dumps({"of": key, "geometric_mean": mean, "worst": round(max(values), 2)}))


if __name__ == "__main__":
    main()
