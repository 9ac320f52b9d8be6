"""Delimited text to columns: encoding, separator, header lines, numbers, and where a row stands."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from ohlcvml.bars._names import COLUMN_NAMES, plain
from ohlcvml.bars.read._stamps import BAD, is_stamp
from ohlcvml.exceptions import DataError
from ohlcvml.typing import FloatArray, IntArray

_SEPARATORS = ("\t", ";", "|", ",", " ")
_SAMPLE_BYTES = 1 << 16
_SAMPLE_LINES = 200
_MAX_MESSAGE = 3000
_NULLS = ["", "NaN", "nan", "NAN", "NA", "N/A", "n/a", "null", "NULL", "None", "none", "-"]
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")


def listed(words: str, numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (" ..." if len(numbers) > 5 else "")
    return f"{words} {shown}"


def plain_text(message: str) -> str:
    """A message without control characters, and shortened in the middle where a file made it long.

    Names and cells of a file that is not trusted go into messages: a terminal must not obey them.
    """
    if len(message) > _MAX_MESSAGE:
        message = f"{message[: _MAX_MESSAGE - 500]} [...] {message[-500:]}"
    return "".join(
        sign if sign.isprintable() else " " if sign.isspace() else f"\\x{ord(sign):02x}"
        for sign in message
    )


def column_name(headers: list[list[str]], column: int) -> str:
    names = [row[column] for row in headers if row[column]]
    return repr(names[0]) if names else f"number {column}"


def header_names(headers: list[list[str]]) -> list[str]:
    """Header line with the most known names."""
    known = {name for groups in COLUMN_NAMES.values() for group in groups for name in group}
    return max(headers, key=lambda row: sum(plain(cell) in known for cell in row))


class TextTable:
    """Delimited text, read column by column as it is needed."""

    def __init__(self, source: str, data: bytes) -> None:
        self.source = source
        self._data = _as_utf8(source, data)
        self._layout = _sniff(source, self._data)
        self.headers = self._layout.headers
        self.width = self._layout.width
        self._columns: dict[int, pa.Array] = {}
        self._comma: str | None = None

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def sample(self, column: int) -> list[str]:
        """First cells of a column."""
        return [row[column].strip() for row in self._layout.rows if column < len(row)]

    def typed(self, column: int) -> pd.Series | None:
        """Text has no types of its own."""
        return None

    def load(self, columns: list[int]) -> None:
        """Read the columns as text; rows with too few or too many fields raise."""
        names = [str(i) for i in range(self.width)]
        wanted = [str(i) for i in sorted(set(columns))]
        bad: list[Any] = []

        def note(row: Any) -> str:
            bad.append(row)
            return "skip"

        def read(handler: Any) -> pa.Table:
            return pa_csv.read_csv(
                pa.BufferReader(self._data[self._layout.start :]),
                read_options=pa_csv.ReadOptions(column_names=names, use_threads=handler is None),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._layout.separator, invalid_row_handler=handler
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={name: pa.string() for name in wanted},
                    include_columns=wanted,
                    null_values=_NULLS,
                    strings_can_be_null=True,
                ),
            )

        try:
            table = read(None)
        except pa.ArrowInvalid as error:
            try:
                read(note)
            except pa.ArrowInvalid:
                bad = []
            if not bad:
                raise DataError(
                    f"read_bars: {self.source}: not a table of bars ({error}). Check the file."
                ) from error
            rows = np.array([row.number - 1 for row in bad[:6]], dtype=np.int64)
            raise DataError(
                f"read_bars: {self.source}: {len(bad)} rows do not have {self.width} fields as "
                f"the others do: {self.where(rows)}; the first reads {bad[0].text[:80]!r}. "
                "Mend or remove them."
            ) from error
        for name in wanted:
            cells = table.column(name).combine_chunks()
            if isinstance(cells, pa.ChunkedArray):
                cells = cells.combine_chunks()
            self._columns[int(name)] = pc.utf8_trim_whitespace(cells)

    def text(self, column: int) -> pa.Array:
        """Trimmed cells; null where blank."""
        return self._columns[column]

    def numbers(self, column: int) -> FloatArray:
        """Cells as float64, correctly rounded; blank is NaN, anything else raises."""
        cells = self._columns[column]
        try:
            values = pc.cast(cells, pa.float64())
        except pa.ArrowInvalid:
            values = self._slow_numbers(column)
        return np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)

    def _slow_numbers(self, column: int) -> pa.Array:
        cells = [None if c in (None, *_NULLS) else c for c in self._columns[column].to_pylist()]
        if any(cell and "," in cell for cell in cells):
            comma = self._comma_role(cells)
            cells = [c and c.replace(",", "." if comma == "decimal" else "") for c in cells]
        bad = [row for row, cell in enumerate(cells) if cell and not _NUMBER.fullmatch(cell)]
        if bad:
            raise DataError(
                f"read_bars: {self.source}: {len(bad)} cells of column "
                f"{column_name(self.headers, column)} are not numbers: "
                f"{self.where(np.array(bad[:6], dtype=np.int64))}; the first reads "
                f"{self._columns[column][bad[0]].as_py()!r}. Mend or remove the rows."
            )
        return pa.array([None if c is None else float(c) for c in cells], type=pa.float64())

    def _comma_role(self, cells: list[str | None]) -> str:
        """Whether a comma is the decimal sign or parts thousands; one answer for the table."""
        if self._comma is None:
            with_comma = [cell for cell in cells if cell and "," in cell]
            decimal = all(_COMMA_NUMBER.fullmatch(cell) for cell in with_comma)
            thousands = all(_THOUSANDS.fullmatch(cell) for cell in with_comma)
            if decimal and thousands:
                raise DataError(
                    f"read_bars: {self.source}: whether the comma in {with_comma[0]!r} is a "
                    "decimal comma or parts thousands is undecidable. Write the file with a "
                    "decimal point."
                )
            self._comma = "decimal" if decimal else "thousands"
        return self._comma

    def where(self, rows: IntArray) -> str:
        """File lines of data rows."""
        first = self._data[: self._layout.start].count(b"\n") + 1
        lines = [
            first + i
            for i, line in enumerate(self._data[self._layout.start :].split(b"\n"))
            if line
        ]
        if any(row >= len(lines) for row in rows):  # a quoted cell held the end of a line
            return listed("row" if len(rows) == 1 else "rows", [int(r) + 1 for r in rows])
        return listed("line" if len(rows) == 1 else "lines", [lines[int(r)] for r in rows])


@dataclass(frozen=True)
class _Layout:
    separator: str
    width: int
    start: int  # byte at which the data begin
    headers: list[list[str]]
    rows: list[list[str]]


def _as_utf8(source: str, data: bytes) -> bytes:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"read_bars: {source}: the UTF-16 text is damaged. Fetch the file again."
            ) from error
    data = data.removeprefix(b"\xef\xbb\xbf")
    head = data[:_SAMPLE_BYTES]
    odd = len(re.findall(rb"[\x00-\x08\x0e-\x1f]", head))
    if odd:
        raise DataError(
            f"read_bars: {source}: neither text nor parquet, feather, gz or zip ({odd} control "
            f"bytes in the first {len(head)}). Check what the file is."
        )
    if b"\r" in data:  # alone it ends a line, too, as the parser of rows has it
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        data.decode()
    except UnicodeDecodeError:
        data = data.decode("latin-1").encode()  # prices are ASCII; only names can be affected
    return _unquoted(data)


_QUOTED_LINE = re.compile(rb'^[ \t]*"((?:[^"\n]|"")*)"[ \t]*$', re.MULTILINE)


def _unquoted(data: bytes) -> bytes:
    """Without the quotes around whole lines, where most lines of several cells have them."""
    lines = [line for line in data[:_SAMPLE_BYTES].split(b"\n")[:_SAMPLE_LINES] if line.strip()]
    whole = [match for line in lines if (match := _QUOTED_LINE.fullmatch(line))]
    cells = [match for match in whole if re.search(rb"[\t;|, ]", match[1])]
    if 2 * len(cells) < len(lines) or not cells:
        return data
    return _QUOTED_LINE.sub(lambda match: match[1].replace(b'""', b'"'), data)


def _sniff(source: str, data: bytes) -> _Layout:
    """Separator, number of fields and first data line, from the first 200 lines."""
    sample = data[:_SAMPLE_BYTES]
    lines = sample.split(b"\n")
    if len(data) > len(sample) and len(lines) > 1:
        lines.pop()  # it may be cut
    lines = lines[:_SAMPLE_LINES]
    texts = [line.decode("utf-8", "replace").rstrip("\r") for line in lines]
    best: tuple[int, str, list[list[str]], list[bool]] = (0, ",", [], [])
    for separator in _SEPARATORS:
        if separator.encode() not in sample:
            continue
        rows = [_cells(text, separator) for text in texts]
        data_rows = [_is_data(row, separator) for row in rows]
        if sum(data_rows) > best[0]:
            best = (sum(data_rows), separator, rows, data_rows)
    count, separator, rows, data_rows = best
    if not count:
        seen = next((text for text in texts if text.strip()), "")
        word = "no rows of bars below the header" if _has_prices(seen) else "no row of bars"
        raise DataError(
            f"read_bars: {source}: {word}: a row needs a time and at least three numbers, parted "
            f"by comma, semicolon, tab, bar or blank. The file begins {seen[:60]!r}."
        )
    widths = [len(row) for row, is_data in zip(rows, data_rows, strict=True) if is_data]
    width = max(set(widths), key=widths.count)
    first = _first_row(rows, data_rows.index(True))
    start = sum(len(line) + 1 for line in lines[:first])
    headers = [row for row in rows[:first] if any(cell.strip() for cell in row)]
    body = [row for row, is_data in zip(rows[first:], data_rows[first:], strict=True) if is_data]
    headers = [_fit(source, [cell.strip() for cell in row], width, body) for row in headers]
    return _Layout(separator, width, start, headers, body)


def _cells(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error:  # a field longer than the module takes
        return []


def _first_row(rows: list[list[str]], first: int) -> int:
    """Line at which the data begin, given the first line that is surely data.

    A damaged row at the top must be read, and raise, rather than pass for a header: a line directly
    above the data that holds any number or stamp is data.
    """
    for i in range(first - 1, -1, -1):
        cells = [cell.strip() for cell in rows[i] if cell.strip()]
        if any(_NUMBER.fullmatch(c) or is_stamp(c) != BAD or _is_date_word(c) for c in cells):
            first = i
        elif cells:
            break
    return first


def _is_data(cells: list[str], separator: str) -> bool:
    with_comma = _THOUSANDS if separator == "," else _COMMA_NUMBER
    number = [
        bool(_NUMBER.fullmatch(cell.strip()) or with_comma.fullmatch(cell.strip()))
        for cell in cells
    ]
    if sum(number) < 3:
        return False
    blank = [cell.strip() in _NULLS for cell in cells]
    all_numbers = all(n or b for n, b in zip(number, blank, strict=True))
    return all_numbers or any(is_stamp(cell) != BAD or _is_date_word(cell) for cell in cells)


def _is_date_word(cell: str) -> bool:
    """Cells such as 01/02/24 that are dates, if not ones that can be read."""
    return bool(re.fullmatch(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*", cell.strip()))


def _has_prices(line: str) -> bool:
    return all(word in line.lower() for word in ("open", "high", "low", "close"))


def _fit(source: str, header: list[str], width: int, body: list[list[str]]) -> list[str]:
    """Give a header line as many cells as the rows have; blank extras only."""
    if len(header) < width:
        # A shorter header is harmless if the rows merely end in separators.
        spare = [cell for row in body for cell in row[len(header) : width]]
        if (
            len(header) > 2
            and any(cell.strip() for cell in spare)
            and _has_prices(",".join(header))
        ):
            raise DataError(
                f"read_bars: {source}: the header has {len(header)} names but the rows have "
                f"{width} fields, so the names cannot be placed. Mend the header."
            )
        return header + [""] * (width - len(header))
    if len(header) > width and any(header[width:]) and _has_prices(",".join(header)):
        raise DataError(
            f"read_bars: {source}: the header has {len(header)} names but the rows have {width} "
            "fields, so the names cannot be placed. Mend the header."
        )
    return header[:width]
