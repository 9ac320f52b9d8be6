"""Contract specifications against the exchange's own numbers."""

import json
from datetime import date

import pandas_market_calendars as mcal
import pytest

from ohlcvml.bars import Contract, contract, contract_symbols, register_contract
from ohlcvml.bars.market import _contracts
from ohlcvml.exceptions import DataError, ParameterError

# Worth of a full point, from the contract unit: dollars an index point, ounces, pounds, barrels,
# million British thermal units, face value / 100, units of currency, coins.
UNIT = {
    "ES": 50, "MES": 5, "NQ": 20, "MNQ": 2, "RTY": 50, "M2K": 5, "YM": 5, "MYM": 0.5,
    "GC": 100, "MGC": 10, "SI": 5_000, "HG": 25_000, "CL": 1_000, "MCL": 100, "NG": 10_000,
    "ZN": 1_000, "ZB": 1_000, "6E": 125_000, "6B": 62_500, "6J": 12_500_000, "BTC": 5, "ETH": 50,
}  # fmt: skip


def test_every_contract_of_the_brief_is_there():
    assert set(UNIT) <= set(contract_symbols())


@pytest.mark.parametrize("symbol", sorted(UNIT))
def test_point_value_is_the_contract_unit(symbol):
    # The unit never changed, whatever became of the tick.
    assert {c.point_value for c in _contracts._contracts[symbol]} == {UNIT[symbol]}


@pytest.mark.parametrize(
    ("symbol", "tick", "value"),
    [("MES", 0.25, 1.25), ("MGC", 0.10, 1.0), ("ZN", 1 / 64, 15.625), ("ZB", 1 / 32, 31.25)],
)
def test_ticks(symbol, tick, value):
    assert (contract(symbol).tick_size, contract(symbol).tick_value) == (tick, value)


@pytest.mark.parametrize("symbol", sorted(UNIT))
def test_calendar_exists(symbol):
    assert contract(symbol).calendar in mcal.get_calendar_names()


@pytest.mark.parametrize(
    ("symbol", "on", "tick"),
    [
        ("ZB", "2008-03-02", 1 / 32),
        ("ZB", "2008-03-03", 1 / 64),
        ("ZB", "2009-08-30", 1 / 64),
        ("ZB", "2009-08-31", 1 / 32),
        ("6E", "2016-01-10", 0.0001),
        ("6E", "2016-01-11", 0.00005),
        ("NQ", date(2006, 4, 2), 0.50),
        ("NQ", date(2006, 4, 3), 0.25),
    ],
)
def test_the_tick_in_force_on_a_date(symbol, on, tick):
    assert contract(symbol, on=on).tick_size == tick


def test_a_date_before_the_first_specification_raises():
    with pytest.raises(DataError, match=r"'MES' is known on 2018-01-01.*2019-05-06"):
        contract("MES", on="2018-01-01")


def test_unknown_symbol_names_the_near_ones():
    with pytest.raises(ParameterError, match=r"got 'mess'.*Did you mean .*MES"):
        contract("mess")


def test_json_round_trip():
    fields = json.loads(json.dumps(contract("6E").to_dict()))
    assert Contract.from_dict(fields) == contract("6E")


@pytest.mark.usefixtures("contracts_restored")
def test_register_adds_a_version_without_losing_the_others():
    register_contract(Contract("MES", 0.5, 2.5, "USD", "CME_Equity", date(2030, 1, 1)))
    assert contract("MES").tick_size == 0.5
    assert contract("MES", on="2029-12-31").tick_size == 0.25


@pytest.mark.usefixtures("contracts_restored")
def test_register_refuses_a_silent_change():
    changed = Contract("MES", 0.5, 2.5, "USD", "CME_Equity", date(2019, 5, 6))
    with pytest.raises(ParameterError, match="replace=True"):
        register_contract(changed)
    register_contract(contract("MES"))  # the same again does no harm
    assert register_contract(changed, replace=True) == contract("MES")


def test_register_takes_contracts_only():
    with pytest.raises(ParameterError, match="must be a Contract"):
        register_contract("MES")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (("", 1.0, 1.0), "symbol"),
        (("X", 0.0, 1.0), "tick_size"),
        (("X", 1.0, float("nan")), "tick_value"),
        (("X", 1.0, 1.0, ""), "currency"),
        (("X", 1.0, 1.0, "USD", 5), "calendar"),
        (("X", 1.0, 1.0, "USD", None, "2020-01-01"), "valid_from"),
    ],
)
def test_bad_fields(fields, name):
    with pytest.raises(ParameterError, match=f"Contract: parameter '{name}'"):
        Contract(*fields)


@pytest.mark.parametrize("on", ["NaT", None])
def test_on_must_be_a_date(on):
    if on is None:
        assert contract("ZB", on=on) == contract("ZB", on="2025-01-02")
    else:
        with pytest.raises(ParameterError, match="'on' must be a date"):
            contract("ZB", on=on)
