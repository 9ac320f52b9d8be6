"""Shape and memory of one-bar returns: skew, kurtosis, autocorrelation, variance ratio, Hurst."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import check_value, each, integer
from ohlcvml._elementary import log
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    ROUNDING,
    Track,
    compiled,
    correlation,
    inlined,
    keep,
    moments,
    new_tracks,
    pack,
    roll_tracks,
    scale_square,
    track_params,
    unpack,
)
from ohlcvml.typing import FloatArray

# Shares of the mean square below which a variance is taken from the returns themselves, for powers
# up to 4 and for products: sums of powers lose the digits of the mean.
_MOMENTS, _PRODUCTS = 1e-2, 1e-3

# Bars to a return in Hurst's regression: log variance on log q, q = 1, 2, 4, 8, 16. Least squares
# weighs the five as -2, -1, 0, 1, 2, so that the middle one is not needed, and one logarithm is.
_SCALES = (1, 2, 8, 16)
_SLOPE = 1.0 / (20.0 * math.log(2.0))

# Rows of the series: r^3, r^4, |r|, |r_1|, |r r_1|; then for each lag r_lag^2 and r r_lag; then for
# each span of bars, the first of them 1, the return R over it and R^2.
_LAGGED = 5


@inlined
def _fill(recent, size, n, lags, spans, series):  # type: ignore[no-untyped-def]
    now, before, older = recent[size:], recent[size - 1 :], recent[size - 2 :]
    cubes, fourths, sizes = series[0], series[1], series[2]
    older_sizes, products = series[3], series[4]
    for b in range(n):
        change, previous = now[b] - before[b], before[b] - older[b]
        square = change * change
        cubes[b], fourths[b], sizes[b] = square * change, square * square, abs(change)
        older_sizes[b], products[b] = abs(previous), abs(change * previous)
    for a in range(lags.shape[0]):
        then, earlier = recent[size - lags[a] :], recent[size - lags[a] - 1 :]
        squares, products = series[_LAGGED + 2 * a], series[_LAGGED + 2 * a + 1]
        for b in range(n):
            lagged = then[b] - earlier[b]
            squares[b], products[b] = lagged * lagged, lagged * (now[b] - before[b])
    for c in range(spans.shape[0]):
        start = recent[size - spans[c] :]
        row = _LAGGED + 2 * (lags.shape[0] + c)
        values, squares = series[row], series[row + 1]
        for b in range(n):
            value = now[b] - start[b]
            values[b], squares[b] = value, value * value


@inlined
def _moments(recent, size, n, job, factors, sums, skew, kurtosis):  # type: ignore[no-untyped-def]
    window, share, unsure = job[0], 1.0 / job[0], 0
    start = recent[size - window :]
    one, two, three, four = sums[job[1]], sums[job[1] + 1], sums[job[2]], sums[job[2] + 1]
    for b in range(n):  # two loops: one with six arrays in it is not compiled to vectors
        m1, s2, s3 = one[b] * share, two[b] * share, three[b] * share
        m2 = s2 - m1 * m1
        m3 = s3 - m1 * (3.0 * s2 - 2.0 * m1 * m1)
        unsure += 1 if m2 < _MOMENTS * s2 else 0
        skew[b] = factors[0] * m3 / (m2 * math.sqrt(m2)) if m2 > ROUNDING else np.nan
    for b in range(n):
        m1, s2, s3 = one[b] * share, two[b] * share, three[b] * share
        m2 = s2 - m1 * m1
        m4 = four[b] * share - m1 * (4.0 * s3 - m1 * (6.0 * s2 - 3.0 * m1 * m1))
        kurtosis[b] = factors[1] * m4 / (m2 * m2) - factors[2] if m2 > ROUNDING else np.nan
    if unsure > 0:
        for b in range(n):
            m1, s2 = one[b] * share, two[b] * share
            if s2 - m1 * m1 < _MOMENTS * s2:
                m2, m3, m4 = moments(start[b : b + window + 1])
                known = m2 > ROUNDING
                skew[b] = factors[0] * m3 / (m2 * math.sqrt(m2)) if known else np.nan
                kurtosis[b] = factors[1] * m4 / (m2 * m2) - factors[2] if known else np.nan


@inlined
def _correlation(recent, size, n, job, sums, sizes, column):  # type: ignore[no-untyped-def]
    window, lag, share, unsure = job[0], job[1], 1.0 / job[0], 0
    now, start = recent[size:], recent[size - window :]
    then, earlier = recent[size - lag :], recent[size - lag - window :]
    x_sum, y_sum = sums[job[2]], sums[job[3]]
    xx_sum, yy_sum, xy_sum = sums[job[4]], sums[job[5]], sums[job[6]]
    for b in range(n):
        x = x_sum[b] if sizes else now[b] - start[b]
        y = y_sum[b] if sizes else then[b] - earlier[b]
        xx, yy = xx_sum[b] - x * x * share, yy_sum[b] - y * y * share
        unsure += 1 if (xx < _PRODUCTS * xx_sum[b]) | (yy < _PRODUCTS * yy_sum[b]) else 0
        value = (xy_sum[b] - x * y * share) / math.sqrt(xx * yy)
        value = 1.0 if value > 1.0 else value
        value = -1.0 if value < -1.0 else value
        known = (xx > window * ROUNDING) & (yy > window * ROUNDING)
        column[b] = value if known else np.nan
    if unsure > 0:
        for b in range(n):
            x = x_sum[b] if sizes else now[b] - start[b]
            y = y_sum[b] if sizes else then[b] - earlier[b]
            xx, yy = xx_sum[b] - x * x * share, yy_sum[b] - y * y * share
            if xx < _PRODUCTS * xx_sum[b] or yy < _PRODUCTS * yy_sum[b]:
                column[b] = correlation(earlier[b : b + window + lag + 1], lag, sizes)


@inlined
def _variance(recent, size, n, job, sums, column):  # type: ignore[no-untyped-def]
    """Variance a bar from overlapping returns over so many bars (Lo and MacKinlay)."""
    bars, window, unsure = job[0], job[1], 0
    now, start = recent[size:], recent[size - window :]
    first, second = sums[job[2]], sums[job[2] + 1]
    length, share = window - bars + 1, bars / window
    weight = 1.0 / (bars * length * (1.0 - share))
    for b in range(n):
        mean = (now[b] - start[b]) * share
        square = second[b] - mean * (2.0 * first[b] - length * mean)
        unsure += 1 if square < _PRODUCTS * second[b] else 0
        column[b] = square * weight
    if unsure > 0:
        for b in range(n):
            if column[b] < _PRODUCTS * second[b] * weight:
                column[b] = scale_square(start[b : b + window + 1], bars) * weight


@inlined
def _hurst(n, job, variances, column):  # type: ignore[no-untyped-def]
    one, two = variances[job[0]], variances[job[1]]
    eight, sixteen = variances[job[2]], variances[job[3]]
    for b in range(n):
        product = sixteen[b] * sixteen[b] * eight[b] / (one[b] * one[b] * two[b])
        product = product if two[b] > ROUNDING else 0.0
        column[b] = product if one[b] > ROUNDING else np.nan
    for b in range(n):
        product = column[b]
        if product > 0:
            column[b] = min(max(0.5 + _SLOPE * log(product), 0.0), 1.0)


@inlined
def _write(recent, size, n, start, jobs, factors, sums, variances, out):  # type: ignore[no-untyped-def]
    shapes, pairs, sizes, scales, ratios, hursts = jobs
    k = shapes.shape[0]
    for j in range(k):
        _moments(
            recent, size, n, shapes[j], factors[j], sums, out[j, start:], out[k + j, start:]
        )  # fmt: skip
    k *= 2
    for j in range(pairs.shape[0]):
        _correlation(recent, size, n, pairs[j], sums, False, out[k + j, start:])
    k += pairs.shape[0]
    for j in range(sizes.shape[0]):
        _correlation(recent, size, n, sizes[j], sums, True, out[k + j, start:])
    k += sizes.shape[0]
    for j in range(scales.shape[0]):
        _variance(recent, size, n, scales[j], sums, variances[j])
    for j in range(ratios.shape[0]):
        above, below, column = variances[ratios[j, 0]], variances[ratios[j, 1]], out[k + j, start:]
        for b in range(n):
            column[b] = above[b] / below[b] if below[b] > ROUNDING else np.nan
    k += ratios.shape[0]
    for j in range(hursts.shape[0]):
        _hurst(n, hursts[j], variances, out[k + j, start:])


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    lags, spans, jobs, factors, variances, tracks, series, sums = params
    recent, slots, totals, tails = state
    size = recent.shape[0] - BLOCK
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(log_close, log_close, start, stop, recent, size)
        _fill(recent, size, n, lags, spans, series)
        roll_tracks(tracks, series, sums, n, slots, totals, tails)
        _write(recent, size, n, start, jobs, factors, sums, variances, out)
        for k in range(out.shape[0]):
            unpack(log_close, start, stop, n, out, k)
        keep(recent, size, n)


class DistributionFeatures(BaseFeature):
    """Shape and memory of one-bar log returns over the last w bars.

    Row t uses the closes of rows up to and including t. Columns: ``return_skew_{w}``,
    ``return_kurtosis_{w}``, ``return_autocorrelation_{lag}_{w}``,
    ``return_abs_autocorrelation_{w}``, ``variance_ratio_{q}_{w}``, ``hurst_{w}``; ``describe()``
    says what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(60, 240)
        In bars, each at least 4.
    lags : tuple of int, default=(1,)
        Of the autocorrelation of returns, in bars, each at least 1.
    horizons : tuple of int, default=(5, 15)
        Bars to a long return of the variance ratio, each at least 2 and less than every window.
    hurst_windows : tuple of int, default=(480,)
        In bars, each at least 32, twice the longest return of the estimate.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window, and its lag.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import DistributionFeatures
    >>> features = DistributionFeatures(windows=(60,), horizons=(5,), hurst_windows=(64,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    return_skew_60                   60
    return_kurtosis_60               60
    return_autocorrelation_1_60      61
    return_abs_autocorrelation_60    61
    variance_ratio_5_60              60
    hurst_64                         64
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(4)),
        "lags": each(integer(1)),
        "horizons": each(integer(2)),
        "hurst_windows": each(integer(2 * max(_SCALES))),
    }
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self,
        windows: tuple[int, ...] = (60, 240),
        lags: tuple[int, ...] = (1,),
        horizons: tuple[int, ...] = (5, 15),
        hurst_windows: tuple[int, ...] = (480,),
    ) -> None:
        self.windows = windows
        self.lags = lags
        self.horizons = horizons
        self.hurst_windows = hurst_windows
        super().__init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        below = each(integer(2, min(self.windows) - 1))
        check_value(type(self).__name__, "horizons", below, self.horizons)

    @property
    def lookback(self) -> int:
        """The largest window, and its lag."""
        return int(max(max(self.windows) + max(*self.lags, 1), *self.hurst_windows))

    def _layout(self) -> tuple[dict[str, list[Any]], list[int], list[int], list[Track]]:
        """What the kernel computes from which sums: (jobs, lags, spans, tracks)."""
        lags = sorted({1, *self.lags})
        spans = sorted({1, *self.horizons, *_SCALES})
        squares = {q: _LAGGED + 2 * (len(lags) + i) for i, q in enumerate(spans)}
        tracks: list[Track] = []

        def sums(first: int, second: int, window: int) -> int:
            """Row of the first of two sums, the second in the next."""
            track = (first, second, window)
            if track not in tracks:
                tracks.append(track)
            return 2 * tracks.index(track)

        def variance(bars: int, window: int) -> int:
            row = sums(squares[bars], squares[bars] + 1, window - bars + 1)
            job = [bars, window, row]
            if job not in jobs["scales"]:
                jobs["scales"].append(job)
            return jobs["scales"].index(job)

        names = ("shapes", "pairs", "sizes", "scales", "ratios", "hursts")
        jobs: dict[str, list[Any]] = {name: [] for name in names}
        lagged = {lag: _LAGGED + 2 * i for i, lag in enumerate(lags)}
        for w in self.windows:
            one, three = sums(squares[1], squares[1] + 1, w), sums(0, 1, w)
            jobs["shapes"].append([w, one, three])
            size, product = sums(2, 3, w), sums(4, lagged[1], w)
            jobs["sizes"].append([w, 1, size, size + 1, one + 1, product + 1, product])
        for lag in self.lags:
            for w in self.windows:
                one, row = (
                    sums(squares[1], squares[1] + 1, w),
                    sums(lagged[lag], lagged[lag] + 1, w),
                )
                jobs["pairs"].append([w, lag, 0, 0, one + 1, row, row + 1])
        jobs["ratios"] = [
            [variance(q, w), variance(1, w)] for q in self.horizons for w in self.windows
        ]
        jobs["hursts"] = [[variance(q, w) for q in _SCALES] for w in self.hurst_windows]
        return jobs, lags, spans, tracks

    def _kernel_params(self) -> tuple[Any, ...]:
        w = np.array(self.windows, dtype=np.float64)
        scale = (w - 1) / ((w - 2) * (w - 3))
        factors: FloatArray = np.column_stack(
            [np.sqrt(w * (w - 1)) / (w - 2), scale * (w + 1), scale * 3 * (w - 1)]
        )
        jobs, lags, spans, tracks = self._layout()
        return (
            np.array(lags, dtype=np.int64), np.array(spans, dtype=np.int64),
            tuple(np.array(rows, dtype=np.int64) for rows in jobs.values()), factors,
            np.zeros((len(jobs["scales"]), BLOCK)),
            *track_params(tracks, _LAGGED + 2 * (len(lags) + len(spans))),
        )  # fmt: skip

    def _initial_state(self) -> dict[str, Any]:
        size = max(max(self.windows) + max(*self.lags, 1), *self.hurst_windows)
        return {"recent": np.full(size + BLOCK, np.nan), **new_tracks(self._layout()[3])}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (4, 6), "lags": (1, 2), "horizons": (2,), "hurst_windows": (32,)},
            {"windows": (5,), "lags": (3,), "horizons": (2, 3), "hurst_windows": (33, 40)},
        ]
