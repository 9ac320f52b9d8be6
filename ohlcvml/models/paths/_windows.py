"""Windows of bars that a forecaster sees, in double precision, cut only when asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from ohlcvml._time import nanoseconds
from ohlcvml.bars import OHLCV, price_arrays, symbol_starts, traded_close
from ohlcvml.exceptions import DataError
from ohlcvml.typing import Bars, BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class WindowBatch:
    """Windows of equal length, each ending at the bar of its decision.

    Parameters
    ----------
    bars : float64 array of shape (n_windows, length, 5)
        Open, high, low, close, volume, oldest bar first. Prices are finite and positive; volume
        may be NaN.
    stamps : int64 array of shape (n_windows, length) or None
        Open of each bar in ns since 1970 UTC; None for series without time stamps.

    Examples
    --------
    >>> import numpy as np
    >>> from ohlcvml.models.paths import WindowBatch
    >>> windows = WindowBatch(np.full((4, 32, 5), 100.0), None)
    >>> len(windows), windows.length, windows.log_close.shape
    (4, 32, (4, 32))
    """

    bars: FloatArray
    stamps: IntArray | None = None

    def __len__(self) -> int:
        """Count the windows."""
        return len(self.bars)

    @property
    def length(self) -> int:
        """Bars per window."""
        return int(self.bars.shape[1])

    @property
    def log_close(self) -> FloatArray:
        """Log closes, shape (n_windows, length)."""
        return np.log(self.bars[:, :, 3])

    @property
    def log_path(self) -> FloatArray:
        """Log close relative to the window's last, shape (n_windows, length); it ends at 0."""
        log_close = self.log_close
        return log_close - log_close[:, -1:]

    @property
    def deviation(self) -> FloatArray:
        """Root mean square of the one-bar log returns, shape (n_windows,); 0 for a single bar."""
        steps = np.diff(self.log_close, axis=1)
        if steps.shape[1] == 0:
            return np.zeros(len(self))
        return np.sqrt(np.einsum("bl,bl->b", steps, steps) / steps.shape[1])

    def take(self, rows: IntArray | BoolArray | slice) -> WindowBatch:
        """Some of the windows."""
        return WindowBatch(self.bars[rows], None if self.stamps is None else self.stamps[rows])


class BarWindows:
    """Cuts windows out of a table of bars; memory is that of the table.

    The window of row t holds bars up to and including t of one symbol. Forward-adjusted bars of a
    continuous contract are shifted (or scaled, where ratio-adjusted) so that the close of row t is
    the price traded there: returns are then those of the contract a label is about, and only
    adjustments known at t are undone.

    Parameters
    ----------
    bars : pd.DataFrame
        With columns open, high, low, close, volume.
    who : str
        Name of the caller, for messages.
    """

    def __init__(self, bars: Bars, who: str) -> None:
        missing = [name for name in OHLCV if name not in bars.columns]
        if missing:
            raise DataError(
                f"{who}: a model of price paths needs bars with columns {', '.join(OHLCV)}; "
                f"{', '.join(missing)} missing. Fit it on the bars themselves, without feature "
                "steps before it: model.fit(bars, labels)."
            )
        self.values = np.stack(price_arrays(bars, who), axis=1)
        index = bars.index
        time = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
        self.stamps: IntArray | None = None
        if isinstance(time, pd.DatetimeIndex):
            self.stamps = nanoseconds(time)
        self.starts = symbol_starts(index)
        self._scale, self._shift = _to_traded_prices(bars, self.values[:, 3])

    def reach(self, ends: IntArray, length: int) -> BoolArray:
        """Whether ``length`` bars up to each of ``ends`` lie within its symbol."""
        start = self.starts[np.searchsorted(self.starts, ends, side="right") - 1]
        return ends - length + 1 >= start

    def cut(self, ends: IntArray, length: int) -> tuple[WindowBatch, BoolArray]:
        """Windows of ``length`` bars ending at those of ``ends`` with whole and positive prices.

        Returns
        -------
        (windows, which of ``ends`` they belong to)
        """
        good = self.reach(ends, length)
        ends = ends[good]
        first = ends - length + 1
        bars = sliding_window_view(self.values, length, axis=0)[first].transpose(0, 2, 1).copy()
        prices = bars[:, :, :4]
        prices *= self._scale[ends, None, None]
        prices += self._shift[ends, None, None]
        whole = (np.isfinite(prices) & (prices > 0)).all(axis=(1, 2))
        good[good] = whole
        stamps = None
        if self.stamps is not None:
            stamps = sliding_window_view(self.stamps, length)[first][whole]
        return WindowBatch(bars[whole], stamps), good

    def stretch(self, first: int, last: int) -> WindowBatch | None:
        """Rows ``first`` to ``last`` as one window; bars without a positive price are left out.

        None where fewer than two bars remain.
        """
        bars = self.values[first : last + 1].copy()
        bars[:, :4] = bars[:, :4] * self._scale[last] + self._shift[last]
        whole = (np.isfinite(bars[:, :4]) & (bars[:, :4] > 0)).all(axis=1)
        if whole.sum() < 2:
            return None
        stamps = None if self.stamps is None else self.stamps[first : last + 1][whole][None]
        return WindowBatch(bars[whole][None], stamps)


def _to_traded_prices(bars: Bars, close: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Factor and shift that turn adjusted prices into those of the contract traded at each row."""
    one, zero = np.ones(len(close)), np.zeros(len(close))
    raw = traded_close(bars, "model of paths")
    if "raw_close" not in bars.columns:
        return one, zero
    if "adjustment" not in bars.columns:
        return one, raw - close
    adjustment = bars["adjustment"].to_numpy(dtype=np.float64)
    # Row by row: adjusted is raw + adjustment, or raw * adjustment.
    ratio = np.abs(close - raw * adjustment) < np.abs(close - raw - adjustment)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ratio, raw / close, one), np.where(ratio, zero, raw - close)


# One typical step of a series that is no price becomes a return of 1 %.
STEP = 0.01


def instance_windows(series: FloatArray, positive: bool, length: int) -> WindowBatch:
    """Instances of a panel as windows of bars whose open, high, low and close are one price.

    Parameters
    ----------
    series : float64 array of shape (n_instances, time)
    positive : bool
        Whether the series are prices. Otherwise (and for single instances that are not positive)
        the price is exp of the series relative to its last value, at a scale where its root mean
        square step is 0.01.
    length : int
        The last so many values are kept.
    """
    series = np.asarray(series, dtype=np.float64)[:, -length:]
    steps = np.diff(series, axis=1)
    size = np.sqrt(np.mean(steps**2, axis=1)) if steps.shape[1] else np.zeros(len(series))
    size = np.where(size > 0, size, 1.0)
    made = np.exp(np.clip(STEP * (series - series[:, -1:]) / size[:, None], -50.0, 50.0))
    is_price = np.logical_and(positive, (series > 0).all(axis=1))
    price = np.where(is_price[:, None], series, made)
    bars = np.repeat(price[:, :, None], 5, axis=2)
    bars[:, :, 4] = np.nan
    return WindowBatch(bars)
