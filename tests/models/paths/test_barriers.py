"""Barriers from labels: by hand, and against the labeller itself."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Costs, read_bars, simulate_bars
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.labels import FixedHorizonLabeller, TripleBarrierLabeller, label_positions
from ohlcvml.models.paths import (
    BarrierSpec,
    QuantileForecast,
    barrier_probabilities,
)
from ohlcvml.streams import average_true_range

COSTS = Costs(commission_per_side=0.62, slippage_ticks=1)  # 0.748 points of MES


@pytest.fixture(scope="module")
def bars():
    return simulate_bars(1200, seed=4).bars


def one_bar(close=100.0, high=103.0, low=99.0):
    """Bars whose ATR(2) is 4 at the third: true ranges 2·2 and high − low."""
    index = pd.date_range("2024-01-02", periods=3, freq="min", tz="UTC", name="time", unit="ns")
    highs, lows = [101.0, 102.0, high], [99.0, 98.0, low]
    return pd.DataFrame(
        {"open": 100.0, "high": highs, "low": lows, "close": [100.0, 100.0, close], "volume": 1.0},
        index=index,
    )


@pytest.mark.parametrize(
    ("adjustment", "upper", "lower"),
    [(None, 106.0, 96.0), ("net", 106.5, 95.5), ("shift", 105.5, 95.5)],
)
def test_distances_by_hand(adjustment, upper, lower):
    """ATR 4, k_up 1.5, k_down 1, round trip 0.5."""
    spec = BarrierSpec("barrier", 20, 1.5, 1.0, 2, adjustment, cost=0.5)
    got = np.ravel(spec.distances(one_bar(), [2]))
    np.testing.assert_allclose(got, np.log([upper / 100, lower / 100]), rtol=1e-12)


def test_ticks_round_outward_and_rates_go_by_the_price():
    spec = BarrierSpec("barrier", 20, 1.5, 1.0, 2, "net", 0.1, cost_rate=0.002, tick_size=0.25)
    upper, lower = spec.distances(one_bar(), [2])  # cost 0.3: 106.3 and 95.7
    np.testing.assert_allclose([upper[0], lower[0]], np.log([1.065, 0.955]), rtol=1e-12)


def test_fixed_horizon_by_hand():
    net = BarrierSpec("fixed", 5, atr_window=2, cost_adjustment="net", cost=0.5, cost_rate=0.001)
    np.testing.assert_allclose(np.ravel(net.distances(one_bar(), [2])), [0.006, -0.006])
    gross = BarrierSpec("fixed", 5, atr_window=2)
    np.testing.assert_array_equal(np.ravel(gross.distances(one_bar(), [2])), [0.0, 0.0])


def test_rows_without_an_answer_are_missing():
    spec = BarrierSpec("barrier", 20, 1.5, 1.0, 2)
    upper, lower = spec.distances(one_bar(), [0, 1, 2])
    assert np.isnan(upper).tolist() == np.isnan(lower).tolist() == [True, True, False]
    wrong_side = BarrierSpec("barrier", 20, 0.1, 1.0, 2, "shift", cost=0.5)  # upper at 99.9
    assert np.isnan(wrong_side.distances(one_bar(), [2])).all()
    flat = one_bar().assign(open=100.0, high=100.0, low=100.0, close=100.0)
    assert np.isnan(spec.distances(flat, [2])).all()
    missing = one_bar(close=np.nan)
    assert np.isnan(spec.distances(missing, [2])).all()
    assert np.isnan(spec.distances(one_bar(close=-1.0, low=-2.0), [2])).all()


def test_a_barrier_below_zero_cannot_be_touched():
    spec = BarrierSpec("barrier", 20, 1.5, 30.0, 2)
    upper, lower = spec.distances(one_bar(), [2])
    assert np.isfinite(upper[0])
    assert lower[0] == -np.inf


def test_later_bars_do_not_matter(bars):
    spec = BarrierSpec("barrier", 20, 1.5, 1.5)
    pos = np.array([14, 100, 400])
    for n in (401, 1200):
        np.testing.assert_array_equal(spec.distances(bars.iloc[:n], pos), spec.distances(bars, pos))
    assert np.isfinite(spec.distances(bars.iloc[:15], [14])).all()


def test_symbols_have_their_own_range():
    both = simulate_bars(60, seed=1, n_symbols=2).bars
    spec = BarrierSpec("barrier", 20, 1.0, 1.0)
    alone = spec.distances(both.loc["SIM1"], np.arange(60))
    np.testing.assert_array_equal(spec.distances(both, np.arange(60, 120)), alone)


def test_raw_prices_of_a_continuous_contract(bars):
    """Adjusted by difference: the ATR is that of the bars, the price the contract's own."""
    shifted = bars.copy()
    prices = ["open", "high", "low", "close"]
    for name in prices:
        shifted[f"raw_{name}"] = bars[name]
    shifted["contract"] = 202403
    shifted[prices] += 700.0
    spec = BarrierSpec("barrier", 20, 1.5, 1.5)
    got, own = spec.distances(shifted, [50, 90]), spec.distances(bars, [50, 90])
    np.testing.assert_allclose(got, own, rtol=1e-9)


