"""What is known of sessions in advance agrees with the sessions themselves."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, contract, contract_symbols
from ohlcvml.bars.market import _ahead as ahead
from ohlcvml.bars.market._expiry import expiries, rule_of

CALENDARS = sorted({contract(symbol).calendar for symbol in contract_symbols()})


@pytest.mark.parametrize("calendar", CALENDARS)
def test_facts_stand_beside_the_sessions(calendar):
    facts = ahead.session_facts(calendar, None, 2023, 2024)
    opens = pd.DatetimeIndex(facts[:, ahead.OPEN], tz="UTC")
    opens = opens[(opens.year >= 2023) & (opens.year <= 2024)]
    rows = np.isin(facts[:, ahead.OPEN], opens.asi8)
    sessions = Sessions(calendar)
    assert np.array_equal(facts[rows, ahead.NUMBER], sessions.number(opens))
    date = sessions.date(opens)
    assert np.array_equal(facts[rows, ahead.WEEKDAY], date.dayofweek)
    last = np.r_[date.month[1:] != date.month[:-1], True]
    assert np.array_equal(facts[rows, ahead.MONTH_END] == 0, last)
    closed = (date[1:] - date[:-1]).days - 1
    assert (facts[rows, ahead.CLOSED_DAYS][:-1] <= closed).all()


@pytest.mark.parametrize("calendar", CALENDARS)
def test_years_asked_for_do_not_matter(calendar):
    few = ahead.session_facts(calendar, "CL", 2024, 2024)
    many = ahead.session_facts(calendar, "CL", 1995, 2041)
    rows = few[:, ahead.NUMBER] < few[-1, ahead.NUMBER] - 300
    at = np.searchsorted(many[:, ahead.NUMBER], few[rows, ahead.NUMBER])
    assert np.array_equal(many[at], few[rows])


def test_twelve_sessions_of_2024_were_short_or_before_a_holiday():
    facts = ahead.session_facts("CME_Equity", None, 2024, 2024)
    opens = pd.DatetimeIndex(facts[:, ahead.OPEN], tz="UTC")
    holidays = facts[(opens.year == 2024) & (facts[:, ahead.HOLIDAY] == 0)]
    assert len(holidays) == 12


@pytest.mark.parametrize("symbol", [s for s in contract_symbols() if rule_of(s)])
def test_expiries_are_weekdays_in_order(symbol):
    days = expiries(symbol, 2020, 2024)
    assert np.is_busday(days).all()
    assert (np.diff(days) > np.timedelta64(0, "D")).all()
    assert len(days) % 5 == 0


def test_days_in_utc_know_the_end_of_the_month():
    facts = ahead.session_facts(None, None, 2024, 2024)
    date = pd.DatetimeIndex(facts[:, ahead.OPEN])
    assert np.array_equal(facts[:, ahead.MONTH_END], date.days_in_month - date.day)
    assert (facts[:, ahead.HOLIDAY] == ahead.FAR).all()
    assert (facts[:, ahead.CLOSED_DAYS] == 0).all()
