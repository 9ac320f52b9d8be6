"""Changing the future, to look for a change in the past."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from ohlcvml.bars import simulate_bars
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import Bars

__all__ = ["check_past_unchanged", "cuts", "futures", "law_bars", "same"]


def law_bars(n_bars: int = 600, seed: int = 0) -> Bars:
    """Simulated 1-minute bars with sessions, for laws that look for look-ahead."""
    return simulate_bars(n_bars, seed=seed).bars


def cuts(bars: Bars, count: int = 5, seed: int = 0) -> list[int]:
    """Random cuts, among them the first bar of a session where there is one."""
    generator = np.random.default_rng(seed)
    stamps = bars.index.as_unit("ns").asi8
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
    scaled = bars.copy()
    scaled.iloc[cut:] = scaled.iloc[cut:] * 1.5
    yield "scaled", scaled
    permuted = bars.copy()
    order = np.random.default_rng(seed).permutation(len(bars) - cut) + cut
    permuted.iloc[cut:] = bars.iloc[order].to_numpy()
    yield "permuted", permuted


def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether two tables hold the same bits."""
    x, y = a.to_numpy(), b.to_numpy()
    if x.dtype.kind == "f" and y.dtype.kind == "f":
        return np.array_equal(x, y, equal_nan=True)
    return a.equals(b)


def check_past_unchanged(
    compute: Callable[[Bars], pd.DataFrame], bars: Bars, who: str, seed: int = 0
) -> None:
    """Raise unless rows before a cut are the same bits whatever happens from the cut on."""
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
