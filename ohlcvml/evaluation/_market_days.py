"""Telling whether two tables of bars are of the same market, by a few numbers of each."""

from __future__ import annotations

import operator
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ohlcvml._time import nanoseconds
from ohlcvml.exceptions import DataError
from ohlcvml.samples import Samples
from ohlcvml.typing import FloatArray, IntArray

_DAY = 24 * 3600 * 1_000_000_000
MOST_DAYS = 100_000  # 270 years: what unpacks to more was not written by us
AGREE = 0.9  # share of the common days whose last closes agree to a tick


@dataclass(frozen=True)
class MarketSpan:
    """A stretch of a market that was looked at.

    Attributes
    ----------
    name : str or None
        Contract root or symbol.
    tick : float
        Price step: the contract's, or the smallest step among the closes.
    first, last : int
        Nanoseconds of the first decision and of the last label's end.
    days, closes : int32 and float64 arrays of shape (n_days,)
        Days since 1970 (UTC) of all bars, and the last close of each.
    """

    name: str | None
    tick: float
    first: int
    last: int
    days: IntArray
    closes: FloatArray

    def overlaps(self, other: MarketSpan) -> bool:
        """Whether both looked at one moment of the same market."""
        return self.first <= other.last and other.first <= self.last and self.is_market(other)

    def is_market(self, other: MarketSpan) -> bool:
        """Whether the names are the same or, where one has none, the last closes of the days."""
        if self.name is not None and other.name is not None:
            return self.name == other.name
        _, mine, theirs = np.intersect1d(
            self.days, other.days, assume_unique=True, return_indices=True
        )
        if len(mine) == 0:
            return False
        tick = max(self.tick, other.tick) * (1.0 + 1e-6)
        return bool((np.abs(self.closes[mine] - other.closes[theirs]) <= tick).mean() >= AGREE)

    def packed(self) -> tuple[bytes, bytes]:
        """Days and closes as compressed bytes."""
        days = np.diff(self.days, prepend=0).astype("<i4")
        return zlib.compress(days.tobytes()), zlib.compress(self.closes.astype("<f8").tobytes())

    @classmethod
    def unpack(
        cls, name: str | None, tick: float, first: int, last: int, days: bytes, closes: bytes
    ) -> MarketSpan:
        """Read what :meth:`packed` gave; raise :class:`DataError` where it is something else."""
        try:
            if type(name) not in (str, type(None)):
                raise TypeError(f"a market of type {type(name).__name__}")
            numbers = float(tick), operator.index(first), operator.index(last)
            steps = np.frombuffer(_unpacked(days, 4), dtype="<i4").astype(np.int64)
            prices = np.frombuffer(_unpacked(closes, 8), dtype="<f8").astype(np.float64)
            if not len(steps) == len(prices) > 0 or (steps[1:] <= 0).any():
                raise ValueError(f"{len(steps)} days with {len(prices)} closes")
        except (TypeError, ValueError, zlib.error) as error:
            raise DataError(f"ledger: a record of a look is damaged: {error}") from error
        return cls(name, *numbers, np.cumsum(steps), prices)


def _unpacked(raw: bytes, size: int) -> bytes:
    unpacker = zlib.decompressobj()
    found = unpacker.decompress(raw, MOST_DAYS * size)
    if not unpacker.eof:
        raise ValueError("bytes that are cut off, or more days than there can be")
    return found


def market_spans(samples: Samples, name: str | None, tick: float | None) -> list[MarketSpan]:
    """Return the stretch of each symbol from the first decision to the last label's end."""
    bars = samples.bars
    price = "raw_close" if "raw_close" in bars.columns else "close"
    close = bars[price].to_numpy(dtype=np.float64)
    stamps = nanoseconds(bars.index)
    symbols = np.zeros(len(bars), dtype=np.int64)
    names: list[str | None] = [name]
    if isinstance(bars.index, pd.MultiIndex):
        symbols, found = pd.factorize(bars.index.get_level_values(0))
        names = [str(symbol) for symbol in found]
    owner = symbols[samples.pos]
    spans = []
    for number in np.unique(owner):
        mine = owner == number
        bar = np.flatnonzero(symbols == number)
        day = stamps[bar] // _DAY
        last_of_day = bar[np.r_[np.flatnonzero(np.diff(day)), len(bar) - 1]]
        spans.append(
            MarketSpan(
                names[number],
                _smallest_step(close[bar]) if tick is None else tick,
                int(stamps[samples.pos[mine].min()]),
                int(stamps[samples.end_pos[mine].max()]),
                stamps[last_of_day] // _DAY,
                close[last_of_day],
            )
        )
    return spans


def _smallest_step(close: FloatArray) -> float:
    steps = np.diff(np.unique(np.round(close, 10)))
    return float(steps.min()) if len(steps) else 0.0
