"""Hand-computed answers for sessions, rolls, halts, locks, censoring and odd prices."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Costs, contract, register_contract
from ohlcvml.exceptions import DataError
from ohlcvml.labels import EXIT_CODES, FixedHorizonLabeller, LabelSpec, TripleBarrierLabeller
from tests.labels.builders import PRICES, first, race_bars, stamped

FLAT = (100, 100.2, 99.8, 100)
CME = Contract("TEST", tick_size=0.01, tick_value=1.0, calendar="CME_Equity")


def label(bars, horizon=3, **params):
    params = {"cost_adjustment": None, "atr_window": 1} | params
    return TripleBarrierLabeller(horizon, **params).fit_transform(bars)


def exits(labels):
    names = {code: name for name, code in EXIT_CODES.items()}
    return [names.get(code, "-") for code in labels["exit"]]


# On Black Friday 2024 the session ends at 18:15 UTC; the next one opens on Sunday at 23:00.
LAST = pd.Timestamp("2024-11-29 18:14", tz="UTC")


def early_close(*rows):
    """Two bars of warm-up, rows from 18:10 on, and two bars of the next session."""
    bars = race_bars(*rows, start="2024-11-29 18:08")
    return pd.concat([bars, race_bars(start="2024-12-01 23:00")])


def test_session_exit_at_an_early_close():
    bars = early_close(FLAT, FLAT, FLAT, FLAT, (100, 100.2, 99.8, 100.1))
    labels = label(bars, horizon=20, contract=CME, session_exit=True)
    assert first(labels)["end"] == LAST
    assert first(labels)["exit"] == EXIT_CODES["session"]
    assert first(labels)["ret"] == pytest.approx(np.log(100.1 / 100))
    assert not first(labels)["censored"]


def test_bars_after_the_close_are_not_traded():
    bars = early_close(*[FLAT] * 7)  # two bars printed from 18:15 on
    labels = label(bars, horizon=20, contract=CME, session_exit=True)
    assert labels["end"].dropna().max() == LAST
    assert labels.attrs["unused"]["closed"] == 2


def test_without_session_exit_a_label_crosses_the_close():
    bars = early_close(*[FLAT] * 5)
    labels = label(bars, horizon=6, k_up=9.0, k_down=9.0, contract=CME)
    assert first(labels)["end"] == pd.Timestamp("2024-12-01 23:00", tz="UTC")


def test_a_decision_whose_next_bar_is_in_another_session_opens_nothing():
    bars = early_close(*[FLAT] * 5)
    labels = label(bars, horizon=1, contract=CME)
    assert labels.attrs["unused"]["next_session"] == 1
    assert LAST not in labels.index
    assert LAST in label(bars, horizon=1, contract=CME, cross_session=True).index


def test_the_last_session_is_censored_until_it_is_seen_to_end():
    bars = early_close(*[FLAT] * 5).iloc[:-2]
    labels = label(bars, horizon=20, contract=CME, session_exit=True)
    assert labels["censored"].all()
    assert labels["end"].isna().all()


def rolled(*rows, gap=10.0, **columns):
    """Two bars of the old contract after the warm-up, then ``rows`` of the new one, dearer."""
    bars = race_bars(FLAT, FLAT, *rows, **columns)
    for name in PRICES:
        bars["raw_" + name] = bars[name] + gap * (np.arange(len(bars)) >= 4)
    bars["contract"] = np.where(np.arange(len(bars)) >= 4, 202406, 202403)
    return bars


def test_roll_exits_at_the_last_bar_of_the_old_contract():
    labels = label(rolled(FLAT, FLAT, FLAT), horizon=4)
    assert exits(labels)[0] == "roll"
    assert first(labels)["end"].minute == 3
    assert first(labels)["ret"] == 0.0


def test_prices_are_those_of_the_traded_contract():
    labels = label(rolled(FLAT, (100, 101.5, 99.8, 101), FLAT), horizon=2, k_up=0.9, k_down=5.0,
                   atr_window=1)  # fmt: skip
    row = labels.loc[pd.Timestamp("2024-03-05 15:03", tz="UTC")]
    assert row["label"] == 1  # enters the new contract at 110; ATR 0.4
    assert row["ret"] == pytest.approx(np.log(110.36 / 110))


def test_a_held_roll_moves_the_barriers_and_pays_again():
    params = {"horizon": 4, "costs": Costs(spread=0.1), "cost_adjustment": "net", "roll": "hold"}
    missed = label(rolled((100, 101.65, 99, 100), FLAT, FLAT), **params)
    assert first(missed)["label"] == 0
    reached = first(label(rolled((100, 101.7, 99, 100), FLAT, FLAT), **params))
    assert reached["label"] == 1  # 100 + 1.5 + 0.1, and another 0.1 after the roll
    assert reached["ret"] == pytest.approx(np.log(1.017))
    assert reached["cost"] == pytest.approx(0.002)
    assert reached["net_ret"] == pytest.approx(np.log(1.017) - 0.002)


def test_a_roll_is_no_profit():
    held = first(label(rolled(FLAT, FLAT, FLAT), horizon=4, k_up=9.0, k_down=9.0, roll="hold"))
    assert held["exit"] == EXIT_CODES["time"]
    assert held["ret"] == 0.0


def test_ratio_adjusted_bars_use_raw_prices_and_refuse_to_hold():
    bars = rolled(FLAT, (100, 101.5, 99.8, 101), FLAT)
    for name in PRICES:
        bars[name] = bars["raw_" + name] / np.where(bars["contract"] == 202406, 1.1, 1.0)
    assert first(label(bars, horizon=4))["ret"] == 0.0
    with pytest.raises(DataError, match="adjusted by difference"):
        label(bars, roll="hold")


def test_no_entry_on_a_bar_without_volume():
    labels = label(race_bars(FLAT, FLAT, FLAT, FLAT, volume=[0, 5, 5, 5]), horizon=1)
    assert first(labels).name.minute == 2
    assert labels.attrs["unused"]["no_fill"] == 1


def test_no_touch_on_a_bar_without_volume():
    rows = FLAT, (100, 105, 99.8, 100), (100, 101.5, 99.8, 100), FLAT
    labels = label(race_bars(*rows, volume=[5, 0, 5, 5]))
    assert (first(labels)["label"], first(labels)["end"].minute) == (1, 4)


def test_a_time_exit_waits_for_a_bar_that_trades():
    rows = FLAT, FLAT, FLAT, (100.1, 105, 100, 104), FLAT
    labels = label(race_bars(*rows, volume=[5, 0, 0, 5, 5]), horizon=2)
    assert exits(labels)[0] == "time"
    assert first(labels)["end"].minute == 5
    assert first(labels)["ret"] == pytest.approx(np.log(100.1 / 100))


def test_unknown_volume_fills():
    labels = label(race_bars((100, 101.5, 99.8, 100), FLAT, FLAT, FLAT, volume=[np.nan] * 4))
    assert first(labels)["label"] == 1


@pytest.mark.parametrize(("lock", "side", "rows"), [
    (1, None, 0), (-1, None, 0), (1, 1, 0), (-1, 1, 1), (1, -1, 1), (-1, -1, 0)])  # fmt: skip
def test_a_locked_entry_bar_does_not_fill_in_the_locked_direction(lock, side, rows):
    bars = race_bars(FLAT, FLAT, limit=[lock, 0])
    labels = label(bars, horizon=1, side=side)
    assert (bars.index[1] in labels.index) == bool(rows)
    assert labels.attrs["unused"]["locked"] == 1 - rows


@pytest.mark.parametrize(("lock", "side", "verdict"), [
    (1, None, 1), (-1, None, 0), (1, 1, 1), (-1, 1, 0), (1, -1, 0), (-1, -1, 0)])  # fmt: skip
def test_an_upper_touch_on_a_locked_bar(lock, side, verdict):
    # At the upper barrier a long sells (not at limit down), a short buys back (not at limit up).
    rows = FLAT, (100, 102, 99.8, 100), FLAT, FLAT
    row = first(label(race_bars(*rows, limit=[0, lock, 0, 0]), side=side))
    assert row["label"] == verdict
    stopped = side == -1 and lock == -1
    assert (row["exit"] == EXIT_CODES["up"]) == (verdict == 1 or stopped)


def test_a_lower_touch_on_a_bar_locked_up_does_not_fill():
    rows = FLAT, (100, 100.2, 98, 100), FLAT, FLAT
    assert first(label(race_bars(*rows, limit=[0, 1, 0, 0])))["exit"] == EXIT_CODES["time"]
    assert first(label(race_bars(*rows, limit=[0, -1, 0, 0])))["exit"] == EXIT_CODES["down"]


def test_censored_rows_stay_in_the_table():
    labels = label(race_bars(FLAT, FLAT, (100, 102, 99.8, 100)), horizon=4)
    touched, *_ = labels.itertuples()
    assert touched.censored
    assert (touched.label, touched.weight) == (1, 0.0)
    assert touched.end.minute == 4
    flat = label(race_bars(FLAT, FLAT), horizon=4)
    assert (first(flat)["exit"], first(flat)["label"]) == (-1, 0)
    assert pd.isna(first(flat)[["end", "ret", "net_ret"]]).all()
    assert flat.attrs["unused"]["censored"] == len(flat)


def test_exactly_the_horizon_is_not_censored():
    labels = label(race_bars(FLAT, FLAT), horizon=2)
    assert labels["censored"].tolist() == [False, True]


def test_prices_that_are_not_positive_give_points():
    bars = race_bars(FLAT, (101, 102, 99.8, 101), FLAT, FLAT)
    bars[PRICES] -= 100.0
    labels = label(bars, costs=Costs(spread=0.2), cost_adjustment="net")
    assert LabelSpec.of(labels).return_unit == "points"
    assert first(labels)[["ret", "cost", "net_ret"]].tolist() == pytest.approx([1.7, 0.2, 1.5])


def test_one_price_without_a_clock_knows_no_session_and_the_last_specification():
    prices = race_bars(FLAT, (101, 102, 99.8, 101), FLAT, FLAT)["close"]
    prices = prices.rename("price").reset_index(drop=True)
    given = {"contract": "MES", "cost_adjustment": None}
    open_end = label(prices, **given)
    assert LabelSpec.of(open_end).contract == contract("MES")
    pd.testing.assert_frame_equal(open_end, label(prices, session_exit=True, **given))


def test_specification_of_the_day(contracts_restored):
    register_contract(Contract("TWOTICKS", 1.0, 1.0, valid_from=pd.Timestamp("2000-01-01").date()))
    register_contract(Contract("TWOTICKS", 0.5, 1.0, valid_from=pd.Timestamp("2024-03-06").date()))
    rows = [(100, 101.5, 99.0, 100)] * 4
    bars = race_bars(*rows, index=stamped(6, "2024-03-04", "1D"))
    labels = label(bars, horizon=1, k_up=0.6, k_down=2.0, contract="TWOTICKS")
    # Decisions of the 5th (ATR 1: 100.6 → 101) and of the 6th (ATR 2.5: 101.5 on a half tick).
    assert np.exp(labels["ret"]).mul(100).tolist()[:2] == pytest.approx([101.0, 101.5])


@pytest.mark.parametrize(("close", "verdict"), [(100.2, 0), (100.3, 1), (99.8, 0), (99.7, -1)])
def test_fixed_horizon_is_zero_within_costs(close, verdict):
    bars = race_bars(FLAT, (100, 110, 90, close), FLAT)
    labels = FixedHorizonLabeller(2, atr_window=1, costs=Costs(spread=0.25)).fit_transform(bars)
    assert first(labels)["label"] == verdict
    assert first(labels)["ret"] == pytest.approx(np.log(close / 100))
    assert exits(labels)[0] == "time"


def test_fixed_horizon_without_costs_is_the_sign():
    bars = race_bars((100, 100, 100, 100), (100, 100.1, 100, 100.01), FLAT)
    labels = FixedHorizonLabeller(1, atr_window=1, cost_adjustment=None).fit_transform(bars)
    assert labels["label"].tolist()[:2] == [0, 1]


def test_fixed_horizon_ends_with_the_session_and_the_contract():
    params = {"atr_window": 1, "cost_adjustment": None, "contract": CME}
    session = FixedHorizonLabeller(20, session_exit=True, **params).fit_transform(
        early_close(*[FLAT] * 5)
    )
    assert exits(session)[0] == "session"
    assert exits(FixedHorizonLabeller(4, **params).fit_transform(rolled(FLAT, FLAT)))[0] == "roll"
