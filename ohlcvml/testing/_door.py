"""Malformed tables of bars, and the law that each is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.testing._future import law_bars, told_size
from ohlcvml.testing._report import LawBroken
from ohlcvml.typing import Bars


def _infinite(bars: Bars) -> pd.DataFrame:
    return bars.assign(volume=np.where(np.arange(len(bars)) == 7, np.inf, bars["volume"]))


# What real tables do; ohlcvml.bars.as_bars mends each.
MALFORMED: dict[str, Callable[[Bars], pd.DataFrame]] = {
    "another case": lambda bars: bars.rename(columns=str.capitalize),
    "last for close": lambda bars: bars.rename(columns={"close": "Last"}),
    "another language": lambda bars: bars.set_axis(
        ["Eröffnung", "Hoch", "Tief", "Schluss", "Umsatz"], axis=1
    ),
    "two levels of names": lambda bars: pd.concat(
        {"ES": bars.rename(columns=str.capitalize)}, axis=1
    ),
    "no time zone": lambda bars: bars.tz_localize(None),
    "another time zone": lambda bars: bars.tz_convert("America/New_York"),
    "newest first": lambda bars: bars[::-1],
    "last bar twice": lambda bars: pd.concat([bars, bars.iloc[[-1]]]),
    "levels swapped": lambda bars: pd.concat({"ES": bars}, names=["symbol"]).swaplevel(),
    "text": lambda bars: bars.astype({"close": str}),
    "infinity": _infinite,
}


def malformed(bars: Bars, kind: str) -> pd.DataFrame:
    """Bars with one fault; ``kind`` is a key of ``MALFORMED``.

    Examples
    --------
    >>> from ohlcvml.testing._door import malformed
    >>> from ohlcvml.testing import law_bars
    >>> list(malformed(law_bars(300), "another case"))
    ['Open', 'High', 'Low', 'Close', 'Volume']
    """
    return MALFORMED[kind](bars[["open", "high", "low", "close", "volume"]])


def malformed_bars_are_refused(transformer: Any) -> None:
    """``fit`` and ``transform`` raise a DataError that names ``as_bars``, and fit nothing."""
    if not getattr(transformer, "_takes_bars", True):
        return
    bars = law_bars(300, bar_size=told_size(transformer))
    who = type(transformer).__name__
    target = np.sign(bars["close"].diff()).fillna(0.0)
    y = target if transformer.get_tag("requires_y") else None
    fitted = transformer.clone().fit(bars, y)
    for kind in MALFORMED:
        table = malformed(bars, kind)
        _refused(transformer.clone().fit, (table, y), who, kind)
        _refused(fitted.transform, (table,), who, kind)


def _refused(call: Callable[..., Any], given: tuple[Any, ...], who: str, kind: str) -> None:
    try:
        call(*given)
    except DataError as error:
        if "as_bars" in str(error):
            return
        raise LawBroken(
            f"{who}: bars with {kind} raise {error}, which names no as_bars."
        ) from error
    except Exception as error:
        raise LawBroken(f"{who}: bars with {kind} raise {type(error).__name__}.") from error
    raise LawBroken(f"{who}: bars with {kind} are accepted. Inherit BaseBarTransformer.")
