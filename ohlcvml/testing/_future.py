"""The law that the past does not change with the future."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ohlcvml.bars import simulate_bars
from ohlcvml.streams import future_seen
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import Bars


def law_bars(n_bars: int = 600, *, seed: int = 0, bar_size: str = "1min") -> Bars:
    """Simulated bars with a session break, after 300 of them if they are 1-minute bars, for laws.

    Examples
    --------
    >>> from ohlcvml.testing import law_bars
    >>> law_bars(400).index[298:302].strftime("%H:%M").tolist()
    ['21:58', '21:59', '23:00', '23:01']
    """
    start = pd.Timestamp("2024-01-02 22:00") - 300 * pd.Timedelta(bar_size)
    return simulate_bars(n_bars, seed=seed, bar_size=bar_size, start=start, sessions=True).bars


def told_size(transformer: Any) -> str:
    """Size of the bars that a transformer was told; one minute if it was not."""
    told: tuple[Any, ...] = getattr(transformer, "_bar_sizes", tuple)()
    return str(told[0]) if told else "1min"


def check_past_unchanged(
    compute: Callable[[Bars], pd.DataFrame],
    bars: Bars,
    who: str,
    *,
    seed: int = 0,
    tolerance: float = 0.0,
) -> None:
    """Raise unless rows before a cut are the same bits whatever happens from the cut on.

    Parameters
    ----------
    compute : callable
        From bars to a table on their index.
    bars : pd.DataFrame
    who : str
        Name for the message.
    seed : int
        Of the five cuts and of the changes.
    tolerance : float, default=0.0
        How far a number may move where arithmetic depends on the number of rows asked at once.

    Raises
    ------
    LawBroken
        With the first row and column that moved.

    Examples
    --------
    >>> from ohlcvml.testing import check_past_unchanged, law_bars
    >>> check_past_unchanged(lambda bars: bars.diff(), law_bars(), "diff")
    >>> check_past_unchanged(lambda bars: bars.diff(-1), law_bars(), "diff")
    Traceback (most recent call last):
    ohlcvml.testing._report.LawBroken: diff: row 299 (column 'open') changed when the bars from row
    300 on were truncated: it sees the future.
    """
    seen = future_seen(compute, bars, seed=seed, tolerance=tolerance)
    if seen is not None:
        raise LawBroken(f"{who}: {seen}")
