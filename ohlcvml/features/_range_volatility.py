"""Volatility from open, high, low and close: Garman-Klass, Rogers-Satchell, Yang-Zhang."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import Rule, each, integer
from ohlcvml.features._columns import COLUMNS
from ohlcvml.streams import BaseFeature
from ohlcvml.streams.kernels import (
    BLOCK,
    ROUNDING,
    Track,
    compiled,
    inlined,
    keep,
    new_tracks,
    pack,
    roll_tracks,
    track_params,
    unpack,
)
from ohlcvml.typing import FloatArray, IntArray

_BODY = 2.0 * math.log(2.0) - 1.0  # weight of the body in the estimator of Garman and Klass
_PARKINSON = 1.0 / (4.0 * math.log(2.0))


@inlined
def _fill(opens, highs, lows, closes, n, weights, series):  # type: ignore[no-untyped-def]
    before, close = closes, closes[1:]
    moves, ranges, spans = series[0], series[1], series[2]
    gaps, bodies, gap_squares, body_squares = series[3], series[4], series[5], series[6]
    for b in range(n):
        gap, body = opens[b] - before[b], close[b] - opens[b]
        gaps[b], gap_squares[b] = gap, gap * gap
        bodies[b], body_squares[b] = body, body * body
    for b in range(n):
        high, low = highs[b], lows[b]
        inside = (high - close[b]) * (high - opens[b]) + (low - close[b]) * (low - opens[b])
        # Without a close before it a bar is not counted at all.
        ranges[b] = inside + 0.0 * before[b]
    for b in range(n):
        move, span = close[b] - before[b], highs[b] - lows[b]
        moves[b], spans[b] = move * move, span * span + 0.0 * move
    for k in range(2):
        parts = series[7 + k]
        for b in range(n):
            spread = weights[0, k] * gap_squares[b] + weights[1, k] * body_squares[b]
            parts[b] = spread + weights[2, k] * ranges[b]


@inlined
def _ratios(n, k, n_windows, window, sums, out, start):  # type: ignore[no-untyped-def]
    move, inside, span = sums[6 * k], sums[6 * k + 1], sums[6 * k + 2]
    gap, body = sums[6 * k + 4], sums[6 * k + 5]
    first, second = out[k, start:], out[n_windows + k, start:]
    third, none = out[2 * n_windows + k, start:], window * ROUNDING
    for b in range(n):
        square = 0.5 * span[b] - _BODY * body[b]
        first[b] = math.sqrt(square / move[b]) if move[b] > none else np.nan
    for b in range(n):
        ratio = math.sqrt(inside[b] / (_PARKINSON * span[b]))
        second[b] = ratio if span[b] > none else np.nan
    for b in range(n):
        whole = gap[b] + body[b]
        third[b] = gap[b] / whole if whole > none else np.nan


@inlined
def _yang_zhang(n, window, weights, k, gap, body, parts, column):  # type: ignore[no-untyped-def]
    gap_weight, body_weight = weights[0, k] / window, weights[1, k] / window
    for b in range(n):
        drift = gap_weight * gap[b] * gap[b] + body_weight * body[b] * body[b]
        square = parts[b] - drift
        column[b] = square if square > 1e-13 * parts[b] else 0.0 * parts[b]


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    log_open, log_high, log_low, log_close = inputs
    windows, pair, weights, bars, tracks, series, sums = params
    recent, slots, totals, tails = state
    opens, highs, lows = bars[0], bars[1], bars[2]
    n_windows = windows.shape[0]
    yz = 6 * n_windows
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(log_close, log_close, start, stop, recent, 1)
        pack(log_open, log_close, start, stop, opens, 0)
        pack(log_high, log_close, start, stop, highs, 0)
        pack(log_low, log_close, start, stop, lows, 0)
        _fill(opens, highs, lows, recent, n, weights, series)
        roll_tracks(tracks, series, sums, n, slots, totals, tails)
        for k in range(n_windows):
            _ratios(n, k, n_windows, windows[k], sums, out, start)
        slow, ratio = out[3 * n_windows, start:], out[3 * n_windows + 1, start:]
        for k in range(2):
            _yang_zhang(
                n, pair[k], weights, k, sums[yz + 4 * k], sums[yz + 4 * k + 1],
                sums[yz + 4 * k + 2], series[k],
            )  # fmt: skip
        fast, square = series[0], series[1]
        for b in range(n):
            slow[b] = math.sqrt(square[b])
            ratio[b] = math.sqrt(fast[b] / square[b]) if square[b] > ROUNDING else np.nan
        for k in range(out.shape[0]):
            unpack(log_close, start, stop, n, out, k)
        keep(recent, 1, n)


class RangeVolatilityFeatures(BaseFeature):
    """Volatility from open, high, low and close, as ratios of one estimator to another.

    Levels of range estimators rank bars almost alike (0.98 and more, beside ``parkinson`` and
    ``return_std``), so one is given as a level, Yang-Zhang, and the others by what sets them apart:
    against close-to-close returns (reversal inside bars), against Parkinson (drift inside bars),
    the share of gaps, and a short window against a long one.

    Row t uses rows t - w to t. Columns: ``garman_klass_ratio_{w}``, ``rogers_satchell_ratio_{w}``,
    ``gap_variance_share_{w}``, ``yang_zhang_{long}``, ``yang_zhang_ratio_{short}_{long}``;
    ``describe()`` says what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(30, 120)
        Of the first three, in bars, each at least 1.
    yang_zhang : tuple of two int, default=(20, 240)
        Short and long window of Yang-Zhang, in bars, rising, at least 2.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        The largest window.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import RangeVolatilityFeatures
    >>> features = RangeVolatilityFeatures(windows=(30,), yang_zhang=(10, 60))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    garman_klass_ratio_30       30
    rogers_satchell_ratio_30    30
    gap_variance_share_30       30
    yang_zhang_60               60
    yang_zhang_ratio_10_60      60
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(1)),
        "yang_zhang": Rule(
            "two rising integers of at least 2, such as (20, 240)",
            lambda value: (
                each(integer(2)).accepts(value) and len(value) == 2 and value[0] < value[1]
            ),
            (20, 20),
        ),
    }
    _inputs = ("log_open", "log_high", "log_low", "log_close")
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self, windows: tuple[int, ...] = (30, 120), yang_zhang: tuple[int, int] = (20, 240)
    ) -> None:
        self.windows = windows
        self.yang_zhang = yang_zhang
        super().__init__()

    def _column_values(self) -> dict[str, Any]:
        return dict(zip(("short", "slow"), self.yang_zhang, strict=True))

    @property
    def lookback(self) -> int:
        """The largest window."""
        return int(max(*self.windows, *self.yang_zhang))

    def _tracks(self) -> list[Track]:
        # Three a window, then two for each window of Yang-Zhang, of which one sum is not needed.
        tracks: list[Track] = []
        for w in self.windows:
            tracks += [(0, 1, w), (2, 2, w), (5, 6, w)]
        for k, w in enumerate(self.yang_zhang):
            tracks += [(3, 4, w), (7 + k, 7 + k, w)]
        return tracks

    def _kernel_params(self) -> tuple[Any, ...]:
        windows: IntArray = np.array(self.windows, dtype=np.int64)
        pair: IntArray = np.array(self.yang_zhang, dtype=np.int64)
        k = 0.34 / (1.34 + (pair + 1) / (pair - 1))
        weights: FloatArray = np.stack([1 / (pair - 1), k / (pair - 1), (1 - k) / pair])
        bars = np.zeros((3, BLOCK))
        return windows, pair, weights, bars, *track_params(self._tracks(), 9)

    def _initial_state(self) -> dict[str, Any]:
        return {"recent": np.full(1 + BLOCK, np.nan), **new_tracks(self._tracks())}

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (1, 3), "yang_zhang": (2, 4)},
            {"windows": (5,), "yang_zhang": (3, 5)},
        ]
