"""Counting the looks at an untouched test set: a second one is no longer untouched."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._home import data_folder
from ohlcvml._identity import digest, rows_identity
from ohlcvml._time import nanoseconds
from ohlcvml.bars import Contract
from ohlcvml.bars import contract as look_up
from ohlcvml.evaluation._ledger import in_ledger
from ohlcvml.evaluation._market_days import MarketSpan, market_spans
from ohlcvml.exceptions import ParameterError
from ohlcvml.samples import Samples

_TABLES = """
CREATE TABLE IF NOT EXISTS looks (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, configuration TEXT NOT NULL, model TEXT NOT NULL,
    market TEXT, tick REAL, first INTEGER, last INTEGER, days BLOB, closes BLOB, rows TEXT
);
CREATE TABLE IF NOT EXISTS imported (file TEXT PRIMARY KEY, at TEXT NOT NULL, lines INTEGER)
"""
_INSERT = (
    "INSERT INTO looks (at, configuration, model, market, tick, first, last, days, closes, rows) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
OLD_FILE = "looks.jsonl"


def rows_fingerprint(samples: Samples) -> str:
    """SHA-256 of the stamps, ends and labels of these rows, and of the closes that they span.

    The same rows of the same market have the same fingerprint whatever the model.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import rows_fingerprint
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.samples import Samples
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labeller = FixedHorizonLabeller(horizon=5, cost_adjustment=None)
    >>> samples = Samples(bars, labeller.fit_transform(bars))
    >>> rows_fingerprint(samples[50:]) == rows_fingerprint(samples[50:].with_features(bars * 2))
    True
    >>> rows_fingerprint(samples[50:]) == rows_fingerprint(samples[51:])
    False
    """
    return rows_identity(samples)


def count_look(
    samples: Samples, model: Any, *, contract: str | Contract | None = None
) -> int | None:
    """Record a look at a test set and return how many there have been, this one included.

    Looks count together where their spans, from the first decision to the last label's end,
    overlap at all on the same market: other barriers or another share held out make no new test
    set. An identical configuration (the same parameters, trained on the same stretches, scored on
    the same rows and labels) is no new look.

    Two tables are of the same market where their contracts or symbols are the same. Where one has
    none, at least 90 % of the days they share must have last closes that agree to a tick.

    Parameters
    ----------
    samples : Samples
        The rows that were scored.
    model : bar classifier
        What was looked at them with.
    contract : str or Contract, optional
        What the bars are of; the labels' own contract by default. Several symbols bring their
        own names.

    Returns
    -------
    int or None
        None where the records in the data folder cannot be read or written: looks are then not
        counted.

    Notes
    -----
    Looks lie in ``ledger.sqlite`` in the data folder. Several processes may count at once. The
    looks of earlier versions (``looks.jsonl``) are taken over once; of these only the very rows
    are known.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest.mock import patch
    >>> from ohlcvml.bars import simulate_bars
    >>> from ohlcvml.evaluation import count_look
    >>> from ohlcvml.labels import FixedHorizonLabeller
    >>> from ohlcvml.models import LightGBMClassifier, LogisticClassifier
    >>> from ohlcvml.samples import Samples
    >>> bars = simulate_bars(200, seed=0).bars
    >>> labeller = FixedHorizonLabeller(horizon=5, cost_adjustment=None)
    >>> test = Samples(bars, labeller.fit_transform(bars))[100:]
    >>> logistic, boosting = LogisticClassifier(), LightGBMClassifier()
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     patch.dict(os.environ, OHLCVML_HOME=folder),
    ... ):
    ...     [count_look(*look) for look in
    ...      ((test, logistic), (test, logistic), (test[20:], logistic), (test, boosting))]
    [1, 1, 2, 3]
    """
    given = samples.spec.contract if contract is None else contract
    spec = look_up(given) if isinstance(given, str) else given
    name, tick = (None, None) if spec is None else (spec.symbol, spec.tick_size)
    spans = market_spans(samples, name, tick)
    identity = _configuration(samples, model)
    told = model if isinstance(model, str) else type(model).__name__
    return in_ledger(lambda ledger: _record(ledger, samples, spans, identity, told))


def _configuration(samples: Samples, model: Any) -> str:
    trained = getattr(model, "training_intervals_", None)
    try:
        return digest((model, trained, rows_identity(samples)))
    except ParameterError:  # a lambda in a pipeline: nobody can tell that it is the same
        return uuid.uuid4().hex


def _record(
    ledger: sqlite3.Connection,
    samples: Samples,
    spans: list[MarketSpan],
    identity: str,
    model: str,
) -> int:
    for statement in _TABLES.split(";"):
        ledger.execute(statement)
    _import_old(ledger)
    known = ledger.execute("SELECT 1 FROM looks WHERE configuration = ?", (identity,)).fetchone()
    if known is None:
        for span in spans:
            values = (span.name, span.tick, span.first, span.last, *span.packed(), None)
            ledger.execute(_INSERT, (_now(), identity, model, *values))
    met = {
        row[0]
        for span in spans
        for row in ledger.execute(
            "SELECT configuration, market, tick, first, last, days, closes FROM looks "
            "WHERE rows IS NULL AND (first <= ? AND last >= ? "
            "OR typeof(first) <> 'integer' OR typeof(last) <> 'integer')",
            (span.last, span.first),
        )
        if span.overlaps(MarketSpan.unpack(*row[1:]))
    }
    old = ledger.execute(
        "SELECT COUNT(*) FROM looks WHERE rows = ?", (_old_fingerprint(samples),)
    ).fetchone()
    return len(met) + int(old[0])


def _import_old(ledger: sqlite3.Connection) -> None:
    """Take over the looks of earlier versions, once; damaged lines are left out."""
    path = data_folder() / OLD_FILE
    done = ledger.execute("SELECT 1 FROM imported WHERE file = ?", (OLD_FILE,)).fetchone()
    if done is not None or not path.exists():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    entries = [entry for entry in map(_parsed, lines) if entry is not None]
    for number, entry in enumerate(entries):
        told = (str(entry.get("at", "")), f"{OLD_FILE}:{number}", str(entry.get("model", "")))
        ledger.execute(_INSERT, (*told, *[None] * 6, str(entry["rows"])))
    ledger.execute("INSERT INTO imported VALUES (?, ?, ?)", (OLD_FILE, _now(), len(entries)))


def _parsed(line: str) -> dict[str, Any] | None:
    """A record of an earlier version; None for a line that a crash or an editor has damaged."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and "rows" in entry else None


def _old_fingerprint(samples: Samples) -> str:
    """What earlier versions knew of the rows: stamps and closes of the bars they span."""
    hashed = hashlib.sha256()
    first, last = int(samples.pos.min()), int(samples.end_pos.max())
    stamps = pd.DatetimeIndex(samples.bars.index[first : last + 1].get_level_values(-1))
    hashed.update(nanoseconds(stamps, nat="keep").tobytes())
    close = samples.bars["close"].to_numpy(dtype=np.float64)[first : last + 1]
    hashed.update(close.tobytes())
    return hashed.hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat()
