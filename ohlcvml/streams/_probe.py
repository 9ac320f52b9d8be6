"""Changing the future, to look for a change in the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.bars import OHLCV
from ohlcvml.typing import Bars


@dataclass(frozen=True)
class FutureSeen:
    """Where a row moved with bars that came after it.

    Attributes
    ----------
    row : int
        First row, before ``cut``, that changed.
    column : str
    cut : int
        The bars from this row on were changed.
    change : str
        How: truncated, moved or permuted.
    """

    row: int
    column: str
    cut: int
    change: str

    def __str__(self) -> str:
        return (
            f"row {self.row} (column {self.column!r}) changed when the bars from row {self.cut} on "
            f"were {self.change}: it sees the future."
        )


def future_seen(
    compute: Callable[[Bars], pd.DataFrame],
    bars: Bars,
    *,
    n_cuts: int = 5,
    seed: int = 0,
    tolerance: float = 0.0,
) -> FutureSeen | None:
    """Look for rows that change with later bars.

    The table is computed anew with the bars after a cut truncated, moved and permuted; every row
    before the cut must keep its bits. A step that passes may still look ahead in a way that these
    changes do not show; one that fails does look ahead.

    Parameters
    ----------
    compute : callable
        From bars to a table on their index.
    bars : pd.DataFrame
    n_cuts : int, default=5
        Cuts to try, three changes each; one at the start of a session where there is one.
    seed : int, default=0
        Of the cuts and of the changes.
    tolerance : float, default=0.0
        How far a number may move: above 0 only where arithmetic depends on the number of rows asked
        at once, as in networks.

    Returns
    -------
    FutureSeen or None
        The first row that moved; None if none did.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.streams import future_seen
    >>> bars = simulate_bars(600, seed=0).bars
    >>> future_seen(lambda bars: bars.diff(), bars) is None
    True
    >>> print(future_seen(lambda bars: bars.shift(-10), bars).change)
    truncated
    """
    whole = compute(bars)
    for cut in future_cuts(bars, count=n_cuts, seed=seed):
        for change, changed in changed_futures(bars, cut, seed=seed):
            past, expected = compute(changed).iloc[:cut], whole.iloc[:cut]
            if past.shape != expected.shape:
                return FutureSeen(min(len(past), cut - 1), str(whole.columns[0]), cut, change)
            if not same_bits(past, expected):
                differs = ~(
                    (past.to_numpy() == expected.to_numpy())
                    | (past.isna().to_numpy() & expected.isna().to_numpy())
                )
                if tolerance > 0.0:
                    moved = np.abs(past.to_numpy() - expected.to_numpy())
                    differs &= ~(moved <= tolerance)
                    if not differs.any():
                        continue
                row, column = np.argwhere(differs)[0]
                return FutureSeen(int(row), str(whole.columns[column]), cut, change)
    return None


def future_cuts(bars: Bars, *, count: int = 5, seed: int = 0) -> list[int]:
    """Random rows to cut at; the first bar of a session, if there is one, and two from the end.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.streams import future_cuts
    >>> len(future_cuts(simulate_bars(100, seed=0).bars, count=3))
    3
    """
    generator = np.random.default_rng(seed)
    index = bars.index
    chosen = generator.integers(len(bars) // 4, len(bars) - 2, count)
    if count > 1:  # what begins to look ahead late shows it here alone
        chosen[-1] = len(bars) - 2
    if isinstance(index, pd.MultiIndex) or not isinstance(index, pd.DatetimeIndex):
        return [int(cut) for cut in chosen]
    step = np.diff(nanoseconds(index, nat="keep"))
    session_starts = np.flatnonzero(step > 2 * np.median(step)) + 1
    session_starts = session_starts[session_starts > len(bars) // 4]
    if len(session_starts):
        chosen[0] = session_starts[0]
    return [int(cut) for cut in chosen]


def changed_futures(bars: Bars, cut: int, *, seed: int = 0) -> Iterator[tuple[str, Bars]]:
    """Yield tables equal to ``bars`` before row ``cut`` and different from there on.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.streams import changed_futures
    >>> [change for change, _ in changed_futures(simulate_bars(100, seed=0).bars, 60)]
    ['truncated', 'moved', 'permuted']
    """
    yield "truncated", bars.iloc[:cut]
    yield "moved", _moved(bars, cut)
    order = np.arange(len(bars))
    order[cut:] = np.random.default_rng(seed).permutation(order[cut:])
    yield "permuted", bars.iloc[order].set_axis(bars.index)


def _moved(bars: Bars, cut: int) -> Bars:
    """Half as much again from row ``cut`` on; a continuous contract keeps its adjustment."""
    moved = bars.copy()
    later = np.arange(len(bars)) >= cut
    if "adjustment" in bars.columns:
        shift = np.where(later, 0.5 * bars["close"].to_numpy()[cut], 0.0)
        for name in OHLCV[:4]:
            moved[name] = bars[name] + shift
            moved[f"raw_{name}"] = bars[f"raw_{name}"] + shift
        return moved
    factor = np.where(later, 1.5, 1.0)
    for column in bars.select_dtypes("number").columns:
        moved[column] = bars[column] * factor
    return moved


def same_bits(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether two tables hold the same bits.

    Examples
    --------
    >>> import pandas as pd
    >>> from ohlcvml.streams import same_bits
    >>> one = pd.DataFrame({"a": [1.0, float("nan")]})
    >>> same_bits(one, one.copy()), same_bits(one, one + 1e-12)
    (True, False)
    """
    x, y = a.to_numpy(), b.to_numpy()
    if x.dtype.kind == "f" and y.dtype.kind == "f":
        return np.array_equal(x, y, equal_nan=True)
    return a.equals(b)
