"""The stamp of one bar, and the times that kernels make of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml.exceptions import DataError
from ohlcvml.streams._clock import (
    NO_TIME,
    SESSION_INPUTS,
    STRAYS,
    SessionClock,
    SessionFacts,
    spacing,
    too_close,
)
from ohlcvml.typing import IntArray


class RowClock:
    """Times of one bar, each an int64 array of length 1, rewritten in place."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._time = np.full(1, NO_TIME, dtype=np.int64)
        self._sources: dict[str, tuple[SessionClock | SessionFacts, IntArray]] = {}
        self._written: dict[str, Any] = {}
        self._least = 0  # distance of bars
        self._close = 0  # bars in a row that are closer
        self.needed = False

    def __getitem__(self, name: str) -> IntArray:
        self.needed = True
        kind, _, argument = name.partition("@")
        if kind == "time":
            self._least = max(self._least, spacing(name, self._who))
            return self._time
        if kind == "session_facts":
            if name not in self._sources:
                facts = SessionFacts(argument)
                self._sources[name] = (facts, facts.one(NO_TIME)[None].copy())
            return self._sources[name][1]
        whole = f"session@{argument}"
        if whole not in self._sources:
            values = np.full(len(SESSION_INPUTS), NO_TIME, dtype=np.int64)
            self._sources[whole] = (SessionClock(argument), values)
        at = SESSION_INPUTS.index(kind)
        return self._sources[whole][1][at : at + 1]

    def read(self, bar: Any, time: Any, plain: bool) -> None:
        """Take over the stamp of a bar."""
        stamp, before = stamp_of(bar, time, None if plain else self._who), int(self._time[0])
        if stamp is None:
            if not plain:
                raise DataError(
                    f"{self._who}: the bar must carry its stamp, some columns are made of it. Use "
                    "push(bar, time=stamp), or a field 'time'."
                )
            stamp = NO_TIME
        elif before != NO_TIME:
            if stamp <= before:
                raise DataError(
                    f"{self._who}: bars must come in the order of time; one stamped "
                    f"{pd.Timestamp(stamp, unit='ns', tz='UTC')} follows one of "
                    f"{pd.Timestamp(before, unit='ns', tz='UTC')}. Push each bar once."
                )
            close = self._close + 1 if stamp - before < self._least else 0
            if close >= STRAYS:
                raise DataError(too_close(self._who, stamp, stamp - before, self._least))
            self._close = close
        self._time[0] = stamp
        for name, (source, values) in self._sources.items():
            found = source.one(stamp)
            if found is not self._written.get(name):  # the same object while a session lasts
                values[...] = found
                self._written[name] = found


def stamp_of(bar: Any, time: Any, who: str | None) -> int | None:
    """Nanoseconds of a bar's stamp; raise for ``who`` if it has no zone."""
    if time is None:
        if isinstance(bar, pd.Series):
            time = bar["time"] if "time" in bar.index else bar.name
        elif isinstance(bar, Mapping):
            time = bar.get("time")
        else:
            time = getattr(bar, "time", getattr(bar, "Index", None))
    if type(time) is pd.Timestamp and time.unit == "ns" and time.tzinfo is not None:
        return time.value
    if not isinstance(time, str | datetime | np.datetime64) or pd.isna(time):
        return None
    if isinstance(time, np.datetime64):  # counts UTC by definition
        time = pd.Timestamp(time, tz="UTC")
    elif not isinstance(time, pd.Timestamp):
        time = pd.Timestamp(time)
    if who is not None and time.tzinfo is None:
        raise DataError(
            f"{who}: a bar's stamp must have a time zone; {time} has none. Use "
            "time.tz_localize('UTC'), or bring the table to UTC first: "
            "ohlcvml.bars.as_bars(table, tz=...)."
        )
    return int(time.value if time.unit == "ns" else time.as_unit("ns").value)
