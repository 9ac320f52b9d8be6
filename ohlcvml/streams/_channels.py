"""What kernels read: the columns of a table of bars and values derived from them, each once."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from math import isfinite, isinf, isnan, nan
from threading import RLock
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._elementary import logarithms
from ohlcvml.bars import OHLCV, look_alikes, price_arrays, symbol_starts
from ohlcvml.exceptions import DataError, DataWarning
from ohlcvml.streams._clock import (
    SessionClock,
    SessionFacts,
    check_spacing,
    is_clock,
    spacing,
    stamps_of,
)
from ohlcvml.streams._row_clock import RowClock
from ohlcvml.typing import FloatArray

# A kernel names its inputs. To give families another one, add its computation to Channels (a whole
# table) and BarRow (one bar).
LOGS: dict[str, str] = {f"log_{name}": name for name in OHLCV}
PRICES = OHLCV[:4]


class Channels:
    """Input arrays of a whole table, computed on first use and shared by all kernels.

    ``open high low close volume``; ``log_open log_high log_low log_close``; ``log_volume`` is
    log(1 + volume); ``any_volume`` may be missing throughout, where ``volume`` raises. A bar with a
    missing price is missing in all four prices. In a plain series, which has none of these columns
    and is taken as price, the log of a price at or below zero is NaN; in bars it raises. Times are
    int64 nanoseconds UTC, ``NO_TIME`` where the index holds no dates: ``time@{bar size}`` the
    stamps, checked to be at least so far apart; ``session@{calendar}``,
    ``session_open@{calendar}``, ``session_close@{calendar}`` number, open and close of the session,
    the UTC day where the calendar is empty. ``session_facts@{calendar}@{symbol}`` is no column but
    a row for each session: see ``SessionFacts``. Any other name is a column of the table. Threads
    may share one object.
    """

    def __init__(self, table: pd.DataFrame, who: str) -> None:
        self.starts = symbol_starts(table.index)
        self.n_rows = len(table)
        self._table, self._who = table, who
        self.plain = not any(name in table.columns for name in OHLCV)
        self._arrays: dict[str, Any] = {}
        self._volume_checked = False
        self._lock = RLock()

    def __getitem__(self, name: str) -> Any:
        with self._lock:
            if name not in self._arrays:
                if name in (*OHLCV, "any_volume"):
                    self._read_bars()
                elif name in LOGS:
                    self._arrays[name] = self._log(LOGS[name])
                elif is_clock(name):
                    self._read_clock(name)
                else:
                    self._arrays[name] = _column(self._table, name, self._who)
            if name == "volume" and not self._volume_checked:
                self._check_volume()
                self._volume_checked = True
            self._arrays[name] = _writable(self._arrays[name])
            return self._arrays[name]

    def _read_clock(self, name: str) -> None:
        if "time" not in self._arrays:
            self._arrays["time"] = stamps_of(self._table.index)
        stamps = self._arrays["time"]
        kind, _, argument = name.partition("@")
        if kind == "time":
            check_spacing(stamps, self.starts, spacing(name, self._who), self._who)
            self._arrays[name] = stamps
        elif kind == "session_facts":
            self._arrays[name] = SessionFacts(argument).table(stamps)
        else:
            found = SessionClock(argument).table(stamps)
            self._arrays |= {f"{key}@{argument}": values for key, values in found.items()}

    def _read_bars(self) -> None:
        arrays = price_arrays(self._table, self._who)._asdict()
        total = arrays["open"] + arrays["high"] + arrays["low"] + arrays["close"]
        if self.plain and np.isinf(total).any():  # bars have passed the door
            _raise_infinite(self._who, "the price", arrays["close"])
        missing = np.isnan(total)
        if missing.any():
            for name in PRICES:
                arrays[name] = np.where(missing, np.nan, arrays[name])
        self._arrays |= arrays | {"any_volume": arrays["volume"]}

    def _log(self, name: str) -> FloatArray:
        value = self[name]
        if name == "volume":
            return logarithms(value + 1.0)
        if (value <= 0).any():
            if self.plain:
                return logarithms(value)
            at = int(np.flatnonzero(value <= 0)[0])
            raise DataError(_not_positive(self._who, name, value[at], f" in row {at}"))
        return logarithms(value)

    def _check_volume(self) -> None:
        volume = self._arrays["volume"]
        if (volume < 0).any():
            at = int(np.flatnonzero(volume < 0)[0])
            raise DataError(_negative_volume(self._who, volume[at], f" in row {at}"))
        if self.plain:
            return  # a plain series: the columns are NaN, as documented
        for first, last in zip(self.starts[:-1], self.starts[1:], strict=True):
            whose = ""
            if isinstance(self._table.index, pd.MultiIndex):
                whose = f" of {self._table.index[first][:-1]}"
            if not volume[first:last].any():
                warnings.warn(
                    f"{self._who}: 'volume'{whose} is 0 in every bar, so volume columns are "
                    "constant or NaN. Where 0 stands for unknown use OHLCVFeatures(volume=False), "
                    "or leave out the families that need volume.",
                    DataWarning,
                    stacklevel=2,
                )
            if np.isnan(volume[first:last]).all():
                raise DataError(
                    f"{self._who}: 'volume'{whose} must have values; all of it is NaN, so every "
                    "volume column would be. Use OHLCVFeatures(volume=False), or leave out the "
                    "families that need volume."
                )


class BarRow:
    """Input arrays of one bar, each of length 1, rewritten in place by :meth:`read`."""

    def __init__(self, who: str) -> None:
        self._who = who
        self._raw, self._logs = np.full(5, np.nan), np.full(5, np.nan)
        self._arguments = np.full(5, np.nan)  # of the logs, so that one call serves all
        self._extra: dict[str, FloatArray] = {}
        self._clock = RowClock(who)
        self._logged: set[int] = set()  # prices whose log a kernel reads
        self.plain = False  # a value of a plain series, without the names of a bar
        self._labels: tuple[Any, tuple[int, ...] | None] = (None, None)
        self._plain_names: tuple[Any, ...] = ()

    def __getitem__(self, name: str) -> Any:
        if is_clock(name):
            return self._clock[name]
        name = "volume" if name == "any_volume" else name
        if name in OHLCV:
            at = OHLCV.index(name)
            return self._raw[at : at + 1]
        if name in LOGS:
            at = OHLCV.index(LOGS[name])
            self._logged |= {at} - {OHLCV.index("volume")}
            return self._logs[at : at + 1]
        return self._extra.setdefault(name, np.full(1, np.nan))

    def row(self, names: list[str]) -> FloatArray:
        """Values of several columns, of shape (len(names),)."""
        return np.array([self[name][0] for name in names])

    def read(self, bar: Any, time: Any = None) -> None:
        """Take over a bar: mapping, Series, named tuple, or array open high low close volume.

        Its stamp, where an input needs one, is ``time``, or else its field ``time``, the name of
        the Series or the ``Index`` of the named tuple.
        """
        # Floats of Python: one by one, numpy's are several times slower.
        values = self._values(bar)
        total, volume = values[0] + values[1] + values[2] + values[3], values[4]
        if not isfinite(total) or isinf(volume):
            values = self._checked(values)
        if volume < 0:
            raise DataError(_negative_volume(self._who, volume, ""))
        raw, arguments = self._raw, self._arguments
        for at in self._logged:
            value = values[at]
            if value <= 0 and not self.plain:
                raise DataError(_not_positive(self._who, OHLCV[at], value, ""))
            arguments[at] = value if value > 0 else nan
        for at in range(5):
            raw[at] = values[at]
        arguments[4] = volume + 1.0
        logarithms(arguments, out=self._logs)
        for name, extra in self._extra.items():
            extra[0] = _field(bar, name, self._who)
        if self._clock.needed:
            self._clock.read(bar, time, self.plain)

    def _checked(self, values: Sequence[float]) -> Sequence[float]:
        for name, value in zip(OHLCV, values, strict=True):
            if isinf(value):
                _raise_infinite(self._who, name, np.array([value]))
        return [nan, nan, nan, nan, values[4]] if any(map(isnan, values[:4])) else values

    def _values(self, bar: Any) -> Sequence[float]:
        if type(bar) is dict and "volume" in bar:
            try:
                values = [float(bar[name]) for name in OHLCV]
            except KeyError:
                pass  # told below
            else:
                self.plain = False
                return values
        if isinstance(bar, pd.Series):
            if bar.index is not self._labels[0]:
                columns = {label: at for at, label in enumerate(bar.index)}
                known = all(name in columns for name in OHLCV)
                self._labels = (bar.index, tuple(columns[n] for n in OHLCV) if known else None)
            if self._labels[1] is not None:
                array = bar.to_numpy()
                self.plain = False
                return [float(array[at]) for at in self._labels[1]]
            bar = bar.to_dict()
        if isinstance(bar, np.ndarray):
            if bar.shape == (5,):
                return bar.tolist()  # type: ignore[no-any-return]
            if bar.size != 1:
                raise DataError(
                    f"{self._who}: an array must hold the 5 values open, high, low, close, volume; "
                    f"got shape {bar.shape}. Push a mapping of these names."
                )
            fields: Mapping[Any, Any] = dict(enumerate(bar.ravel()))
        else:
            fields = bar if isinstance(bar, Mapping) else _fields(bar, self._who)
        present = [name for name in OHLCV if name in fields]
        self.plain = not present
        if self.plain:
            self._refuse_dialect(fields)
            price = float(next(iter(fields.values())))
            return (price, price, price, price, nan)
        if len(present) < len(OHLCV):
            missing = ", ".join(name for name in OHLCV if name not in fields)
            raise DataError(
                f"{self._who}: a bar must have all of {', '.join(OHLCV)}; {missing} missing. Give "
                "volume as NaN where there is none."
            )
        return [float(fields[name]) for name in OHLCV]

    def _refuse_dialect(self, fields: Mapping[Any, Any]) -> None:
        """Raise if names look like those of a bar: only then is the first value no price."""
        names = tuple(fields)
        if names == self._plain_names:
            return
        alike = [name for found in look_alikes(names).values() for name in found]
        if alike:
            raise DataError(
                f"{self._who}: a bar must have {', '.join(OHLCV)}; {', '.join(map(repr, alike))} "
                "are these in another case or dialect. Rename them, for a table with "
                "ohlcvml.bars.as_bars(table, tz=...)."
            )
        self._plain_names = names


def _fields(bar: Any, who: str) -> Mapping[str, Any]:
    if hasattr(bar, "_fields"):
        return dict(zip(bar._fields, bar, strict=True))
    raise DataError(
        f"{who}: a bar must be a mapping, a Series, a named tuple or an array of open, high, low, "
        f"close, volume; got {type(bar).__name__}."
    )


def _field(bar: Any, name: str, who: str) -> float:
    try:
        return float(bar[name] if isinstance(bar, Mapping | pd.Series) else getattr(bar, name))
    except (KeyError, AttributeError):
        raise DataError(f"{who}: the bar must have a value {name!r}; it has none.") from None


def _column(table: pd.DataFrame, name: str, who: str) -> FloatArray:
    if name not in table.columns:
        raise DataError(
            f"{who}: column {name!r} must be in the table; it has {list(table.columns)}."
        )
    return np.ascontiguousarray(table[name].to_numpy(dtype=np.float64))


def _writable(array: Any) -> Any:
    """The array itself, or a view that says it may be written, though no kernel does.

    To numba a read-only array, as pandas gives them, is another type: each kernel would be compiled
    once more.
    """
    if array.flags.writeable:
        return array
    view = array.view()
    try:
        view.flags.writeable = True
    except ValueError:  # the memory itself is read-only
        return array.copy()
    return view


def _raise_infinite(who: str, name: str, values: FloatArray) -> None:
    at = int(np.flatnonzero(np.isinf(values))[0])
    raise DataError(
        f"{who}: {name!r} must be finite or NaN; row {at} is {values[at]}. Look at the bars with "
        "ohlcvml.bars.validate_bars(bars)."
    )


def _not_positive(who: str, name: str, value: float, where: str) -> str:
    return (
        f"{who}: {name!r} must be positive, its logarithm is taken; got {value}{where}. Use "
        "unadjusted or forward-adjusted prices, or leave the return features out."
    )


def _negative_volume(who: str, value: float, where: str) -> str:
    return (
        f"{who}: 'volume' must not be negative; got {value}{where}. Look at the bars with "
        "ohlcvml.bars.validate_bars(bars)."
    )
