"""Bars of a run: read, cut to the days asked for, and judged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.bars import BarReport, read_bars, validate_bars
from ohlcvml.exceptions import ParameterError
from ohlcvml.typing import Bars


def read_data(
    path: str,
    *,
    tz: str | None = None,
    scale: float = 1.0,
    symbol: str | None = None,
    contract: str | None = None,
    policy: str = "raise",
    timerange: str | None = None,
) -> tuple[Bars, BarReport, list[str]]:
    """Read and judge a file of one symbol.

    Parameters
    ----------
    path, tz, scale, symbol
        As for :func:`~ohlcvml.bars.read_bars`.
    contract, policy
        As for :func:`~ohlcvml.bars.validate_bars`.
    timerange : str, optional
        Days to use, FROM:TO in UTC, the second left out.

    Returns
    -------
    bars : pd.DataFrame
    report : BarReport
    notes : list of str
        What is said of the volume: one that is 0 throughout is none.

    Raises
    ------
    ParameterError
        The file holds several symbols, or the time range is none.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.factory import read_data
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "bars.csv"
    ...     simulate_bars(300, seed=0).bars.to_csv(path)
    ...     bars, report, notes = read_data(str(path))
    >>> len(bars), report.ok, notes
    (300, True, [])
    """
    bars = read_bars(path, tz=tz, scale=scale, symbol=symbol)
    if isinstance(bars.index, pd.MultiIndex):
        symbols = bars.index.get_level_values(0).unique()
        raise ParameterError(
            f"train: '--data' holds {len(symbols)} symbols ({', '.join(map(str, symbols[:5]))}, "
            "...); choose one with --symbol."
        )
    bars = within(bars, timerange)
    notes = volume_notes(bars)
    bars, report = validate_bars(without_empty_volume(bars), contract=contract, policy=policy)
    return bars, report, notes


def volume_notes(bars: Bars) -> list[str]:
    """What is said of a volume that says nothing."""
    if len(bars) and (bars["volume"] == 0).all():
        return ["volume is 0 in every bar: taken as unknown, no volume features"]
    if len(bars) and bars["volume"].isna().all():
        return ["the file has no volume: no volume features"]
    return []


def without_empty_volume(bars: Bars) -> Bars:
    """A volume that is 0 throughout is no volume."""
    if len(bars) and (bars["volume"] == 0).all():
        return bars.assign(volume=np.nan)
    return bars


def within(bars: Bars, timerange: str | None) -> Bars:
    """Bars of the days FROM:TO, UTC, the second left out."""
    if timerange is None:
        return bars
    ends = [_day(text, timerange) for text in timerange.split(":")]
    if len(ends) != 2 or ends == [None, None]:
        raise ParameterError(_form(timerange))
    first, last = ends
    keep = np.ones(len(bars), dtype=bool)
    if first is not None:
        keep &= bars.index >= first
    if last is not None:
        keep &= bars.index < last
    if not keep.any():
        raise ParameterError(
            f"train: parameter 'timerange' must hold bars of the data, which last from "
            f"{bars.index[0]} to {bars.index[-1]}; got {timerange!r}, which holds none."
        )
    return bars.loc[keep]


def _day(text: str, timerange: str) -> Any:
    if not text.strip():
        return None
    try:
        return pd.Timestamp(text.strip(), tz="UTC")
    except ValueError as error:
        raise ParameterError(_form(timerange)) from error


def _form(timerange: str) -> str:
    return (
        "train: parameter 'timerange' must be two days with a colon between, of which one may be "
        f"empty, such as 2024-01-01:2024-07-01; got {timerange!r}."
    )
