"""Stretches of bars as one matrix, and the windows in it that a recurrent forecaster trains on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.models.neural import TrainingOptions
from ohlcvml.models.paths._windows import WindowBatch
from ohlcvml.samples import BarPanel
from ohlcvml.splits import inner_holdout
from ohlcvml.typing import FloatArray, IntArray

DAY = 86_400_000_000_000  # ns


class TrainingWindows(NamedTuple):
    """Windows of bars up to a forecast and of the ``n_ahead`` bars after it, in one matrix.

    ``stamps`` are those of each window's first bar ahead and of its last bar, shape (n, 2).
    """

    panel: BarPanel
    n_ahead: int
    stamps: IntArray | None


def has_clock(windows: WindowBatch) -> bool:
    """Whether the time of day is known."""
    return windows.stamps is not None


def bar_channels(windows: WindowBatch, bars: bool, clock: bool, who: str) -> FloatArray:
    """Numbers of each bar but a window's first, shape (n_windows, length - 1, n_channels).

    The log return from the close before; with ``bars`` the log range, the log of close over open
    and log(1 + volume); with ``clock`` sine and cosine of the time of day (UTC).
    """
    prices = np.log(windows.bars[:, :, :4])
    columns = [np.diff(prices[:, :, 3], axis=1)[:, :, None]]
    if bars:
        opened, high, low, close = np.moveaxis(prices[:, 1:], 2, 0)
        volume = np.log1p(windows.bars[:, 1:, 4])
        columns.append(np.stack([high - low, close - opened, volume], axis=2))
    if clock:
        columns.append(_day_angles(_stamps(windows, who)[:, 1:]))
    return np.concatenate(columns, axis=2)


def clock_ahead(windows: WindowBatch, n_steps: int, clock: bool, who: str) -> FloatArray:
    """Sine and cosine of the time of day of the bars ahead, shape (n_windows, n_steps, 2 or 0).

    They are taken to follow each other as the window's bars do in the median.
    """
    if not clock:
        return np.zeros((len(windows), n_steps, 0))
    stamps = _stamps(windows, who)
    apart = np.median(np.diff(stamps, axis=1), axis=1).astype(np.int64)
    return _day_angles(stamps[:, -1:] + apart[:, None] * np.arange(1, n_steps + 1))


def training_windows(
    series: Sequence[WindowBatch], window: int, n_steps: int, channels: list[FloatArray], who: str
) -> TrainingWindows:
    """Every window of ``window`` bars and the ``n_steps`` after them that lies in one stretch.

    Where no stretch is that long, windows are as long as the longest, and at most half of them
    lies ahead.

    Parameters
    ----------
    series : sequence of WindowBatch
        Stretches, one window each.
    channels : list of float64 arrays of shape (1, length - 1, n_channels)
        Those of each stretch.
    """
    longest = max(one.length - 1 for one in series)
    if longest < 2:
        raise DataError(
            f"{who}: the longest of {len(series)} training stretches has {longest + 1} bars; two "
            "returns, of 3 bars, are the least to learn from. Give more bars, or fewer splits."
        )
    total, n_ahead = window - 1 + n_steps, n_steps
    if longest < total:
        total, n_ahead = longest, min(n_steps, longest // 2)
    ends, pieces, stamps, n_rows = [], [], [], 0
    for one, values in zip(series, channels, strict=True):
        n = one.length - 1
        if n < total:
            continue
        last = np.arange(total - 1, n)
        ends.append(n_rows + last)
        pieces.append(values[0])
        n_rows += n
        if one.stamps is not None:
            own = one.stamps[0, 1:]
            stamps.append(np.stack([own[last - n_ahead + 1], own[last]], axis=1))
    matrix = np.ascontiguousarray(np.concatenate(pieces), dtype=np.float32)
    panel = BarPanel(matrix, np.concatenate(ends), total)
    return TrainingWindows(panel, n_ahead, np.concatenate(stamps) if stamps else None)


def parted(windows: TrainingWindows, options: TrainingOptions) -> tuple[IntArray, IntArray]:
    """Windows to train on, and the latest to stop by, purged: no bar ahead is in both."""
    everything = np.arange(len(windows.panel))
    if windows.stamps is None or options.validation_share == 0:
        return everything, everything[:0]
    order = np.argsort(windows.stamps[:, 0], kind="stable")
    begin, end = (pd.DatetimeIndex(stamps, tz="UTC") for stamps in windows.stamps[order].T)
    try:
        parts = inner_holdout(
            pd.DataFrame({"end": end}, index=begin),
            options.validation_share,
            bar_index=begin.union(end).unique(),
        )
    except DataError:  # too few windows: training goes on to its last epoch, as the report says
        return everything, everything[:0]
    return np.sort(order[parts.fit]), np.sort(order[parts.later])


def refuse_options(options: TrainingOptions, unused: Sequence[str], who: str) -> None:
    """Raise if an option is set that has no effect on the model."""
    usual = TrainingOptions()
    odd = [name for name in unused if getattr(options, name) != getattr(usual, name)]
    if odd:
        raise ParameterError(
            f"{who}: parameter 'training' must leave {', '.join(odd)} as it is by default: a model "
            f"of price paths has no use for it; got {getattr(options, odd[0])!r}."
        )


def _stamps(windows: WindowBatch, who: str) -> IntArray:
    if windows.stamps is None:
        raise DataError(
            f"{who}: was fitted on bars with time stamps, and these have none. Use time_of_day="
            "False, or an index of times."
        )
    return windows.stamps


def _day_angles(stamps: IntArray) -> FloatArray:
    angle = (stamps % DAY) * (2.0 * np.pi / DAY)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)
