"""Folders we write and read again: read once into memory, hashed, written all or nothing.

Such a folder (or zip) is flat: no subfolder, no link, names of lower-case letters, digits, ``-``,
``_`` and ``.``. So no name can point outside it, and nothing is ever unpacked to disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUMS = "SHA256SUMS"

# Far above any honest model; a crafted file is refused before it fills the memory.
MAX_FILE_BYTES = 2 << 30
MAX_TOTAL_BYTES = 4 << 30
MAX_FILES = 10_000
MAX_RATIO = 1_000  # deflate reaches about 1,030

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9_-]+)+|SHA256SUMS")


@dataclass(frozen=True)
class Kind:
    """What such a folder holds: a word for messages, its error and its first file."""

    noun: str
    error: type[Exception]
    manifest: str = "manifest.json"


def read_files(path: Path, kind: Kind) -> dict[str, bytes]:
    """Return every file of the folder at ``path``, a directory or a zip, by name.

    Raises
    ------
    kind.error
        There is none, or it holds a folder, a link, a name that is not allowed, a name twice or
        a file that is too large.
    """
    if path.is_dir():
        return _read_directory(path, kind)
    if not path.exists():
        raise kind.error(f"load: there is no {kind.noun} at {path}.")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_zip(archive, kind)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        raise kind.error(f"load: {path} is not a readable zip: {error}") from error
    except Exception as error:  # zlib raises a type of its own
        if isinstance(error, kind.error):
            raise
        raise kind.error(f"load: {path} is not a readable zip: {error}") from error


def _read_directory(path: Path, kind: Kind) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise kind.error(f"load: {entry.name!r} in the {kind.noun} is not a plain file.")
        total = _admit(entry.name, status.st_size, total, len(files), kind)
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(entry.path, flags), "rb") as file:
            files[entry.name] = file.read(status.st_size + 1)
    return files


def _read_zip(archive: zipfile.ZipFile, kind: Kind) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    for member in archive.infolist():
        name = member.orig_filename
        mode = member.external_attr >> 16
        if member.is_dir() or (mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0)):
            raise kind.error(f"load: {name!r} in the {kind.noun} is not a plain file.")
        if name in files:
            raise kind.error(f"load: the {kind.noun} holds {name!r} twice.")
        if member.file_size > MAX_RATIO * max(member.compress_size, 1) + 1024:
            raise kind.error(f"load: {name!r} unpacks to more than {MAX_RATIO} times its size.")
        total = _admit(name, member.file_size, total, len(files), kind)
        files[name] = archive.read(member)  # never more than file_size, and its CRC is checked
    return files


def _admit(name: str, size: int, total: int, count: int, kind: Kind) -> int:
    """Check one file before it is read; return the new total size."""
    if not NAME.fullmatch(name):
        raise kind.error(
            f"load: the {kind.noun} holds a file called {name!r}; names are lower case, without "
            "folders."
        )
    if size > MAX_FILE_BYTES or total + size > MAX_TOTAL_BYTES or count >= MAX_FILES:
        raise kind.error(
            f"load: with {name!r} ({size:,} bytes) the {kind.noun} is larger than allowed "
            f"({MAX_FILE_BYTES:,} bytes a file, {MAX_TOTAL_BYTES:,} in all, {MAX_FILES} files)."
        )
    return total + size


def parse_json(raw: bytes, name: str, kind: Kind) -> dict[str, Any]:
    """Parse strict JSON: one object, no NaN, no key twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    try:
        content = json.loads(raw, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise kind.error(f"load: {name} is not valid: {error}") from error
    if not isinstance(content, dict):
        raise kind.error(f"load: {name} is not a JSON object.")
    return content


def render_sums(files: dict[str, bytes]) -> bytes:
    """Return the text of SHA256SUMS for ``files``, as ``sha256sum --check`` reads it."""
    lines = (
        f"{hashlib.sha256(raw).hexdigest()}  {name}\n"
        for name, raw in sorted(files.items())
        if name != SUMS
    )
    return "".join(lines).encode()


def check_sums(files: dict[str, bytes], kind: Kind) -> list[str]:
    """List what disagrees with SHA256SUMS: changed, missing and extra files."""
    if SUMS not in files or kind.manifest not in files:
        missing = [name for name in (SUMS, kind.manifest) if name not in files]
        return [f"{name} is missing: this is no {kind.noun}, or a damaged one" for name in missing]
    if files[SUMS] == render_sums(files):
        return []
    listed: dict[str, str] = {}
    for line in files[SUMS].decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    present = {name: hashlib.sha256(raw).hexdigest() for name, raw in files.items() if name != SUMS}
    problems = [f"{name} is missing" for name in sorted(listed.keys() - present.keys())]
    problems += [
        f"{name} is not listed in {SUMS}" for name in sorted(present.keys() - listed.keys())
    ]
    problems += [
        f"{name} was changed"
        for name in sorted(listed)
        if listed[name] != present.get(name, listed[name])
    ]
    return problems or [f"{SUMS} itself was changed"]


def write_files(
    path: Path,
    files: dict[str, bytes],
    kind: Kind,
    *,
    overwrite: bool,
    check: Callable[[Path], object],
) -> None:
    """Write ``files`` as a directory, or as a zip if ``path`` ends in ``.zip``, all or nothing.

    Parameters
    ----------
    path : Path
        Where the folder shall stand.
    files : dict of str to bytes
        Contents by name; SHA256SUMS is added.
    overwrite : bool
        Replace one of the same kind that stands there. Anything else is never replaced.
    check : callable
        Called with the finished temporary folder; if it raises, nothing is left behind.
    """
    if path.exists() or path.is_symlink():
        _check_replaceable(path, kind, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    files = {**files, SUMS: render_sums(files)}
    suffix = ".zip" if path.suffix == ".zip" else ""
    temporary = path.parent / f".{path.stem}.{secrets.token_hex(8)}{suffix}"
    try:
        if suffix:
            _write_zip(temporary, files)
        else:
            temporary.mkdir()
            for name, raw in files.items():
                (temporary / name).write_bytes(raw)
        check(temporary)
        _replace(temporary, path)
    finally:
        _remove(temporary)


def _write_zip(path: Path, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "x") as archive:
        for name, raw in sorted(files.items()):
            member = zipfile.ZipInfo(name)  # dated 1980: the time of writing is no content
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, raw)


def _check_replaceable(path: Path, kind: Kind, overwrite: bool) -> None:
    if not overwrite:
        raise kind.error(
            f"save: {path} exists. Choose another path or pass overwrite=True to replace a "
            f"{kind.noun}."
        )
    try:
        files = {} if path.is_symlink() else read_files(path, kind)
    except kind.error:
        files = {}
    listed = files.get(SUMS, b"").decode("utf-8", "replace")
    others = [name for name in files if name != SUMS]
    if kind.manifest not in files or any(name not in listed for name in others):
        raise kind.error(
            f"save: {path} is not a {kind.noun}, so it is not replaced even with overwrite=True. "
            "Choose another path or remove it yourself."
        )


def _replace(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        os.replace(temporary, path)
        return
    # A directory that is not empty cannot be replaced in one step: step aside, swap, remove.
    aside = path.parent / f".{path.name}.{secrets.token_hex(8)}.old"
    os.replace(path, aside)
    try:
        os.replace(temporary, path)
    except OSError:
        os.replace(aside, path)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
