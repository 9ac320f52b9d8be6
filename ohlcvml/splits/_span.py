"""A length given in bars, as a span of time or as a fraction of the bars."""

from __future__ import annotations

import math
import numbers
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ohlcvml._checks import Rule
from ohlcvml._time import DAY, run_starts, span_nanoseconds
from ohlcvml.bars import bar_size
from ohlcvml.exceptions import ParameterError
from ohlcvml.splits._stamps import Stamps


class BarSpan(NamedTuple):
    """A length: ``bars`` if it is counted, ``time`` (ns) if it is a span."""

    bars: int = 0
    time: int | None = None

    def after(self, bar: int, stamps: Stamps) -> int:
        """Last bar that lies within the span after ``bar``."""
        if self.time is None or bar >= len(stamps.values):
            return bar + self.bars
        value = stamps.values[bar] + self.time
        return int(np.searchsorted(stamps.values, value, side="right")) - 1

    def before(self, bar: int, stamps: Stamps) -> int:
        """First bar that lies within the span before ``bar`` (which is not counted)."""
        if self.time is None or bar <= 0:
            return bar - self.bars
        value = stamps.values[min(bar, len(stamps.values) - 1)] - self.time
        return int(np.searchsorted(stamps.values, value, side="left"))


def span_rule(low: int, *, fraction: bool) -> Rule:
    """Accept bars (int), a span of time, and a fraction of the bars if ``fraction``."""

    def accepts(value: Any) -> bool:
        if isinstance(value, (bool, np.bool_)):
            return False
        span = _timedelta(value)  # first: numpy counts its timedelta64 among the integers
        if span is not None:
            return span > pd.Timedelta(0)
        if isinstance(value, numbers.Integral):
            return int(value) >= low
        return fraction and isinstance(value, numbers.Real) and 0.0 < float(value) < 1.0

    text = f"bars (an integer of at least {low}) or a positive span of time (such as '2D')"
    if fraction:
        text = f"{text} or a fraction of the bars (a float in (0, 1))"
    return Rule(text, accepts, -1)


def _timedelta(value: Any) -> pd.Timedelta | None:
    if not isinstance(value, (str, timedelta, np.timedelta64)):
        return None
    try:
        span = pd.Timedelta(value)
    except ValueError:
        return None
    return None if pd.isna(span) else span


def read_span(value: Any, stamps: Stamps, who: str, name: str) -> BarSpan:
    """Read a length that :func:`span_rule` has accepted; a fraction is rounded up."""
    span = _timedelta(value)
    if span is None:
        whole = isinstance(value, numbers.Integral)
        return BarSpan(int(value) if whole else math.ceil(float(value) * len(stamps.values)))
    if not stamps.kind.startswith("time"):
        raise ParameterError(
            f"{who}: parameter {name!r} may be a span of time only where bars have time stamps; "
            f"got {value!r} and bars of kind {stamps.kind}. Give it in bars."
        )
    return BarSpan(0, span_nanoseconds(span))


def default_embargo(stamps: Stamps, who: str) -> BarSpan:
    """1440 bars for 1-minute bars, otherwise one session: the median bars of a UTC day."""
    if not stamps.kind.startswith("time"):
        raise ParameterError(
            f"{who}: parameter 'embargo' must be given where bars have no time stamps; the default "
            f"is one session, and bars of kind {stamps.kind} have none. Pass it in bars, "
            "embargo=0 for none."
        )
    if bar_size(pd.DatetimeIndex(stamps.values)) == pd.Timedelta(minutes=1):
        return BarSpan(1440)
    day = stamps.values // DAY
    first = run_starts(day)
    counts = np.diff(np.r_[first, len(day)])
    return BarSpan(math.ceil(float(np.median(counts))))
