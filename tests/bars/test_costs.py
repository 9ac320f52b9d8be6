"""Costs against sums done by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml.bars import Costs, contract, contract_symbols, default_costs
from ohlcvml.exceptions import ParameterError

sizes = st.floats(0, 100, allow_nan=False)


def test_one_and_a_half_ticks_of_mes_are_0375_points():
    assert Costs(slippage_ticks=0.75).round_trip(contract("MES")) == 0.375


def test_round_trip_by_hand():
    # 2 · 2.00 / 50 = 0.08 points, 2 · 1 · 0.25 = 0.50 points, 0.10 points of spread
    costs = Costs(commission_per_side=2.0, slippage_ticks=1.0, spread=0.1)
    assert costs.round_trip("ES") == pytest.approx(0.68, abs=1e-12)
    assert costs.money("ES", 3) == 0.68 * 50 * 3


def test_money_of_mgc_by_hand():
    # 2 · 0.85 + 2 ticks · 1 dollar
    assert Costs(0.85, 1.0).money("MGC") == 3.70


def test_a_short_costs_what_a_long_costs():
    assert default_costs("MES").money("MES", -2) == default_costs("MES").money("MES", 2)


def test_spread_needs_no_contract():
    assert Costs(spread=0.0001).round_trip(None) == 0.0001
    assert Costs().round_trip() == 0.0


@pytest.mark.parametrize("costs", [Costs(commission_per_side=1.0), Costs(slippage_ticks=1.0)])
def test_commission_and_slippage_do(costs):
    with pytest.raises(ParameterError, match=r"'contract' must be a Contract.*Costs\(spread="):
        costs.round_trip(None)


def test_rate_is_charged_on_both_sides_of_the_entry_price():
    costs = Costs(rate_per_side=0.001, spread=1.0)
    assert costs.round_trip(price=100.0) == 1.2
    np.testing.assert_array_equal(costs.round_trip(None, np.array([100.0, -50.0])), [1.2, 1.1])


def test_rate_needs_a_price():
    with pytest.raises(ParameterError, match=r"'price' must be the entry price"):
        Costs(rate_per_side=0.001).round_trip(None)


def test_price_has_no_effect_without_a_rate():
    assert Costs(spread=1.0).round_trip(None, np.array([1.0, 2.0])) == 1.0


@given(commission=sizes, slippage=sizes, spread=sizes)
@settings(max_examples=50, deadline=None)
def test_money_is_the_round_trip_times_the_point_value(commission, slippage, spread):
    costs, mes = Costs(commission, slippage, spread), contract("MES")
    by_hand = 2 * commission + 2 * slippage * 1.25 + spread * 5
    assert costs.money(mes) == pytest.approx(by_hand, rel=1e-9, abs=1e-12)
    assert costs.round_trip(mes) == pytest.approx(by_hand / 5, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "name", ["commission_per_side", "slippage_ticks", "spread", "rate_per_side"]
)
@pytest.mark.parametrize("value", [-1.0, float("nan"), "1", None])
def test_bad_values(name, value):
    with pytest.raises(ParameterError, match=f"Costs: parameter '{name}'"):
        Costs(**{name: value})


def test_a_rate_given_in_percent_is_refused():
    with pytest.raises(ParameterError, match="fraction of the price"):
        Costs(rate_per_side=5.0)


def test_json_round_trip():
    costs = Costs(1.0, 2.0, 3.0, 0.1)
    assert Costs.from_dict(json.loads(json.dumps(costs.to_dict()))) == costs


@pytest.mark.parametrize("symbol", ["ES", "MES", "GC", "MGC", "ZN", "6E", "BTC"])
def test_default_costs_are_more_than_half_a_tick_and_less_than_a_dozen(symbol):
    ticks = default_costs(symbol).round_trip(symbol) / contract(symbol).tick_size
    assert 0.5 < ticks < 12


def test_every_contract_shipped_has_default_costs():
    for symbol in set(contract_symbols()) - {"FDAX"}:  # FDAX: registered by a doctest
        assert default_costs(symbol).round_trip(symbol) > 0


def test_default_costs_of_an_unknown_symbol():
    with pytest.raises(ParameterError, match=r"default_costs: parameter 'symbol'"):
        default_costs("XYZ")