@pytest.mark.parametrize("adjustment", ["net", "shift", None])
@pytest.mark.parametrize("contract", ["MES", None])
def test_the_labeller_fills_at_the_barriers(bars, adjustment, contract):
    """With the entry at the close the two agree to rounding, for every row that was touched."""
    costs = COSTS if contract else Costs(spread=0.6)
    labeller = TripleBarrierLabeller(
        horizon=20, k_up=1.3, k_down=1.7, cost_adjustment=adjustment, entry="close",
        contract=contract, costs=costs,
    )  # fmt: skip
    labels = labeller.fit_transform(bars)
    pos, _ = label_positions(labels, bars.index)
    upper, lower = BarrierSpec.from_labels(labels).distances(bars, pos)
    assert np.isfinite(upper).all()
    ret, exits = labels["ret"].to_numpy(), labels["exit"].to_numpy()
    for code, barrier in ((0, upper), (1, lower)):
        mine = exits == code
        assert mine.sum() > 100
        np.testing.assert_allclose(ret[mine], barrier[mine], atol=1e-12)  # no gaps between bars
    unlabelled = np.setdiff1d(np.arange(len(bars) - 1), pos)
    assert np.isnan(BarrierSpec.from_labels(labels).distances(bars, unlabelled)).all()


def test_at_the_next_open_only_the_gap_differs(bars):
    """Barriers stand around the open, which is the close plus a gap nobody knows yet."""
    gapped = bars.copy()
    gap = np.random.default_rng(0).integers(-2, 3, len(bars)) * 0.25
    gapped["open"] = np.clip(bars["open"] + gap, bars["low"], bars["high"])
    labels = TripleBarrierLabeller(cost_adjustment=None).fit_transform(gapped)
    pos, _ = label_positions(labels, gapped.index)
    upper, _ = BarrierSpec.from_labels(labels).distances(gapped, pos)
    mine = labels["exit"].to_numpy() == 0
    close, opening = gapped["close"].to_numpy()[pos], gapped["open"].to_numpy()[pos + 1]
    expected = np.log((close * np.expm1(upper) + opening) / opening)
    assert (np.abs(labels["ret"].to_numpy() - expected)[mine] < 1e-12).mean() > 0.95
    # the others opened beyond the barrier and were filled there
    assert (labels["ret"].to_numpy() - expected)[mine].min() > -1e-12


def test_law_and_labeller_agree_on_a_random_walk():
    """Constant volatility: probabilities per bar add up to the shares of the classes."""
    bars = simulate_bars(
        12_000, seed=8, volatility_shock=0.0, volatility_persistence=0.0, intraday_shape=0.0,
        tick_size=None,
    ).bars  # fmt: skip
    labels = TripleBarrierLabeller(k_up=1.6, k_down=1.2, cost_adjustment=None).fit_transform(bars)
    labels = labels[~labels["censored"]]
    pos, _ = label_positions(labels, bars.index)
    levels = np.array([0.1, 0.5, 0.9])
    deviation = np.sqrt(np.arange(1, 21)) * 5e-4
    some = slice(None, None, 7)
    upper, lower = BarrierSpec.from_labels(labels).distances(bars, pos[some])
    score = np.array([-1.2815515655446004, 0.0, 1.2815515655446004])
    forecast = QuantileForecast(
        levels, np.repeat((deviation[:, None] * score)[None], len(upper), axis=0)
    )
    law = barrier_probabilities(forecast, upper, lower, n_paths=1024).mean(axis=0)
    shares = [(labels["label"] == c).mean() for c in (-1, 0, 1)]
    # eight steps a bar touch a little less than the continuous path
    np.testing.assert_allclose(law, shares, atol=0.03)


