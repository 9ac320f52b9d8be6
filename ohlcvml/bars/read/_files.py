"""Containers: a path to the tables inside it, unpacked in memory and never onto the disk."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ohlcvml.exceptions import DataError, ParameterError

_TABLES = (".csv", ".tsv", ".txt", ".prn", ".parquet", ".pq", ".feather", ".arrow", ".ipc")
_PACKED = (".gz", ".zip")
_MAX_DEPTH = 2  # a zip of zips, as Lean keeps its days
_MAX_MEMBERS = 20_000
_CHUNK = 1 << 20
_REFUSED = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"\x89HDF", "HDF5"),
    (b"\xd0\xcf\x11\xe0", "Excel"),
    (b"SQLite format 3", "SQLite"),
)

# Everything that the zip reader raises on damaged bytes, a negative seek included.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True)
class Member:
    """One table of a file: its own file name, the words for messages, and its bytes."""

    name: str
    source: str
    data: bytes


class _Budget:
    """Bytes that may still be unpacked; a header's word about sizes is not trusted."""

    def __init__(self, max_bytes: int) -> None:
        self.total = self.left = max_bytes

    def read(self, stream: IO[bytes], source: str) -> bytes:
        parts, size = [], 0
        while size <= self.left and (part := stream.read(_CHUNK)):  # a large read would allocate
            parts.append(part)
            size += len(part)
        if size > self.left:
            raise DataError(
                f"read_bars: {source}: unpacks to more than max_bytes={self.total} bytes. Pass a "
                "larger 'max_bytes' if the file can be trusted."
            )
        self.left -= size
        return b"".join(parts)


def open_members(path: str | os.PathLike[str], max_bytes: int) -> list[Member]:
    """Tables inside a file, in the order of their names.

    Parameters
    ----------
    path : str or path-like
    max_bytes : int
        Most bytes that gz and zip members may unpack to, all together.

    Raises
    ------
    DataError
        Missing, empty, damaged, encrypted, oversized or of a kind that is not read.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ParameterError(
            f"read_bars: parameter 'path' must be a path; got {type(path).__name__}. Write data "
            "held in memory to a file first."
        )
    file = Path(path)
    if not file.exists():
        raise DataError(f"read_bars: {file}: there is no such file. Check the path.")
    if not file.is_file():
        raise DataError(f"read_bars: {file}: not a file. Pass the path of one file or a zip.")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DataError(
            f"read_bars: {file}: cannot be read ({error.strerror}). Check its permissions."
        ) from error
    return _unpack(file.name, file.name, data, _Budget(max_bytes), depth=0)


def _unpack(name: str, source: str, data: bytes, budget: _Budget, depth: int) -> list[Member]:
    if not data:
        raise DataError(f"read_bars: {source}: the file is empty. Fetch it again.")
    for magic, kind in _REFUSED:
        if data.startswith(magic):
            raise DataError(
                f"read_bars: {source}: this is {kind}, which is not read. Convert it to CSV, "
                "parquet or feather (gz and zip are unpacked)."
            )
    if data.startswith(b"\x1f\x8b"):
        return _gunzip(name, source, data, budget, depth)
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _unzip(source, data, budget, depth)
    return [Member(name, source, data)]


def _gunzip(name: str, source: str, data: bytes, budget: _Budget, depth: int) -> list[Member]:
    if depth > _MAX_DEPTH:
        raise DataError(f"read_bars: {source}: packed more than {_MAX_DEPTH} deep. Unpack it.")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            inner = budget.read(cast("IO[bytes]", stream), source)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"read_bars: {source}: the gzip data are damaged ({error}). Fetch the file again."
        ) from error
    bare = name[:-3] if name.lower().endswith(".gz") else name
    return _unpack(bare, source, inner, budget, depth + 1)


def _unzip(source: str, data: bytes, budget: _Budget, depth: int) -> list[Member]:
    if depth >= _MAX_DEPTH:
        raise DataError(f"read_bars: {source}: packed more than {_MAX_DEPTH} deep. Unpack it.")
    found: list[Member] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in _tables(archive, source):
                inside = f"{source}/{info.filename}"
                if info.flag_bits & 1:
                    raise DataError(f"read_bars: {inside}: encrypted. Unpack it with its password.")
                with archive.open(info) as stream:
                    inner = budget.read(stream, inside)
                name = PurePosixPath(info.filename).name
                found += _unpack(name, inside, inner, budget, depth + 1)
    except DataError:
        raise
    except _ZIP_ERRORS as error:
        raise DataError(
            f"read_bars: {source}: the zip is damaged or packed in an unknown way ({error}). "
            "Fetch the file again or unpack it."
        ) from error
    return found


def _tables(archive: zipfile.ZipFile, source: str) -> list[zipfile.ZipInfo]:
    """Members that hold tables; .txt counts only where nothing else does (vendors' notes)."""
    infos = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and not PurePosixPath(info.filename).name.startswith(".")
    ]
    if any(info.filename == "[Content_Types].xml" for info in infos):
        raise DataError(
            f"read_bars: {source}: this is an Excel workbook, which is not read. Save it as CSV."
        )
    chosen = [i for i in infos if i.filename.lower().endswith(_TABLES + _PACKED)]
    firm = [i for i in chosen if not i.filename.lower().endswith(".txt")]
    if not chosen and len(infos) == 1 and "." not in infos[0].filename:
        chosen = infos  # as pandas names the member of x.zip
    chosen = sorted(firm or chosen, key=lambda info: info.filename)
    if not chosen:
        names = ", ".join(info.filename for info in infos[:5]) or "nothing"
        raise DataError(
            f"read_bars: {source}: no table in the zip, it holds {names}. Tables end in "
            f"{', '.join(_TABLES + _PACKED)}."
        )
    if len(chosen) > _MAX_MEMBERS:
        raise DataError(
            f"read_bars: {source}: {len(chosen)} members, more than {_MAX_MEMBERS}. Split the zip."
        )
    return chosen
