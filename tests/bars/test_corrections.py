"""Corrections of the calendars: known answers, and the last bar of each day of real files."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, contract
from ohlcvml.bars.market._corrections import CORRECTIONS
from ohlcvml.bars.market._schedule import schedule

# One of each corrected group.
CALENDARS = ("CME_Equity", "CMEGlobex_GC", "CBOT_InterestRate", "FX")


def close_of(symbol, day):
    """Close of the session of a date, Chicago time; None if that date has no session."""
    sessions = Sessions.of(symbol)
    noon = pd.DatetimeIndex([f"{day} 06:00"], tz="America/Chicago")
    if sessions.date(noon)[0] != pd.Timestamp(day):
        return None
    return sessions.close(noon).tz_convert("America/Chicago").strftime("%Y-%m-%d %H:%M")[0]


KNOWN = [
    # Index futures: half days of the stock market, the days of mourning and Good Fridays.
    ("ES", "2024-07-03", "12:15"),
    ("ES", "2024-11-29", "12:15"),
    ("MES", "2024-12-24", "12:15"),
    ("ES", "2020-07-03", "12:00"),  # stocks closed: the holiday itself
    ("ES", "2024-09-02", "12:00"),
    ("ES", "2025-01-09", "08:30"),
    ("ES", "2024-03-29", None),
    # Rates: Juneteenth (observed), Good Friday with payrolls, the funeral of January 2025.
    ("ZN", "2021-06-18", "16:00"),
    ("ZB", "2022-06-20", "12:00"),
    ("ZN", "2023-06-19", "12:00"),
    ("ZN", "2026-06-19", "12:00"),
    ("ZN", "2027-06-18", "12:00"),
    ("ZB", "2021-04-02", "10:15"),
    ("ZN", "2023-04-07", "10:15"),
    ("ZN", "2026-04-03", "10:15"),
    ("ZN", "2024-03-29", None),
    ("ZN", "2025-01-09", "12:15"),
    # Metals and energy: Christmas Eve, Black Friday 2024, Labor Day since 2022.
    ("GC", "2018-12-24", "12:45"),
    ("MGC", "2019-12-24", "12:45"),
    ("GC", "2020-12-24", "12:45"),
    ("CL", "2020-12-24", "12:45"),
    ("GC", "2013-12-24", "12:45"),
    ("MGC", "2021-12-24", None),  # a Friday: the holiday
    ("MGC", "2023-11-24", "12:45"),
    ("MGC", "2024-11-29", "13:45"),
    ("MGC", "2021-09-06", "12:00"),
    ("MGC", "2022-09-05", "13:30"),
    ("MGC", "2025-01-09", "16:00"),  # metals kept their hours
    # The daily close moved to 16:00 on 21 September 2015.
    ("GC", "2013-10-09", "16:15"),
    ("ES", "2015-09-18", "16:15"),
    ("ES", "2015-09-21", "16:00"),
    ("CL", "2015-09-21", "16:00"),
    ("ZN", "2015-09-18", "16:00"),
    ("ES", "2012-11-16", "15:15"),
    ("ES", "2012-11-19", "16:15"),
    ("GC", "2014-11-28", "12:45"),  # early closes of those years stay
]


@pytest.mark.parametrize(("symbol", "day", "close"), KNOWN)
def test_known_closes(symbol, day, close):
    assert close_of(symbol, day) == (None if close is None else f"{day} {close}")


def test_every_correction_has_a_source_and_still_corrects_something():
    import pandas_market_calendars as mcal

    groups = {type(mcal.get_calendar(name)).__name__: name for name in CALENDARS}
    for row in CORRECTIONS:
        assert row.source
        source = mcal.get_calendar(groups[row.group])
        table = source.schedule("2012-01-01", "2026-12-31", tz="America/Chicago")
        date = pd.DatetimeIndex(table.index)
        if callable(row.days):
            closes = table["market_close"][row.days(date)].dt.strftime("%H:%M")
            wrong = closes == row.was if row.was else closes != row.close
        else:
            closes = table["market_close"].dt.strftime("%H:%M").reindex(row.days)
            missing = closes.isna().to_numpy()
            wrong = ~missing if row.close is None else missing | (closes != row.close).to_numpy()
        assert wrong.any(), row


def test_sessions_of_every_calendar_stand_in_order_and_never_overlap():
    for name in CALENDARS:
        table = schedule(name, 2013, 2026)
        assert (table.open < table.close).all()
        assert (table.close[:-1] <= table.open[1:]).all()
        assert (table.break_start <= table.break_end).all()
        assert (table.break_end <= table.close).all()
        assert (np.diff(table.date.astype("datetime64[D]").astype(int)) > 0).all()


# Files of contracts. ``late``: the vendor stamps a bar at its end. ``odd``: days of which the file
# itself says that they are not whole: bars in the daily halt (September), after the early close of
# Labor Day or on a Sunday before the open; a missing last minute; the end of the file.
FILES = {
    "6eh4_1m_nautilus_202401": ("6E", "1min", "late", "2024-02-01"),
    "es_1m_quotrading_2025": (
        "ES",
        "1min",
        "",
        "2025-09-01 2025-09-02 2025-09-03 2025-09-09 2025-11-03 2025-11-07 2025-11-12",
    ),
    "es_5m_tradingview_2024_25": ("ES", "5min", "", ""),
    "mes_1h_contracts_to2024": ("MES", "1h", "", "2024-12-20"),
    "mes_5m_tradingview_2026": ("MES", "5min", "", "2026-06-30"),
    "mgc_1h_contracts_2018_2024": ("MGC", "1h", "", ""),
    "mgc_5m_tradingview_2026": ("MGC", "5min", "", "2026-06-30"),
    "mnq_5m_2025": ("MNQ", "5min", "", ""),
    "nq_5m_epoch_2023": ("NQ", "5min", "", "2023-02-22"),
    "zn_5m_tradingview_2026": ("ZN", "5min", "", "2026-06-30"),
    "gc_1m_lean_2013": ("GC", "1min", "", "2020-01-06 2020-01-07"),
}


def stamps_of(shared_data, name):
    time = pd.read_parquet(shared_data / "norm" / f"{name}.parquet", columns=["ts"])["ts"]
    return pd.DatetimeIndex(time.unique()).sort_values()


@pytest.mark.parametrize("name", FILES)
def test_the_last_bar_of_each_day_ends_at_the_nominal_close(shared_data, name):
    symbol, size, side, odd = FILES[name]
    size = pd.Timedelta(size)
    time = stamps_of(shared_data, name) - (size if side else pd.Timedelta(0))
    if symbol == "MGC" and size >= pd.Timedelta("1h"):  # thin before; later months are missing
        time = time[
            (time >= "2018-01-01") & (time < "2024-11-27 22:00") | (time.date == BLACK_FRIDAY)
        ]
    sessions = Sessions.of(symbol)
    days = pd.DataFrame({"last": time, "close": sessions.close(time)}).groupby(sessions.date(time))
    last = days.last()
    whole = (last["last"] < last["close"]) & (last["close"] <= last["last"] + size)
    assert [str(day.date()) for day in last.index[~whole]] == odd.split()


BLACK_FRIDAY = pd.Timestamp("2024-11-29").date()


def test_bars_of_no_fixed_size_lie_inside_the_sessions(shared_data):
    assert Sessions.of("ES").inside(stamps_of(shared_data, "es_dollar_bars_2015_16")).all()


@pytest.mark.parametrize(
    ("name", "symbol", "zone", "closed"),
    [
        ("mes_1d_yfinance", "MES", "America/New_York", []),
        # Not traded: the vendor repeats the day before on two holidays.
        ("hg_1d_yfinance_multiheader", "HG", "UTC", ["2006-12-25", "2007-01-01"]),
    ],
)
def test_daily_bars_are_dates_of_sessions(shared_data, name, symbol, zone, closed):
    time = stamps_of(shared_data, name)
    days = (time.tz_localize("UTC") if time.tz is None else time).tz_convert(zone).date
    dates = pd.DatetimeIndex(schedule(contract(symbol).calendar, 2006, 2026).date)
    assert [str(day.date()) for day in pd.DatetimeIndex(days).difference(dates)] == closed
