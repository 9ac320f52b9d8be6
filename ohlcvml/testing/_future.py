"""Changing the future, to look for a change in the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars import OHLCV, simulate_bars
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import Bars

__all__ = ["check_past_unchanged", "cuts", "futures", "law_bars", "same", "told_size"]


def law_bars(n_bars: int = 600, seed: int = 0, bar_size: str = "1min") -> Bars:
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


def cuts(bars: Bars, count: int = 5, seed: int = 0) -> list[int]:
    """Random cuts, among them the first bar of a session where there is one."""
    generator = np.random.default_rng(seed)
    stamps = nanoseconds(bars.index)
    step = np.diff(stamps)
    session_starts = np.flatnonzero(step > 2 * np.median(step)) + 1
    session_starts = session_starts[session_starts > len(bars) // 4]
    chosen = generator.integers(len(bars) // 4, len(bars) - 2, count)
    if len(session_starts):
        chosen[0] = session_starts[0]
    return [int(cut) for cut in chosen]


def futures(bars: Bars, cut: int, seed: int = 0) -> Iterator[tuple[str, Bars]]:
    """Yield tables equal to ``bars`` before row ``cut`` and different from there on."""
    yield "truncated", bars.iloc[:cut]
    yield "moved", _moved(bars, cut)
    order = np.arange(len(bars))
    order[cut:] = np.random.default_rng(seed).permutation(order[cut:])
    yield "permuted", bars.iloc[order].set_axis(bars.index)


def _moved(bars: Bars, cut: int) -> Bars:
    """Half as much again from row ``cut`` on; a continuous contract keeps its adjustment."""
    moved = bars.copy()
    if "adjustment" not in bars.columns:
        moved.iloc[cut:] = moved.iloc[cut:] * 1.5
        return moved
    shift = np.where(np.arange(len(bars)) >= cut, 0.5 * bars["close"].to_numpy()[cut], 0.0)
    for name in OHLCV[:4]:
        moved[name] = bars[name] + shift
        moved[f"raw_{name}"] = bars[f"raw_{name}"] + shift
    return moved


def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether two tables hold the same bits."""
    x, y = a.to_numpy(), b.to_numpy()
    if x.dtype.kind == "f" and y.dtype.kind == "f":
        return np.array_equal(x, y, equal_nan=True)
    return a.equals(b)


def check_past_unchanged(
    compute: Callable[[Bars], pd.DataFrame], bars: Bars, who: str, seed: int = 0
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
    whole = compute(bars)
    for cut in cuts(bars, seed=seed):
        for name, changed in futures(bars, cut, seed):
            past = compute(changed).iloc[:cut]
            if not same(past, whole.iloc[:cut]):
                differs = ~(
                    (past.to_numpy() == whole.iloc[:cut].to_numpy())
                    | (past.isna().to_numpy() & whole.iloc[:cut].isna().to_numpy())
                )
                row, column = np.argwhere(differs)[0]
                raise LawBroken(
                    f"{who}: row {row} (column {whole.columns[column]!r}) changed when the bars "
                    f"from row {cut} on were {name}: it sees the future."
                )
