"""What judging a table of bars gives: findings, changes and the report that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import pandas as pd

from ohlcvml.typing import Bars, IntArray

ERROR, WARNING, INFO = "error", "warning", "info"
_RANK = {ERROR: 0, WARNING: 1, INFO: 2}


class Kind(NamedTuple):
    """One kind of fault: how grave it is, what it means, what to do, how repair mends it."""

    severity: str
    meaning: str
    remedy: str
    repair: str | None = None  # what policy "repair" does; None: it cannot be mended here
    drop: bool = True  # whether policy "drop" can mend it by removing rows


_LOOK = "Compare with another vendor; bars.iloc[finding.rows] shows the rows."
_REMOVE = "the row is removed"

FINDING_KINDS: dict[str, Kind] = {
    "back_step": Kind(
        ERROR, "stamp earlier than the row before",
        "A wrong clock can be the cause: check tz. Otherwise repair sorts by time.",
        "rows are sorted by time",
    ),
    "duplicate": Kind(
        ERROR, "same stamp and same values as an earlier row", "Repair keeps the first copy.",
        "later copies are removed",
    ),
    "conflict": Kind(
        ERROR, "same stamp as another row, other values",
        "A wrong clock or two contracts in one file do this, too: check tz and symbol. Else "
        "repair keeps the last row of each stamp, drop keeps none.",
        "the last row of each stamp is kept",
    ),
    "bar_size_change": Kind(
        ERROR, "bars of another size than in most of the file",
        "Cut the file where the size changes, or resample all of it to the coarsest size.",
        None, drop=False,
    ),
    "off_grid": Kind(
        ERROR, "stray stamp off the grid of the bar size",
        "Usually a snapshot of an unfinished bar: repair removes it.", _REMOVE,
    ),
    "gap": Kind(
        INFO, "bars missing within a session",
        "Nothing is filled in. Where no trade means no bar this is normal; else get the data.",
        drop=False,
    ),
    "missing_session": Kind(
        WARNING, "nominal sessions without a single bar",
        "Get the missing data, or cut the file there.", drop=False,
    ),
    "session_gap": Kind(
        INFO, "gaps between sessions", "Nothing to do: the market was closed.", drop=False
    ),
    "outside_session": Kind(
        WARNING, "bars outside the nominal session",
        "Sessions are nominal, so nothing is removed. Many of them: check tz, contract and "
        "whether the vendor fills the daily halt.",
    ),
    "clock_shift": Kind(
        WARNING, "bars in weeks whose stamps do not fit the session",
        "Read the file with the right tz (broker clocks: 'America/New_York+7h'), or cut the "
        "weeks out.",
    ),
    "close_stamp": Kind(
        WARNING, "bars stamped at the close of a session, and none at its open",
        "Stamps seem to be the close of the bar. The contract is its open: subtract the bar size "
        "from the index.", drop=False,
    ),
    "missing_price": Kind(
        ERROR, "NaN or infinite price", "No price can be made up: repair removes the row.", _REMOVE
    ),
    "non_positive_price": Kind(
        ERROR, "price of zero or below",
        "If it is real (CL, April 2020) pass allow_negative=True; else repair removes the row.",
        _REMOVE,
    ),
    "ohlc": Kind(
        ERROR, "high below or low above another price of the bar",
        "Repair widens high and low to hold open and close, and removes a row of which one price "
        "is more than twice another.",
        "high and low are widened",
    ),
    "scale_change": Kind(
        ERROR, "prices off by a power of ten against most of the file",
        "Repair divides them by that power.", "prices are divided by the power of ten",
    ),
    "wrong_scale": Kind(
        ERROR, "prices on another scale than the contract",
        "Read the file with read_bars(..., scale=...).", None, drop=False,
    ),
    "spike": Kind(WARNING, "price jumps and comes back within three bars", _LOOK, _REMOVE),
    "jump": Kind(
        INFO, "price jumps and stays", "News, a roll or missing data do this. " + _LOOK,
        drop=False,
    ),
    "off_tick": Kind(
        WARNING, "price between ticks",
        "Adjusted prices, mid prices or another contract's file do this. Costs and barriers in "
        "ticks need traded prices.",
        "prices are rounded to the nearest tick",
    ),
    "negative_volume": Kind(
        ERROR, "volume below zero or infinite", "Repair makes it NaN.", "volume becomes NaN"
    ),
    "cumulative_volume": Kind(
        ERROR, "volume runs up over the day instead of per bar",
        "Repair takes the change from row to row, and starts again where the total falls.",
        "volume becomes the difference to the row before", drop=False,
    ),
    "no_volume": Kind(
        WARNING, "volume is 0 or NaN in every bar",
        "Leave out the features that need volume.", drop=False,
    ),
    "missing_volume": Kind(INFO, "volume is NaN", "Volume features are NaN there."),
    "zero_volume": Kind(
        INFO, "volume is 0", "No trade: such bars do not fill orders.", _REMOVE
    ),
}  # fmt: skip


class Example(NamedTuple):
    """One row at which a finding was made; ``row`` is its position in the bars given."""

    time: pd.Timestamp
    values: dict[str, float]
    row: int
    symbol: object = None

    def __str__(self) -> str:
        who = "" if self.symbol is None else f"{self.symbol} "
        values = ", ".join(f"{name} {value:.10g}" for name, value in self.values.items())
        return f"{who}{self.time:%Y-%m-%d %H:%M:%S}" + (f" ({values})" if values else "")


@dataclass(frozen=True, eq=False)
class Finding:
    """One kind of fault, wherever it was found.

    Attributes
    ----------
    kind : str
        A key of ``ohlcvml.bars.FINDING_KINDS``.
    severity : {"error", "warning", "info"}
    count : int
        Rows concerned; for gaps, their number.
    examples : tuple of Example
        The first ones: stamp, values, row number, symbol.
    message : str
        What was found, and the remedy.
    rows : int64 array of shape (count,)
        Positions in the bars given, ascending: ``bars.iloc[finding.rows]`` shows them all. A gap
        is at the row after it.
    """

    kind: str
    severity: str
    count: int
    examples: tuple[Example, ...]
    message: str
    rows: IntArray


@dataclass(frozen=True, eq=False)
class Change:
    """What a policy did about one kind.

    Attributes
    ----------
    kind, action : str
        Why, and what was done.
    count : int
        Rows concerned.
    rows : int64 array of shape (count,)
        Their positions in the bars given.
    index : pd.Index
        Their stamps, or (symbol, stamp).
    """

    kind: str
    action: str
    count: int
    rows: IntArray
    index: pd.Index


@dataclass(frozen=True, eq=False)
class BarReport:
    """What was found in a table of bars and what was done about it.

    Attributes
    ----------
    findings : tuple of Finding
        In the bars given, gravest first.
    changes : tuple of Change
        Exactly what the policy changed, in the order it was done.
    remaining : tuple of Finding
        In the bars returned; the same as ``findings`` where nothing was changed.
    n_bars, n_bars_out, n_symbols : int
        Rows given, rows returned, symbols given.
    first, last : pd.Timestamp
        Earliest and latest stamp given.
    bar_size : pd.Timedelta or None
        Most frequent distance of the stamps (of the first symbol); None for irregular bars.
    policy : str
    not_checked : tuple of str
        Checks that could not be made, and what they would need.
    """

    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    remaining: tuple[Finding, ...]
    n_bars: int
    n_bars_out: int
    n_symbols: int
    first: pd.Timestamp
    last: pd.Timestamp
    bar_size: pd.Timedelta | None
    policy: str
    not_checked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no error is left in the bars returned."""
        return all(f.severity != ERROR for f in self.remaining)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings of severity error in the bars given."""
        return tuple(f for f in self.findings if f.severity == ERROR)

    def find(self, kind: str) -> Finding | None:
        """Return the finding of a kind, or None."""
        return next((f for f in self.findings if f.kind == kind), None)

    def count(self, kind: str) -> int:
        """Rows found of a kind; 0 where there are none."""
        found = self.find(kind)
        return 0 if found is None else found.count

    def to_frame(self) -> pd.DataFrame:
        """One row per finding: kind (index), severity, count, changed, first, message."""
        done = {c.kind: f"{c.count} rows: {c.action}" for c in self.changes}
        rows = [
            {
                "kind": f.kind,
                "severity": f.severity,
                "count": f.count,
                "changed": done.get(f.kind, ""),
                "first": f.examples[0].time if f.examples else pd.NaT,
                "message": f.message,
            }
            for f in self.findings
        ]
        columns = ["kind", "severity", "count", "changed", "first", "message"]
        return pd.DataFrame(rows, columns=columns).set_index("kind")

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON types, without the row numbers."""
        return {
            "n_bars": self.n_bars,
            "n_bars_out": self.n_bars_out,
            "n_symbols": self.n_symbols,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "bar_size": None if self.bar_size is None else str(self.bar_size),
            "policy": self.policy,
            "ok": self.ok,
            "findings": [
                {"kind": f.kind, "severity": f.severity, "count": f.count, "message": f.message}
                for f in self.findings
            ],
            "changes": [
                {"kind": c.kind, "action": c.action, "count": c.count} for c in self.changes
            ],
            "not_checked": list(self.not_checked),
        }

    def _title(self) -> str:
        size = "irregular" if self.bar_size is None else f"{_short(self.bar_size)}"
        symbols = f" of {self.n_symbols} symbols" if self.n_symbols > 1 else ""
        state = "ok" if self.ok else "errors"
        return (
            f"{self.n_bars:,} bars{symbols} ({size}), {self.first:%Y-%m-%d %H:%M} to "
            f"{self.last:%Y-%m-%d %H:%M} UTC, policy {self.policy!r}: {state}"
        )

    def __str__(self) -> str:
        lines = [self._title()]
        if not self.findings:
            lines.append("  nothing found")
        for f in self.findings:
            lines.append(f"  {f.severity:<8}{f.kind:<19}{f.count:>9,}  {f.message}")
            lines += [f"{'':<40}{example}" for example in f.examples[:2]]
        for c in self.changes:
            lines.append(f"  changed {c.kind:<19}{c.count:>9,}  {c.action}")
        if self.changes:
            lines.append(f"  {self.n_bars:,} rows in, {self.n_bars_out:,} rows out")
        lines += [f"  not checked: {text}" for text in self.not_checked]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<BarReport: {self._title()}; {len(self.findings)} kinds found>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{f.severity}</td><td>{f.kind}</td><td>{f.count:,}</td>"
            f"<td>{escape(f.message)}</td>"
            f"<td>{'<br>'.join(escape(str(e)) for e in f.examples[:2])}</td></tr>"
            for f in self.findings
        )
        head = "".join(
            f"<th>{name}</th>" for name in ("severity", "kind", "count", "found", "first")
        )
        changed = "".join(
            f"<li>{escape(c.kind)}: {c.count:,} rows, {escape(c.action)}</li>" for c in self.changes
        )
        return f"<p>{escape(self._title())}</p><table><tr>{head}</tr>{rows}</table>" + (
            f"<p>Changed:</p><ul>{changed}</ul>" if changed else ""
        )


class BarCheck(NamedTuple):
    """Bars after :func:`ohlcvml.bars.validate_bars`, and its report."""

    bars: Bars
    report: BarReport


def by_gravity(findings: list[Finding]) -> tuple[Finding, ...]:
    """Order findings: errors first, then as listed in ``FINDING_KINDS``."""
    order = {kind: number for number, kind in enumerate(FINDING_KINDS)}
    return tuple(sorted(findings, key=lambda f: (_RANK[f.severity], order[f.kind])))


def _short(size: pd.Timedelta) -> str:
    parts = size.components
    units = zip(("d", "h", "min", "s"), parts[:4], strict=True)
    text = " ".join(f"{number} {unit}" for unit, number in units if number)
    return text or str(size)
