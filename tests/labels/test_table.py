"""The labels table: columns, index types, weights, attributes, checks and messages."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ohlcvml._checks import none
from ohlcvml.bars import Contract, Costs, simulate_bars
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.labels import (
    LABEL_COLUMNS,
    FixedHorizonLabeller,
    LabelSpec,
    TripleBarrierLabeller,
    average_uniqueness,
    check_labels,
)
from ohlcvml.samples import Samples
from tests.labels.builders import race_bars, random_bars, stamped

LABELLERS = [TripleBarrierLabeller, FixedHorizonLabeller]
CME = Contract("TEST", tick_size=1.0, tick_value=1.0, calendar="CME_Equity")


@pytest.fixture(scope="module")
def bars():
    return random_bars(np.random.default_rng(0), 300, freq="20min", start="2024-03-04 18:00")


@pytest.mark.parametrize("labeller", LABELLERS)
def test_columns_and_types(labeller, bars):
    labels = labeller(5, cost_adjustment=None).fit_transform(bars)
    assert tuple(labels.columns) == LABEL_COLUMNS
    kinds = [str(kind) for kind in labels.dtypes]
    floats = ["float64"] * 4
    assert kinds == ["int8", str(bars.index.dtype), *floats, "int8", "bool"]
    check_labels(labels, bars, "test")
    dropped = sum(labels.attrs["unused"].values()) - labels.attrs["unused"]["censored"]
    assert len(labels) + dropped == len(bars)


CHANGES = [
    {"horizon": 6},
    {"k_up": 1.0},
    {"k_down": 1.0},
    {"atr_window": 7},
    {"cost_adjustment": "shift"},
    {"cost_adjustment": None},
    {"contract": Contract("TEST", 2.0, 1.0, calendar="CME_Equity")},
    {"costs": Costs(spread=1.0)},
    {"side": 1},
    {"side": -1},
    {"entry": "close"},
    {"both": "open_proximity"},
    {"session_exit": True},
    {"cross_session": True},
    {"roll": "hold"},
    {"weighting": "return"},
    {"unit": "percent"},
    {"trailing": True, "side": 1},
]


PAIRS = [
    (labeller, change)
    for labeller in LABELLERS
    for change in CHANGES
    if all(labeller._parameter_rules.get(n, none()).accepts(v) for n, v in change.items())
]


@pytest.mark.parametrize(("labeller", "change"), PAIRS, ids=str)
def test_every_parameter_has_an_effect(labeller, change, bars):
    bars = bars.assign(contract=np.arange(len(bars)) // 150)
    params = {"horizon": 5, "contract": CME, "costs": Costs(slippage_ticks=0.25)}
    if "both" in change:  # narrow barriers, so that some bars hold both
        params |= {
            "k_up": 0.2,
            "k_down": 0.3,
            "cost_adjustment": None,
            "contract": None,
            "costs": None,
        }
    base = labeller(**params).fit_transform(bars)
    other = labeller(**(params | change)).fit_transform(bars)
    assert not other.equals(base)


@pytest.mark.parametrize("labeller", LABELLERS)
def test_the_changes_above_move_every_parameter(labeller):
    moved = {name for owner, change in PAIRS if owner is labeller for name in change}
    assert moved == set(labeller.get_param_defaults()) - {"time_decay"}  # Samples applies it


@pytest.mark.parametrize(
    "index", [pd.RangeIndex(8), pd.period_range("2024-01", periods=8, freq="M")]
)
def test_end_has_the_type_of_a_generic_index(index):
    price = pd.Series([1.0, 2, 1, 2, 1, 9, 9, 9], index=index)
    labels = FixedHorizonLabeller(2, atr_window=1, cost_adjustment=None).fit_transform(price)
    assert labels["end"].dtype == index.dtype
    assert labels["end"].iloc[0] == index[3]
    last = labels["end"].iloc[-1]
    assert last == -1 if index.dtype == "int64" else last is pd.NaT


def test_missing_volume_is_accepted():
    bars = race_bars(*[(100, 101, 99, 100)] * 5, volume=[np.nan] * 5)
    bars["volume"] = np.nan
    assert (
        len(TripleBarrierLabeller(2, atr_window=1, cost_adjustment=None).fit_transform(bars)) == 5
    )


def test_real_like_bars_have_all_classes():
    simulated = simulate_bars(2000, seed=1).bars
    labels = TripleBarrierLabeller(20, k_up=3.0, k_down=3.0, cost_adjustment=None).fit_transform(
        simulated
    )
    assert sorted(labels["label"].unique()) == [-1, 0, 1]


@pytest.mark.parametrize(
    ("symbol", "costs", "adjustment", "share"),
    [
        ("ES", Costs(2.0, 0.5), None, 0.484),
        ("ES", Costs(2.0, 0.5), "net", 0.456),
        ("ES", Costs(2.0, 0.5), "shift", 0.590),
        ("MES", Costs(0.62, 1.0), "net", 0.404),
        ("MES", Costs(0.62, 1.0), "shift", 0.709),
    ],
)
def test_known_shares_on_es(shared_data, symbol, costs, adjustment, share):
    """The table in docs/differences.md."""
    table = pd.read_parquet(shared_data / "norm" / "es_1m_quotrading_2025.parquet").set_index("ts")
    labeller = TripleBarrierLabeller(20, cost_adjustment=adjustment, contract=symbol, costs=costs)
    labels = labeller.fit_transform(table[["open", "high", "low", "close", "volume"]].astype(float))
    usable = labels[~labels["censored"]]
    assert (usable["label"] == 1).mean() == pytest.approx(share, abs=0.0005)


# Uniqueness and weights


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), min_size=1, max_size=25))
def test_uniqueness_by_definition(intervals):
    start = np.array([i for i, _ in intervals])
    end = start + [length for _, length in intervals]
    alive = [((start <= t) & (t <= end)).sum() for t in range(60)]
    expected = [
        np.mean([1 / alive[t] for t in range(a, b + 1)]) for a, b in zip(start, end, strict=True)
    ]
    np.testing.assert_allclose(average_uniqueness(start, end, 60), expected, rtol=1e-12)


def test_uniqueness_refuses_unresolved_labels():
    with pytest.raises(DataError, match=r"label 1 has start 3 and end -1\. Drop unresolved"):
        average_uniqueness(np.array([0, 3]), np.array([1, -1]), 5)
    with pytest.raises(DataError, match=r"arrays of one length; got shapes \(2,\) and \(1,\)"):
        average_uniqueness(np.array([0, 3]), np.array([1]), 5)


@pytest.mark.parametrize("labeller", LABELLERS)
@pytest.mark.parametrize("weighting", [None, "return"])
def test_the_weight_is_the_labellers_own_weighting_alone(labeller, weighting, bars):
    labels = labeller(6, cost_adjustment=None, weighting=weighting, time_decay=0.5).fit_transform(
        bars
    )
    own = labels["ret"].abs() if weighting else pd.Series(1.0, index=labels.index)
    np.testing.assert_array_equal(labels["weight"], own.where(~labels["censored"], 0.0))


def test_time_decay_runs_with_cumulative_uniqueness(bars):
    labels = FixedHorizonLabeller(6, cost_adjustment=None, time_decay=0.5).fit_transform(bars)
    samples = Samples(bars, labels)
    unique = average_uniqueness(samples.pos, samples.end_pos, len(bars))
    age = unique.cumsum() / unique.sum()
    np.testing.assert_allclose(samples.weight, unique * (0.5 + 0.5 * age))


# What the columns may hold

WRONG = {
    "text labels": ({"label": "up"}, r"'label' of 'labels' must hold integers .* got (str|object)"),
    "labels with gaps": ({"label": 0.5}, "'label' of 'labels' must hold integers"),
    "labels of other classes": ({"label": np.int8(2)}, r"class set -1, 0, 1; got 2 in row 0 .*247"),
    "a weight that is missing": (
        {"weight": np.nan},
        "'weight' of 'labels' must be finite",
    ),
    "an infinite weight": ({"weight": np.inf}, "'weight' of 'labels' must be finite and not neg"),
    "a negative weight": ({"weight": -1.0}, "'weight' of 'labels' must be finite and not negative"),
    "no weight at all": ({"weight": 0.0}, "must not be 0 for every row that may be used"),
    "text weights": ({"weight": "1.0"}, r"must hold numbers .*astype\('float64'\)"),
    "returns that are missing": ({"ret": np.nan}, "'ret' of 'labels' must be finite where a label"),
    "costs that are infinite": ({"cost": np.inf}, "'cost' of 'labels' must be finite where"),
    "text ends": (
        {"end": "2024-03-04 19:00"},
        r"'end' .* stamps .*pd.to_datetime\(labels\['end'\]",
    ),
    "censoring as numbers": ({"censored": 1}, "'censored' of 'labels' must hold True or False"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_columns_are_checked(change, message, bars):
    labels = TripleBarrierLabeller(5, cost_adjustment=None).fit_transform(bars)
    spoilt = LabelSpec.of(labels).attach(labels.assign(**change))
    with pytest.raises(DataError, match=message):
        Samples(bars, spoilt)


def test_one_bad_value_is_named(bars):
    labels = TripleBarrierLabeller(5, cost_adjustment=None).fit_transform(bars)
    labels.iloc[7, labels.columns.get_loc("weight")] = np.nan
    stamp = str(labels.index[7]).replace("+", r"\+")
    with pytest.raises(DataError, match=rf"got nan in row 7 \({stamp}\), 1 such rows in all"):
        Samples(bars, labels)


def test_meta_labels_must_say_the_side(bars):
    labels = TripleBarrierLabeller(5, cost_adjustment=None, side=1).fit_transform(bars)
    with pytest.raises(DataError, match="'side' for meta-labels; side missing"):
        Samples(bars, labels.drop(columns="side"))
    with pytest.raises(DataError, match="'side' of 'labels' must be -1 or 1"):
        Samples(bars, labels.assign(side=np.int8(0)))


# Messages


def test_labels_of_other_bars_are_refused(bars):
    labels = TripleBarrierLabeller(5, cost_adjustment=None).fit_transform(bars)
    with pytest.raises(
        DataError, match=r"Samples: 'labels' do not match the bars: \d+ of \d+ rows"
    ):
        check_labels(labels, bars.iloc[:100], "Samples")
    with pytest.raises(DataError, match="lies before its label"):
        check_labels(labels.assign(end=bars.index[0]), bars, "Samples")
    with pytest.raises(DataError, match="out of the bars' order"):
        check_labels(labels.iloc[::-1], bars, "Samples")
    with pytest.raises(DataError, match="weight missing"):
        check_labels(labels.drop(columns="weight"), bars, "Samples")
    with pytest.raises(DataError, match="labels table"):
        check_labels(labels["label"], bars, "Samples")


def test_an_empty_table_says_why():
    bars = race_bars(*[(100, 100, 100, 100)] * 6, level=100.0)
    bars[["open", "high", "low", "close"]] = 100.0
    labels = TripleBarrierLabeller(2, atr_window=2, cost_adjustment=None).fit_transform(bars)
    assert len(labels) == 0
    with pytest.raises(DataError, match=r"no rows; decisions not used: .*no_range: 5"):
        check_labels(labels, bars, "Samples")


@pytest.mark.parametrize("n", [1, 15])
def test_window_longer_than_history(n):
    with pytest.raises(DataError, match=rf"at least atr_window \+ 2 = 16 bars .* got {n}\."):
        TripleBarrierLabeller(cost_adjustment=None).fit_transform(
            race_bars(*[(1, 2, 1, 2)] * 13)[:n]
        )


def test_unusable_bars():
    labeller = TripleBarrierLabeller(2, atr_window=1, cost_adjustment=None)
    bars = race_bars(*[(100, 101, 99, 100)] * 3)
    with pytest.raises(DataError, match="prices must be finite; 'high' is nan in row 3"):
        labeller.fit_transform(bars.assign(high=bars["high"].where(np.arange(5) != 3)))
    with pytest.raises(DataError, match="volume missing"):
        labeller.fit_transform(bars.drop(columns="volume"))
    with pytest.raises(DataError, match="DatetimeIndex in UTC; its stamps have no time zone"):
        labeller.fit_transform(bars.tz_localize(None))
    with pytest.raises(DataError, match="raw_high, raw_low, raw_close, contract missing"):
        labeller.fit_transform(bars.assign(raw_open=100.0))
    with pytest.raises(DataError, match="column 'limit' of the bars must hold"):
        labeller.fit_transform(bars.assign(limit=110.0))


def test_unusable_sides():
    bars = race_bars(*[(100, 101, 99, 100)] * 3)
    labeller = TripleBarrierLabeller(2, atr_window=1, cost_adjustment=None, side="signal")
    with pytest.raises(DataError, match="must name a column of the bars; 'signal'"):
        labeller.fit_transform(bars)
    with pytest.raises(DataError, match=r"must hold -1, 0, \+1 or NaN; got 0\.5"):
        labeller.fit_transform(bars.assign(signal=0.5))


@pytest.mark.parametrize("labeller", LABELLERS)
def test_bad_parameters(labeller):
    for name, rule in labeller._parameter_rules.items():
        with pytest.raises(ParameterError, match=f"parameter '{name}' must be"):
            labeller(**({"cost_adjustment": None} | {name: rule.bad}))
    assert set(labeller._parameter_rules) == set(labeller.get_param_defaults())


def test_empty_bars():
    with pytest.raises(DataError, match="must not be empty; got 0 rows"):
        TripleBarrierLabeller(cost_adjustment=None).fit_transform(race_bars()[:0])


def test_stamps_keep_their_resolution():
    bars = race_bars(*[(100, 101, 99, 100)] * 3)
    bars.index = stamped(5).as_unit("us")
    labels = FixedHorizonLabeller(1, atr_window=1, cost_adjustment=None).fit_transform(bars)
    assert labels["end"].dt.unit == "us"
