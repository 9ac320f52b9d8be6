"""Judge a table of bars, and mend it where asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ohlcvml._checks import boolean, check_value, each, instance_of, one_of, optional
from ohlcvml.bars._door import check_bars, check_numbers, time_index
from ohlcvml.bars._frame import symbol_starts
from ohlcvml.bars._names import has_bar_columns
from ohlcvml.bars.market import Contract, Sessions
from ohlcvml.bars.market import contract as look_up
from ohlcvml.bars.validate._findings import FINDING_KINDS, BarCheck, BarReport, Change, Finding
from ohlcvml.bars.validate._judge import Judgement, Rules, judge
from ohlcvml.bars.validate._mend import mend
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.typing import Bars

WHO = "validate_bars"
PASSES = 3  # mending may uncover what it hid, for example a conflict behind a back-step


def validate_bars(
    bars: Bars,
    *,
    contract: Contract | str | Mapping[object, Contract | str] | None = None,
    sessions: Sessions | str | None = None,
    policy: str = "raise",
    allow_negative: bool = False,
    errors: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
) -> BarCheck:
    """Judge bars: is this table what it says it is?

    Errors break the contract of bars or make numbers from them wrong (duplicates, back-steps, OHLC
    order, prices that are NaN, zero or on another scale, …). Warnings and infos may be true of the
    market (spikes, gaps, bars outside the nominal session, no volume): they are reported and never
    change a row, unless named in ``errors``. Sessions are nominal, so a disagreement with them is
    reported and left alone. All kinds with meaning and remedy: ``ohlcvml.bars.FINDING_KINDS``.

    Parameters
    ----------
    bars : pd.DataFrame
        Columns open, high, low, close, volume (more are allowed) and a UTC index, which need not
        be ordered or unique. With a MultiIndex (symbol, time) each symbol is judged by itself.
    contract : Contract, str or mapping of symbols to these, optional
        Gives ticks, price level and sessions. A symbol is looked up, with the tick sizes of the
        time.
    sessions : Sessions or calendar name, optional
        Instead of the contract's. Without any, gaps between sessions are told by their hour and
        the weekend, and the checks against sessions are listed as not made.
    policy : {"raise", "report", "repair", "drop"}, default="raise"
        What to do about errors. "raise": DataError listing them. "report": nothing. "repair":
        mend what has one honest mending (``Kind.repair``), removing a row only where it has none.
        "drop": remove the rows. After "repair" and "drop" no error is left, or DataError is
        raised. Prices are never made up.
    allow_negative : bool, default=False
        Whether prices of zero and below are real (CL, April 2020).
    errors : tuple of str
        Kinds to be treated as errors, for example ``("spike", "off_tick")``.
    ignore : tuple of str
        Kinds not to be looked for.

    Returns
    -------
    BarCheck
        Named tuple ``(bars, report)``. ``bars`` is the table given itself where nothing was
        changed, else a new one; the caller's table is never written to, and rows that were not
        mended keep their bits. ``report.findings`` says what was found in the bars given,
        ``report.changes`` exactly what was done, ``report.remaining`` what is left.

    Raises
    ------
    DataError
        The table has no bar columns or no UTC index, holds NaT stamps, or has errors that the
        policy does not mend.
    ParameterError
        A parameter breaks its rule.

    Examples
    --------
    >>> from ohlcvml.bars import simulate_bars, validate_bars
    >>> bars = simulate_bars(300, seed=0).bars
    >>> bars.iloc[7, 1] = bars["low"].iloc[7] - 1.0  # a high below the low
    >>> mended, report = validate_bars(bars, policy="repair")
    >>> report.count("ohlc"), report.ok
    (1, True)
    >>> print(report.changes[0].action, mended["high"].iloc[7] >= mended["close"].iloc[7])
    high and low widened to hold open and close True
    """
    rules = _rules(contract, sessions, policy, allow_negative, errors, ignore)
    _check_table(bars)
    first = judge(bars, rules)
    if policy == "raise" and _grave(first.findings):
        raise DataError(_message(first.findings, "Look at policy='report', mend with 'repair'."))
    table, last = bars, first
    changes: list[Change] = []
    if policy in ("repair", "drop"):
        table, changes, last = _mended(bars, first, rules, policy)
    return BarCheck(table, _report(bars, table, first, last, changes, rules, policy))


def _mended(
    bars: Bars, first: Judgement, rules: Rules, policy: str
) -> tuple[Bars, list[Change], Judgement]:
    """Mend until nothing mendable is left; raise if an error is."""
    table, last = bars, first
    changes: list[Change] = []
    rows = np.arange(len(bars), dtype=np.int64)
    for _ in range(PASSES):
        if not _grave(last.findings):
            break
        table, done, take = mend(table, last, rules, policy)
        if not done:
            break
        changes += [Change(c.kind, c.action, c.count, rows[c.rows], c.index) for c in done]
        rows = rows[take]
        if len(table) == 0:
            raise DataError(_message(first.findings, f"policy={policy!r} would leave no row."))
        last = judge(table, rules)
    if _grave(last.findings):
        raise DataError(_message(last.findings, f"policy={policy!r} cannot mend them."))
    return table, changes, last


def _rules(
    contract: Any, sessions: Any, policy: Any, allow_negative: Any, errors: Any, ignore: Any
) -> Rules:
    check_value(WHO, "policy", one_of("raise", "report", "repair", "drop"), policy)
    check_value(WHO, "allow_negative", boolean(), allow_negative)
    kinds = each(one_of(*FINDING_KINDS), empty=True)
    check_value(WHO, "errors", kinds, errors)
    check_value(WHO, "ignore", kinds, ignore)
    check_value(WHO, "contract", optional(instance_of(Contract, str, Mapping)), contract)
    check_value(WHO, "sessions", optional(instance_of(Sessions, str)), sessions)
    both = sorted(set(errors) & set(ignore))
    if both:
        raise ParameterError(
            f"{WHO}: parameters 'errors' and 'ignore' must not share kinds; both have {both}."
        )
    for one in contract.values() if isinstance(contract, Mapping) else [contract]:
        if isinstance(one, str):
            look_up(one)
    if isinstance(sessions, str):
        sessions = Sessions(sessions)
    return Rules(contract, sessions, allow_negative, tuple(errors), tuple(ignore))


def _check_table(bars: Any) -> None:
    """Check what no policy can mend: columns, index, NaT stamps."""
    if not isinstance(bars, pd.DataFrame) or len(bars) == 0:
        check_bars(bars, WHO)
    has_bar_columns(bars.columns, WHO, one_price=False)
    check_numbers(bars, WHO)
    if bars.columns.has_duplicates:
        twice = list(bars.columns[bars.columns.duplicated()].unique())
        raise DataError(f"{WHO}: 'bars' must not have two columns of one name; {twice} come twice.")
    missing = int(np.count_nonzero(time_index(bars.index, WHO).isna()))
    if missing:
        raise DataError(
            f"{WHO}: the index of 'bars' must not hold NaT; {missing} of {len(bars)} stamps do. "
            "Remove them: bars[bars.index.notna()]."
        )


def _grave(findings: tuple[Finding, ...]) -> list[Finding]:
    return [f for f in findings if f.severity == "error"]


def _message(findings: tuple[Finding, ...], remedy: str) -> str:
    grave = _grave(findings)
    lines = [f"  {f.kind} ({f.count:,}): {f.message} First: {f.examples[0]}." for f in grave]
    kinds = f"{len(grave)} kind{'s' if len(grave) > 1 else ''} of error"
    return f"{WHO}: 'bars' must hold no errors; found {kinds}. {remedy}\n" + "\n".join(lines)


def _report(
    bars: Bars,
    table: Bars,
    first: Judgement,
    last: Judgement,
    changes: list[Change],
    rules: Rules,
    policy: str,
) -> BarReport:
    time = time_index(bars.index, WHO)
    missed = []
    if rules.contract is None:
        missed.append("off_tick, wrong_scale (pass contract)")
    if rules.contract is None and rules.sessions is None:
        missed.append("outside_session, clock_shift, missing_session (pass contract or sessions)")
    if first.size == 0:
        missed.append("gap, off_grid, bar_size_change (bars are irregular)")
    return BarReport(
        findings=first.findings,
        changes=tuple(changes),
        remaining=last.findings,
        n_bars=len(bars),
        n_bars_out=len(table),
        n_symbols=len(symbol_starts(bars.index)) - 1,
        first=time.min(),
        last=time.max(),
        bar_size=pd.Timedelta(first.size, "ns") if first.size else None,
        policy=policy,
        not_checked=tuple(missed),
    )
