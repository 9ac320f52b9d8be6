"""Bytes to a raw table: parquet and feather here, delimited text in ``_read_text``."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet

from ohlcvml.bars.read._text import TextTable, column_name, listed
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray


class RawTable(Protocol):
    """What the column rules need of a table, whatever it was read from."""

    source: str
    headers: list[list[str]]  # one list of cells per header line; empty if there is none
    width: int

    def __len__(self) -> int: ...
    def sample(self, column: int) -> list[str]: ...
    def load(self, columns: list[int]) -> None: ...
    def text(self, column: int) -> pa.Array: ...
    def numbers(self, column: int) -> FloatArray: ...
    def typed(self, column: int) -> pd.Series | None: ...
    def where(self, rows: IntArray) -> str: ...


def open_table(source: str, data: bytes, max_bytes: int) -> RawTable:
    """Open bytes as parquet, feather or delimited text, told apart by their first bytes."""
    try:
        if data.startswith(b"PAR1"):
            return FrameTable(source, _read_parquet(source, data, max_bytes))
        if data.startswith((b"ARROW1", b"FEA1")):
            return FrameTable(source, pa_feather.read_table(pa.BufferReader(data)).to_pandas())
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"read_bars: {source}: the parquet or feather data are damaged ({error}). Fetch the "
            "file again."
        ) from error
    return TextTable(source, data)


def _read_parquet(source: str, data: bytes, max_bytes: int) -> pd.DataFrame:
    file = pa_parquet.ParquetFile(pa.BufferReader(data))
    meta = file.metadata
    size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    if max(size, 8 * meta.num_rows) > max_bytes:
        raise DataError(
            f"read_bars: {source}: unpacks to more than max_bytes={max_bytes} bytes. Pass a "
            "larger 'max_bytes' if the file can be trusted."
        )
    return file.read().to_pandas()


class FrameTable:
    """A parquet or feather table; its index, unless it only counts rows, is columns too."""

    def __init__(self, source: str, frame: pd.DataFrame) -> None:
        self.source = source
        if not isinstance(frame.index, pd.RangeIndex):
            frame = frame.reset_index(allow_duplicates=True)
        self._frame = frame
        self.width = frame.shape[1]
        levels = frame.columns.nlevels
        names = [frame.columns.get_level_values(level) for level in range(levels)]
        self.headers = [["" if n is None else str(n) for n in level] for level in names]
        if len(frame) == 0:
            raise DataError(f"read_bars: {source}: the table has no rows. Fetch the file again.")

    def __len__(self) -> int:
        return len(self._frame)

    def sample(self, column: int) -> list[str]:
        """First cells of a column as text."""
        return [_as_text(cell) for cell in self._frame.iloc[:200, column]]

    def typed(self, column: int) -> pd.Series | None:
        """The column as stored, unless it holds text or objects."""
        values = self._frame.iloc[:, column]
        return values if values.dtype.kind in "Miuf" else None

    def column(self, column: int) -> pd.Series:
        """The column as it is, on a range of row numbers."""
        return self._frame.iloc[:, column].reset_index(drop=True)

    def load(self, columns: list[int]) -> None:
        """Do nothing: the table is in memory."""

    def text(self, column: int) -> pa.Array:
        """Cells as trimmed text; null where missing."""
        values = self._frame.iloc[:, column]
        if values.dtype.kind in "iu":
            return pc.cast(pa.array(values.to_numpy()), pa.string())
        cells = [_as_text(cell).strip() or None for cell in values]
        return pa.array(cells, type=pa.string())

    def numbers(self, column: int) -> FloatArray:
        """Cells as float64."""
        values = self._frame.iloc[:, column]
        if values.dtype.kind in "Mmb":
            kind = str(values.dtype)
        else:
            try:
                return values.to_numpy(dtype=np.float64, na_value=np.nan).copy()
            except (TypeError, ValueError):
                kind = "text"
        raise DataError(
            f"read_bars: {self.source}: column {column_name(self.headers, column)} must hold "
            f"numbers; it holds {kind}. Convert it before saving the file."
        )

    def where(self, rows: IntArray) -> str:
        """Numbers of table rows, counted from 1."""
        return listed("row" if len(rows) == 1 else "rows", [int(r) + 1 for r in rows])


def _as_text(cell: object) -> str:
    """A cell as text, "" where missing; a span of time since midnight as a time of day."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    if isinstance(cell, pd.Timedelta) and pd.Timedelta(0) <= cell < pd.Timedelta(days=1):
        return str(cell).removeprefix("0 days ")
    return "" if cell is pd.NA else str(cell)
