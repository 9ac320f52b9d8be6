"""Laws of features and other transformers of bars."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.streams import same_bits
from ohlcvml.testing._door import malformed_bars_are_refused
from ohlcvml.testing._future import check_past_unchanged, law_bars, told_size
from ohlcvml.testing._parameters import check_parameters_matter
from ohlcvml.testing._report import LawBroken
from ohlcvml.testing._stationarity import stationary_by_design
from ohlcvml.typing import Bars, Features


def _bars(transformer: Any, n_bars: int, seed: int = 0) -> Bars:
    """Bars of the size that the transformer was told."""
    return law_bars(n_bars, seed=seed, bar_size=told_size(transformer))


def _fit(transformer: Any, bars: Bars) -> Any:
    """A step that learns is fitted on the first quarter: what it is fitted on is its past."""
    past = bars.iloc[: len(bars) // 4]
    if not transformer.get_tag("requires_y"):
        return transformer.fit(past)
    return transformer.fit(past, np.sign(past["close"].diff()).fillna(0.0))


def future_cannot_change_the_past(transformer: Any) -> None:
    """Rows before a cut keep their bits whatever happens from the cut on."""
    bars = _bars(transformer, 600)
    fitted = _fit(transformer, bars)
    check_past_unchanged(fitted.transform, bars, type(transformer).__name__)


def batch_equals_stream(transformer: Any) -> None:
    """Bar by bar, saved and resumed half way, the stream gives the bits of the batch."""
    if not hasattr(transformer, "stream"):
        return
    bars = _bars(transformer, 400)
    fitted = _fit(transformer, bars)
    batch = fitted.transform(bars)
    stream = fitted.stream()
    rows = []
    for at, (time, bar) in enumerate(zip(bars.index, bars.to_dict("records"), strict=True)):
        if at == len(bars) // 2:
            stream = fitted.stream(stream.state)
        rows.append(stream.push(bar, time))
    streamed = pd.DataFrame(np.array(rows), index=bars.index, columns=batch.columns)
    if not same_bits(streamed, batch):
        differs = ~np.isclose(streamed, batch, rtol=0, atol=0, equal_nan=True)
        row, column = np.argwhere(differs)[0]
        raise LawBroken(
            f"{type(transformer).__name__}: column {batch.columns[column]!r} differs between "
            f"batch and stream, first in row {row}."
        )


def lookback_holds_and_is_tight(transformer: Any) -> None:
    """A row needs ``lookback`` bars before it, and no more than these.

    A cold start that far back gives the row to the stated tolerance; one that starts a bar later
    does not give every row to the bit. Where the lookback is only a bound (memory that ends with a
    session or a span of time), the second is not asked.
    """
    lookback, fitted = getattr(transformer, "lookback", None), None
    if lookback is None:  # some know it once they are fitted
        fitted = _fit(transformer, _bars(transformer, 600))
        lookback = getattr(fitted, "lookback", None)
    if lookback is None:
        return
    bars = _bars(transformer, lookback + 300)
    fitted = fitted or _fit(transformer, bars)
    whole = fitted.transform(bars)
    tolerance = 100 * float(getattr(transformer, "lookback_tolerance", 1e-9))
    late = lookback == 0 or bool(getattr(transformer, "lookback_is_bound", False))
    for row in np.linspace(lookback, len(bars) - 1, 8).astype(int):
        cold = fitted.transform(bars.iloc[row - lookback : row + 1]).iloc[[-1]]
        if not _close(cold, whole.iloc[[row]], tolerance):
            raise LawBroken(
                f"{type(transformer).__name__}: row {row} depends on bars more than its lookback "
                f"of {lookback} before it."
            )
        if lookback:
            short = fitted.transform(bars.iloc[row - lookback + 1 : row + 1]).iloc[[-1]]
            late |= not same_bits(short, whole.iloc[[row]])
    if not late:
        raise LawBroken(
            f"{type(transformer).__name__}: no row depends on the bar {lookback} before it, so "
            "the lookback is larger than need be."
        )


def _close(a: pd.DataFrame, b: pd.DataFrame, tolerance: float) -> bool:
    x, y = a.to_numpy(dtype=float), b.to_numpy(dtype=float)
    return bool(np.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True))


def symbols_do_not_mix(transformer: Any) -> None:
    """Two symbols in one table give what each gives alone."""
    accepted = transformer.get_tag("X_inner_mtype")
    if "pd-multiindex" not in accepted:
        return
    one, two = _bars(transformer, 250, seed=1), _bars(transformer, 250, seed=2)
    both = pd.concat({"A": one, "B": two}, names=["symbol", "time"])
    fitted = _fit(transformer, one)
    together: Features = fitted.transform(both)
    for symbol, alone in (("A", one), ("B", two)):
        if not same_bits(pd.DataFrame(together.loc[symbol]), fitted.transform(alone)):
            raise LawBroken(
                f"{type(transformer).__name__}: symbol {symbol} has other values beside another."
            )


def every_parameter_has_an_effect(transformer: Any) -> None:
    """Each parameter moves the output.

    A transformer that is told the size of its bars gets bars that trade now and then: they have no
    size that one of several told ones could contradict.
    """
    bars = law_bars(400)
    if getattr(transformer, "_bar_sizes", tuple)():
        trades = np.random.default_rng(0).choice(1200, 400, replace=False)
        bars = law_bars(1200).iloc[np.sort(trades)]
    check_parameters_matter(type(transformer), lambda one: _fit(one, bars).transform(bars))


TRANSFORMER_LAWS = (
    future_cannot_change_the_past,
    batch_equals_stream,
    lookback_holds_and_is_tight,
    symbols_do_not_mix,
    stationary_by_design,
    malformed_bars_are_refused,
)
TRANSFORMER_CLASS_LAWS = (every_parameter_has_an_effect,)