def test_what_the_labels_say(bars):
    labels = TripleBarrierLabeller(horizon=9, atr_window=7, contract="MES", costs=COSTS)
    spec = BarrierSpec.from_labels(labels.fit_transform(bars))
    assert asdict(spec) == {
        "kind": "barrier", "horizon": 9, "k_up": 1.5, "k_down": 1.5, "atr_window": 7,
        "cost_adjustment": "net", "cost": 0.748, "cost_rate": 0.0, "tick_size": 0.25,
        "unit": "atr",
    }  # fmt: skip
    assert BarrierSpec(**asdict(spec)) == spec
    own = Contract("OWN", tick_size=0.5, tick_value=5.0)
    fixed = FixedHorizonLabeller(
        horizon=3, contract=own, costs=Costs(slippage_ticks=1, rate_per_side=0.0001)
    )
    got = BarrierSpec.from_labels(fixed.fit_transform(bars))
    assert (got.kind, got.horizon, got.k_up, got.cost, got.cost_rate, got.tick_size) == (
        "fixed", 3, None, 1.0, 0.0002, 0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "k", "points"), [("ticks", 8, 2.0), ("money", 10, 2.0), ("percent", 0.05, None)]
)
def test_barriers_in_other_units(bars, unit, k, points):
    labels = TripleBarrierLabeller(
        k_up=k, k_down=k, unit=unit, contract="MES", cost_adjustment=None
    ).fit_transform(bars)
    pos, _ = label_positions(labels, bars.index)
    upper, lower = BarrierSpec.from_labels(labels).distances(bars, pos)
    price = bars["close"].to_numpy()[pos]
    reach = price * 0.0005 if points is None else points
    rounded = np.ceil((price + reach) / 0.25 - 1e-6) * 0.25
    np.testing.assert_allclose(upper, np.log(rounded / price))
    assert (lower < 0).all()


def test_labels_without_barriers_have_no_law(bars):
    meta = TripleBarrierLabeller(horizon=7, side=1, costs=Costs(spread=0.5)).fit_transform(bars)
    assert BarrierSpec.from_labels(meta).kind is None
    assert BarrierSpec.from_labels(meta).horizon == 7
    with pytest.raises(DataError, match="calibrate=True"):
        BarrierSpec.from_labels(meta).distances(bars, [3])


def test_labels_in_points_are_refused(bars):
    below = bars.copy()
    below[["open", "high", "low", "close"]] -= 5000.0
    labels = TripleBarrierLabeller(cost_adjustment=None).fit_transform(below)
    with pytest.raises(DataError, match="is 'points' because some prices are not"):
        BarrierSpec.from_labels(labels)


@pytest.mark.parametrize("pos", [[-1], [3], [[1]], np.array([0, 7])])
def test_rows_outside_the_bars_are_refused(pos):
    with pytest.raises(DataError, match="'pos' must be rows of the 3 bars"):
        BarrierSpec("barrier", 20, 1.5, 1.5).distances(one_bar(), pos)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "trend"}, {"horizon": 0}, {"horizon": None}, {"k_up": 0.0}, {"k_down": None},
        {"atr_window": 0}, {"cost_adjustment": "gross"}, {"cost": -1.0}, {"tick_size": -0.25},
    ],
)  # fmt: skip
def test_wrong_specifications_are_refused(change):
    good = {"kind": "barrier", "horizon": 20, "k_up": 1.5, "k_down": 1.5}
    with pytest.raises(ParameterError, match=f"BarrierSpec: parameter '{next(iter(change))}'"):
        BarrierSpec(**{**good, **change})


def test_the_range_is_wilders(bars):
    """ATR of the bars, at the decision bar."""
    spec = BarrierSpec("barrier", 20, 2.0, 2.0, atr_window=5)
    arrays = [bars[c].to_numpy() for c in ("high", "low", "close")]
    atr = average_true_range(*arrays, 5, np.array([0, len(bars)]))
    upper, _ = spec.distances(bars, [77])
    assert upper[0] == pytest.approx(np.log1p(2 * atr[77] / arrays[2][77]))


def test_the_gap_to_the_open_moves_few_labels_on_es(shared_data):
    """The figures of docs/forecast_law.md."""
    bars = read_bars(shared_data / "norm" / "es_1m_quotrading_2025.parquet")
    at_open, at_close = (
        TripleBarrierLabeller(cost_adjustment=None, contract="ES", entry=entry).fit_transform(bars)
        for entry in ("next_open", "close")
    )
    good = ~(at_open["censored"] | at_close["censored"])
    differ = (at_open["label"] != at_close["label"])[good].mean()
    assert differ == pytest.approx(0.050, abs=0.0005)
    pos, _ = label_positions(at_open[good], bars.index)
    gap = bars["open"].to_numpy()[pos + 1] - bars["close"].to_numpy()[pos]
    assert (gap == 0).mean() == pytest.approx(0.524, abs=0.0005)
