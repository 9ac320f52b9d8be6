"""Shape and memory of one-bar returns: skew, kurtosis, autocorrelation, variance ratio, Hurst."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import check_value, each, integer
from ohlcvml.features._base import BaseFeature
from ohlcvml.features._columns import Column, windowed
from ohlcvml.features._compiled import compiled, inlined
from ohlcvml.features._window_sums import ROUNDING, new_sums, slide_pair, slide_powers, total
from ohlcvml.typing import FloatArray, IntArray

__all__ = ["DistributionFeatures"]

# Bars to a return in Hurst's regression: log variance on log q, q = 1, 2, 4, 8, 16. Least squares
# weighs the five as -2, -1, 0, 1, 2, so that the middle one is not needed, and one logarithm is.
_SCALES = (1, 2, 8, 16)
_SLOPE = 1.0 / (20.0 * math.log(2.0))


@inlined
def _aged(age, ring, slot):  # type: ignore[no-untyped-def]
    at = slot - age
    return ring[at if at >= 0 else at + ring.shape[0]]


@inlined
def _correlation(k, share, place, blocks, heads):  # type: ignore[no-untyped-def]
    x, y = total(k, 0, place, blocks, heads), total(k, 1, place, blocks, heads)
    xx = total(k, 2, place, blocks, heads) - x * x * share
    yy = total(k, 3, place, blocks, heads) - y * y * share
    xy = total(k, 4, place, blocks, heads) - x * y * share
    if xx * share > ROUNDING and yy * share > ROUNDING:
        return min(max(xy / math.sqrt(xx * yy), -1.0), 1.0)
    return np.nan


@inlined
def _scale_variance(  # type: ignore[no-untyped-def]
    i, bars, mean, length, weight, place, blocks, heads, anchors
):
    """Variance a bar, from overlapping returns over so many bars (Lo and MacKinlay)."""
    shift = bars * mean - anchors[i]
    first, second = total(i, 0, place, blocks, heads), total(i, 1, place, blocks, heads)
    return max(second - shift * (2.0 * first - length * shift), 0.0) * weight


@inlined
def _write_moments(  # type: ignore[no-untyped-def]
    k, n, window, factors, place, blocks, heads, out, t
):
    share = 1.0 / window
    m1 = total(k, 0, place, blocks, heads) * share
    s2 = total(k, 1, place, blocks, heads) * share
    s3 = total(k, 2, place, blocks, heads) * share
    s4 = total(k, 3, place, blocks, heads) * share
    m2 = s2 - m1 * m1
    if m2 > ROUNDING:
        m3 = s3 - m1 * (3.0 * s2 - 2.0 * m1 * m1)
        m4 = s4 - m1 * (4.0 * s3 - m1 * (6.0 * s2 - 3.0 * m1 * m1))
        out[k, t] = factors[0, k] * m3 / (m2 * math.sqrt(m2))
        out[n + k, t] = factors[1, k] * m4 / (m2 * m2) - factors[2, k]
    else:
        out[k, t] = out[n + k, t] = np.nan
    return max(m2, 0.0) * window / (window - 1)


@inlined
def _step(  # type: ignore[no-untyped-def]
    price, windows, factors, lags, spans, lengths, weights, n_horizons, hurst_windows,
    place, blocks, heads, anchors, pair_place, pair_blocks, pair_heads, pair_anchors,
    scale_place, scale_blocks, scale_heads, scale_anchors, ring, clock, variances, out, t,
):  # fmt: skip
    n, n_lags, slot, count = windows.shape[0], lags.shape[0], clock[0], clock[1]
    ring[slot] = price  # count: returns seen, this one included
    clock[0], clock[1] = slot + 1 if slot + 1 < ring.shape[0] else 0, count + 1
    if count == 0:
        out[:, t] = np.nan
        return
    change = price - _aged(1, ring, slot)
    for k in range(n):
        slide_powers(k, windows[k], 4, change, place, blocks, heads, anchors)
        if count >= windows[k]:
            variances[k] = _write_moments(
                k, n, windows[k], factors, place, blocks, heads, out, t
            )  # fmt: skip
        else:
            out[k, t] = out[n + k, t] = np.nan
    for j in range(n_lags + 1):  # the last is of sizes, at lag 1
        lag = lags[j] if j < n_lags else 1
        now, before = change, 0.0
        if count > lag:
            before = _aged(lag, ring, slot) - _aged(lag + 1, ring, slot)
        if j == n_lags:
            now, before = abs(now), abs(before)
        for k in range(n):
            at = j * n + k
            out[2 * n + at, t] = np.nan
            if count > lag:
                slide_pair(
                    at, windows[k], now, before, pair_place, pair_blocks, pair_heads, pair_anchors
                )  # fmt: skip
            if count >= windows[k] + lag:
                out[2 * n + at, t] = _correlation(
                    at, 1.0 / windows[k], pair_place, pair_blocks, pair_heads
                )  # fmt: skip
    for i in range(spans.shape[0]):
        if count >= spans[i]:
            slide_powers(
                i, lengths[i], 2, price - _aged(spans[i], ring, slot),
                scale_place, scale_blocks, scale_heads, scale_anchors,
            )  # fmt: skip
    done = (3 + n_lags) * n
    for h in range(n_horizons):
        for k in range(n):
            at, window = h * n + k, windows[k]
            out[done + at, t] = np.nan
            if count >= window and variances[k] > ROUNDING:
                mean = (price - _aged(window, ring, slot)) / window
                out[done + at, t] = _scale_variance(
                    at, spans[at], mean, lengths[at], weights[at],
                    scale_place, scale_blocks, scale_heads, scale_anchors,
                ) / variances[k]  # fmt: skip
    done += n_horizons * n
    for h in range(hurst_windows.shape[0]):
        window, at = hurst_windows[h], n_horizons * n + 4 * h
        out[done + h, t] = np.nan
        if count >= window:
            mean = (price - _aged(window, ring, slot)) / window
            for j in range(4):
                variances[n + j] = _scale_variance(
                    at + j, spans[at + j], mean, lengths[at + j], weights[at + j],
                    scale_place, scale_blocks, scale_heads, scale_anchors,
                )  # fmt: skip
            one, two, eight, sixteen = (
                variances[n], variances[n + 1], variances[n + 2], variances[n + 3]
            )  # fmt: skip
            if one > ROUNDING:
                grown, rest = sixteen / one, eight / two if two > ROUNDING else 0.0
                product = grown * grown * rest
                slope = 0.5 + _SLOPE * math.log(product) if product > 0 else 0.0
                out[done + h, t] = min(max(slope, 0.0), 1.0)


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    windows, factors, lags, spans, lengths, weights, n_horizons, hurst_windows = params
    (
        place, blocks, heads, anchors, pair_place, pair_blocks, pair_heads, pair_anchors,
        scale_place, scale_blocks, scale_heads, scale_anchors, ring, clock, variances,
    ) = state  # fmt: skip
    for t in range(first, last):
        if np.isnan(log_close[t]):
            out[:, t] = np.nan
        else:
            _step(
                log_close[t], windows, factors, lags, spans, lengths, weights, n_horizons,
                hurst_windows, place, blocks, heads, anchors,
                pair_place, pair_blocks, pair_heads, pair_anchors,
                scale_place, scale_blocks, scale_heads, scale_anchors,
                ring, clock, variances, out, t,
            )  # fmt: skip


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

    def _columns(self) -> list[Column]:
        warm, still = "NaN in the first w rows", "while all returns are equal"
        windows, columns = self.windows, []
        columns += windowed(
            "return_skew",
            windows,
            "skewness of the last w one-bar log returns r: sqrt(w (w - 1)) / (w - 2) m3 / m2^1.5, "
            "m central moments with divisor w",
            undefined=f"{warm} and {still}",
            source="G1 of Joanes & Gill (1998), The Statistician 47; as pandas",
        )
        columns += windowed(
            "return_kurtosis",
            windows,
            "excess kurtosis of the last w r: (w - 1) / ((w - 2) (w - 3)) ((w + 1) (m4 / m2^2 - 3)"
            " + 6)",
            undefined=f"{warm} and {still}",
            source="G2 of Joanes & Gill (1998), The Statistician 47; as pandas",
        )
        for lag in self.lags:
            columns += windowed(
                f"return_autocorrelation_{lag}",
                windows,
                "correlation of r_i and r_{i-lag} over the last w bars",
                unit="-1 to 1",
                undefined=f"NaN in the first w + lag rows and {still}",
                source="Pearson; TA-Lib CORREL",
            )
        columns += windowed(
            "return_abs_autocorrelation",
            windows,
            "correlation of |r_i| and |r_{i-1}| over the last w bars",
            unit="-1 to 1",
            undefined="NaN in the first w + 1 rows and while all |r| are equal",
            source="volatility clustering: Ding, Granger & Engle (1993), Journal of Empirical "
            "Finance 1",
        )
        for q in self.horizons:
            columns += windowed(
                f"variance_ratio_{q}",
                windows,
                "variance of overlapping q-bar log returns / (q variance of one-bar ones), both "
                "unbiased, about the mean of the last w bars; 1 for a random walk",
                undefined=f"{warm} and {still}",
                source="Lo & MacKinlay (1988), Review of Financial Studies 1",
            )
        columns += windowed(
            "hurst",
            self.hurst_windows,
            "half the slope of log variance of overlapping q-bar log returns on log q, q = 1, 2, "
            "4, 8, 16, variances as in the variance ratio; cut to 0 and 1, 0.5 for a random walk",
            unit="0 to 1",
            undefined=f"{warm} and {still}",
            source="Di Matteo (2007), Quantitative Finance 7: the exponent of order 2",
        )
        return columns

    @property
    def lookback(self) -> int:
        """The largest window, and its lag."""
        return int(max(max(self.windows) + max(*self.lags, 1), *self.hurst_windows))

    def _scales(self) -> list[tuple[int, int]]:
        """(q, window) of each series of q-bar returns: of the variance ratios, then of Hurst."""
        ratios = [(q, w) for q in self.horizons for w in self.windows]
        return ratios + [(q, w) for w in self.hurst_windows for q in _SCALES]

    def _kernel_params(self) -> tuple[Any, ...]:
        w = np.array(self.windows, dtype=np.float64)
        scale = (w - 1) / ((w - 2) * (w - 3))
        factors: FloatArray = np.stack(
            [np.sqrt(w * (w - 1)) / (w - 2), scale * (w + 1), scale * 3 * (w - 1)]
        )
        spans, window = np.array(self._scales(), dtype=np.int64).T.copy()
        lengths: IntArray = window - spans + 1
        weights = 1.0 / (spans * lengths * (1.0 - spans / window))
        whole = [np.array(v, dtype=np.int64) for v in (self.windows, self.lags, self.hurst_windows)]
        return whole[0], factors, whole[1], spans, lengths, weights, len(self.horizons), whole[2]

    def _initial_state(self) -> dict[str, Any]:
        lengths = [w - q + 1 for q, w in self._scales()]
        parts = {
            "": new_sums(self.windows, 4),
            "pair_": new_sums([*self.windows] * (len(self.lags) + 1), 5),
            "scale_": new_sums(lengths, 2),
        }
        sums = {
            f"{part}{name}": array
            for part, arrays in parts.items()
            for name, array in zip(("place", "blocks", "heads", "anchors"), arrays, strict=True)
        }
        size = max(*self.windows, *self.hurst_windows, max(self.lags) + 1) + 1
        return {
            **sums, "ring": np.zeros(size), "clock": np.zeros(2, dtype=np.int64),
            "variances": np.zeros(len(self.windows) + len(_SCALES)),
        }  # fmt: skip

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (4, 6), "lags": (1, 2), "horizons": (2,), "hurst_windows": (32,)},
            {"windows": (5,), "lags": (3,), "horizons": (2, 3), "hurst_windows": (33, 40)},
        ]
