"""The unit that is counted is the unit that is annualised."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Sessions, trading_days
from ohlcvml.evaluation import Execution, buy_and_hold
from ohlcvml.exceptions import DataError, ParameterError


def hourly(days, keep=None):
    """Bars of a price that earns the same every hour."""
    index = pd.date_range("2023-01-01 23:00", periods=24 * days, freq="1h", tz="UTC", name="time")
    if keep is not None:
        index = index[keep(index)]
    price = 100.0 + 0.001 * np.arange(len(index))
    table = dict.fromkeys(("open", "high", "low", "close"), price) | {"volume": 1.0}
    return pd.DataFrame(table, index)


def open_in_new_york(index):
    """Sunday 17:00 to Friday 17:00."""
    local = index.tz_convert("America/New_York")
    shifted = local.tz_localize(None) + pd.Timedelta("7h")
    return shifted.dayofweek < 5


CASES = {
    "fx": (open_in_new_york, "fx", 261),
    "fx by UTC dates": (open_in_new_york, None, 313),
    "crypto": (None, "crypto", 365),
    "crypto by UTC dates": (None, None, 365),
}


@pytest.mark.parametrize("case", CASES)
def test_a_year_held_has_the_annual_return_of_the_year(case):
    """Whatever a day is, it is counted as often as it is annualised."""
    keep, market, per_year = CASES[case]
    run = buy_and_hold(hourly(365, keep), execution=Execution(market=market))
    assert len(run.daily) == pytest.approx(per_year, abs=2)
    assert run.per_year == pytest.approx(per_year, abs=1)
    total = run.scores["net_return"]
    assert run.scores["annual_return"] == pytest.approx(total, rel=0.012)


def test_days_are_those_of_the_market():
    bars = hourly(30, open_in_new_york)
    run = buy_and_hold(bars, execution=Execution(market="fx"))
    assert run.daily.index.tolist() == trading_days(bars.index, "fx").unique().tolist()
    assert run.per_year == Sessions.of("fx").per_year


def test_a_market_beside_a_calendar_is_a_contradiction():
    with pytest.raises(DataError, match=r"'market' must be None .* got 'fx' beside ES"):
        buy_and_hold(hourly(3), execution=Execution(market="fx", contract="ES"))
    with pytest.raises(ParameterError, match="market"):
        Execution(market="forex")


@pytest.mark.parametrize("market", ["fx", None])
def test_real_years_held(shared_data, market):
    """EURUSD lost 4.5 % in 2018; annualised by 252 of its 313 UTC dates it lost 3.66 %."""
    found = {}
    for name in ("eurusd_1m_histdata_2018", "xauusd_m30_mt5"):
        table = pd.read_parquet(shared_data / "norm" / f"{name}.parquet")
        index = pd.DatetimeIndex(table["ts"], name="time").as_unit("ns")
        bars = table.set_index(index)[["open", "high", "low", "close", "volume"]]
        bars = bars[~bars.index.duplicated()].sort_index()
        found[name] = buy_and_hold(bars, execution=Execution(market=market)).scores
    assert found["eurusd_1m_histdata_2018"]["annual_return"] == pytest.approx(-0.045, abs=0.0007)
    gold = found["xauusd_m30_mt5"]
    assert gold["annual_return"] == pytest.approx(0.633, abs=0.006)
    if market == "fx":
        assert gold["net_sharpe"] == pytest.approx(2.45, abs=0.02)
