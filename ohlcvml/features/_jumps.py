"""Jumps and the volatility of volatility, from one-bar returns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ohlcvml._checks import each, integer, real
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
    settling,
    track_params,
    unpack,
)


@inlined
def _fill(recent, n, decay, average, series):  # type: ignore[no-untyped-def]
    now, before, older = recent[2:], recent[1:], recent
    squares, falls, products, fading = series[0], series[1], series[2], series[3]
    for b in range(n):
        change, previous = now[b] - before[b], before[b] - older[b]
        squares[b], products[b] = change * change, abs(change * previous)
        falls[b] = change * change if change < 0 else change * 0.0  # NaN stays NaN
    smooth, weight, gain = average[0], average[1], 1.0 - decay
    for b in range(n):
        if not np.isnan(squares[b]):
            smooth = smooth * decay + squares[b] * gain
            weight = weight * decay + gain
        fading[b] = smooth / weight
    average[0], average[1] = smooth, weight


@inlined
def _shares(n, window, variation, down, bipower, fading, out, k, rows, start):  # type: ignore[no-untyped-def]
    jumps, falls, ratios = out[k, start:], out[rows + k, start:], out[2 * rows + k, start:]
    none, scale = window * ROUNDING, 0.5 * math.pi * window / (window - 1)
    for b in range(n):
        share = 1.0 - scale * bipower[b] / variation[b]
        jumps[b] = (share if share > 0 else 0.0) if variation[b] > none else np.nan
    for b in range(n):
        falls[b] = down[b] / variation[b] if variation[b] > none else np.nan
    for b in range(n):
        ratio = math.sqrt(fading[b] * window / variation[b])
        ratios[b] = ratio if variation[b] > none else np.nan


@inlined
def _unsteadiness(n, window, first, second, column):  # type: ignore[no-untyped-def]
    share = 1.0 / window
    for b in range(n):
        mean, square = first[b] * share, second[b] * share
        spread = square - mean * mean
        spread = spread if spread > 1e-13 * square else 0.0  # all equal, to rounding
        column[b] = math.sqrt(spread) / mean if square > ROUNDING else np.nan


@compiled
def _run(inputs, first, last, params, state, out):  # type: ignore[no-untyped-def]
    (log_close,) = inputs
    windows, short, decay, tracks, series, sums, vol_tracks, vols, vol_sums = params
    recent, average, slots, totals, tails, vol_slots, vol_totals, vol_tails = state
    n_windows = windows.shape[0]
    for start in range(first, last, BLOCK):
        stop = min(start + BLOCK, last)
        n = pack(log_close, log_close, start, stop, recent, 2)
        _fill(recent, n, decay, average, series)
        roll_tracks(tracks, series, sums, n, slots, totals, tails)
        fast, deviation, square = sums[4 * n_windows], vols[0], vols[1]
        for b in range(n):
            square[b] = fast[b] / short
            deviation[b] = math.sqrt(square[b])
        roll_tracks(vol_tracks, vols, vol_sums, n, vol_slots, vol_totals, vol_tails)
        for k in range(n_windows):
            _shares(
                n, windows[k], sums[4 * k], sums[4 * k + 1], sums[4 * k + 2], series[3],
                out, k, n_windows, start,
            )  # fmt: skip
            column = out[3 * n_windows + k, start:]
            _unsteadiness(n, windows[k], vol_sums[2 * k], vol_sums[2 * k + 1], column)
        for k in range(out.shape[0]):
            unpack(log_close, start, stop, n, out, k)
        keep(recent, 2, n)


class JumpFeatures(BaseFeature):
    """How volatility is made up: jumps, falls, recent moves, and how unsteady it is.

    Row t uses the closes of rows up to and including t. Columns: ``jump_share_{w}``,
    ``downside_share_{w}``, ``ewma_volatility_ratio_{w}``, ``vol_of_vol_{w}``; ``describe()`` says
    what they mean.

    A bar with a missing price gives NaN and is passed over. Prices at or below zero raise.

    Parameters
    ----------
    windows : tuple of int, default=(60, 240)
        In bars, each at least 2.
    short_window : int, default=10
        Of the volatility whose changes ``vol_of_vol`` measures, in bars, at least 1.
    decay : float, default=0.94
        Weight of yesterday's value in the exponential average, below 1; RiskMetrics' 0.94.

    Attributes
    ----------
    feature_names : list of str
    lookback : int
        Bars that the windows span, or after which the exponential average's start weighs at most
        ``lookback_tolerance``.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.features import JumpFeatures
    >>> features = JumpFeatures(windows=(60,))
    >>> features.fit_transform(simulate_bars(100, seed=0).bars).isna().sum()
    jump_share_60               60
    downside_share_60           60
    ewma_volatility_ratio_60    60
    vol_of_vol_60               69
    dtype: int64
    """

    _parameter_rules = {
        "windows": each(integer(2)),
        "short_window": integer(1),
        "decay": real(0.0, 0.9999),
    }
    _inputs = ("log_close",)
    _kernel = staticmethod(_run)
    _column_table = COLUMNS

    def __init__(
        self, windows: tuple[int, ...] = (60, 240), short_window: int = 10, decay: float = 0.94
    ) -> None:
        self.windows = windows
        self.short_window = short_window
        self.decay = decay
        super().__init__()

    @property
    def lookback(self) -> int:
        """Bars that a row can depend on by more than ``lookback_tolerance``."""
        settled = 1 + settling(1.0 - self.decay, self.lookback_tolerance)
        return int(max(max(self.windows) + self.short_window - 1, settled))

    def _tracks(self) -> tuple[list[Track], list[Track]]:
        # Two tracks a window, then the short volatility; the second of that one is not needed.
        first: list[Track] = []
        for w in self.windows:
            first += [(0, 1, w), (2, 2, w - 1)]
        return [*first, (0, 0, self.short_window)], [(0, 1, w) for w in self.windows]

    def _kernel_params(self) -> tuple[Any, ...]:
        windows, (tracks, of_volatility) = np.array(self.windows, dtype=np.int64), self._tracks()
        return (
            windows, int(self.short_window), float(self.decay),
            *track_params(tracks, 4), *track_params(of_volatility, 2),
        )  # fmt: skip

    def _initial_state(self) -> dict[str, Any]:
        tracks, of_volatility = self._tracks()
        return {
            "recent": np.full(2 + BLOCK, np.nan),
            "average": np.zeros(2),
            **new_tracks(tracks),
            **new_tracks(of_volatility, "vol_"),
        }

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:  # noqa: ARG003
        """Parameter sets for tests."""
        return [
            {"windows": (2, 3), "short_window": 2, "decay": 0.5},
            {"windows": (5,), "short_window": 3, "decay": 0.8},
        ]
