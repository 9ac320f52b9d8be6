"""Labels of one's own become a full labels table."""

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import backtest
from ohlcvml.exceptions import DataError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import FixedHorizonLabeller, LabelSpec, TripleBarrierLabeller, labels_from
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import WalkForward
from tests.labels.builders import race_bars

COSTS = Costs(commission_per_side=0.62, slippage_ticks=1)


@pytest.fixture(scope="module")
def bars():
    return simulate_bars(900, seed=2).bars


def same(one, two, columns):
    pd.testing.assert_frame_equal(one[columns], two[columns], check_freq=False)


@pytest.mark.parametrize("entry", ["next_open", "close"])
@pytest.mark.parametrize("n_symbols", [1, 2])
def test_a_labellers_answers_give_its_table(entry, n_symbols):
    bars = simulate_bars(300, seed=3, n_symbols=n_symbols).bars
    labeller = FixedHorizonLabeller(8, contract="MES", costs=COSTS, entry=entry)
    made = labeller.fit_transform(bars)
    got = labels_from(
        bars, made["label"], made["end"], horizon=8, contract="MES", costs=COSTS, entry=entry
    )
    same(got, made, list(made.columns.drop("weight")))
    assert (got["weight"] == 1).all()
    one, two = LabelSpec.of(got), LabelSpec.of(made)
    assert one == two.replace(rule="own", cost_adjustment=None)


def test_meta_labels_with_exits_inside_a_bar(bars):
    trend = np.sign(bars["close"].diff(20))
    bars = bars.assign(trend=trend)
    made = TripleBarrierLabeller(10, side="trend", contract="MES", costs=COSTS).fit_transform(bars)
    entry = bars["open"].shift(-1).reindex(made.index)
    got = labels_from(
        bars, made["label"], made["end"], side="trend", horizon=10, contract="MES", costs=COSTS,
        exit_price=np.exp(made["ret"]) * entry,
    )  # fmt: skip
    assert LabelSpec.of(got).kind == "meta"
    same(got, made, ["label", "side", "end", "cost", "censored"])
    np.testing.assert_allclose(got["ret"], made["ret"], atol=1e-12)
    np.testing.assert_allclose(got["net_ret"], made["net_ret"], atol=1e-12)
    labelled = {"up": 0, "down": 1}.values()
    inside = made["exit"].isin(list(labelled))
    assert (got["exit"] == made["exit"])[inside].all()


def test_every_stage_takes_it(bars):
    ahead = bars["close"].shift(-12)
    label = np.sign(ahead - bars["close"]).iloc[100:-12:3]
    label.iloc[5] = np.nan
    end = bars.index.to_series().shift(-12).reindex(label.index)
    labels = labels_from(bars, label, end, costs=Costs(spread=0.25), weight=np.arange(len(label)))
    assert len(labels) == len(label) - 1
    assert LabelSpec.of(labels).weighting == "own"
    samples = Samples(bars, labels)
    train, test = next(iter(WalkForward(2, bar_index=bars.index).split(samples)))
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[train])
    run = backtest(bars, model.predict_signal(samples[test]), labels)
    assert run.counts["rows"] == len(test)


def test_the_horizon_decides_what_is_censored(bars):
    label = pd.Series(1, index=bars.index[100:-5])
    end = pd.Series(bars.index[103:-2], index=label.index)
    assert LabelSpec.of(labels_from(bars, label, end)).horizon == 3
    labels = labels_from(bars, label, end, horizon=20)
    assert labels["censored"].sum() == 15
    assert labels.loc[~labels["censored"]].index[-1] == bars.index[-21]
    with pytest.raises(DataError, match=r"'horizon' must not be shorter .* got 2, .* 3"):
        labels_from(bars, label, end, horizon=2)


def test_rows_that_open_no_position_are_counted():
    rows = [(100, 101, 99, 100)] * 6
    bars = race_bars(*rows, volume=[10, 0, 10, 10, 10, 10])
    label = pd.Series(1, index=bars.index)
    end = bars.index.to_series().shift(-1)
    labels = labels_from(bars, label, end, atr_window=1, horizon=1)
    assert labels.attrs["unused"] == {
        "no_next_bar": 1, "next_session": 0, "no_fill": 1, "censored": 0
    }  # fmt: skip
    assert len(labels) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": lambda s: s.shift(freq="30s")}, "'label' must stand on stamps of 'bars'"),
        ({"label": lambda s: s * 0.5}, "'label' must hold integers; got 0.5"),
        ({"label": lambda s: s * 200}, r"'label' must be -1, 0 or 1; got 200"),
        ({"label": lambda s: s + 1}, r"class set -1, 0, 1; got 2 in row 0"),
        ({"label": lambda s: s.astype(str)}, "'label' must hold numbers; got"),
        ({"label": lambda s: s.to_numpy()}, "one value for each of the 900 labels; got 500"),
        ({"end": lambda s: s.iloc[::-1]}, "'end' must stand on the index of 'label'"),
        ({"end": lambda s: s + pd.Timedelta("1s")}, "is not a bar of 'bars'"),
        ({"end": lambda s: s - pd.Timedelta("10min")}, "does not lie after its label"),
        ({"weight": lambda s: -1.0 * (s == s)}, "'weight' of 'labels' must be finite and not neg"),
        ({"exit_price": lambda s: 1.0 * (s == s)}, "'exit_price' must lie in the range"),
        ({"side": lambda s: 2.0 * (s == s)}, "the side column 'side' must hold -1, 0"),
    ],
)
def test_what_does_not_fit_is_refused(change, message, bars):
    label = pd.Series(1, index=bars.index[100:600])
    end = pd.Series(bars.index[105:605], index=label.index)
    given = {"label": label, "end": end}
    for name, spoil in change.items():
        given[name] = spoil(given.get(name, end))
    if name == "label" and isinstance(given["label"], pd.Series):
        given["end"] = end.set_axis(given["label"].index)
    with pytest.raises(DataError, match=message):
        labels_from(bars, **given)


def test_labels_across_a_roll_or_a_session_are_refused(bars):
    label = pd.Series(1, index=bars.index[100:600])
    end = pd.Series(bars.index[105:605], index=label.index)
    rolled = bars.assign(contract=np.where(np.arange(900) < 300, 1, 2))
    with pytest.raises(DataError, match="end in the contract in which it is entered; 4 do not"):
        labels_from(rolled, label, end)
    late = simulate_bars(900, seed=2, start="2024-03-05 15:00").bars
    label, end = label.set_axis(late.index[100:600]), end
    end = pd.Series(late.index[105:605], index=label.index)
    kept = labels_from(late, label, end, contract="MES", cross_session=True)
    assert len(kept) == 500
    with pytest.raises(DataError, match="end in the session in which it is entered"):
        labels_from(late, label, end, contract="MES", session_exit=True)


def test_parameters_are_checked(bars):
    label, end = pd.Series(1, index=bars.index[:5]), pd.Series(bars.index[1:6], bars.index[:5])
    for bad in ({"horizon": 0}, {"entry": "open"}, {"costs": 0.5}, {"time_decay": 2.0}):
        with pytest.raises(ParameterError, match=f"labels_from: parameter '{next(iter(bad))}'"):
            labels_from(bars, label, end, **bad)
    with pytest.raises(ParameterError, match="parameter 'contract' must be"):
        labels_from(bars, label, end, costs=COSTS)


def test_prices_that_are_not_positive_give_points():
    bars = race_bars((100, 101, 99, 100.5), (100.5, 102, 100, 101.7), (101, 101, 101, 101))
    bars[["open", "high", "low", "close"]] -= 200.0
    table = labels_from(bars, [np.nan, 1] + [np.nan] * 3, [pd.NaT, bars.index[3]] + [pd.NaT] * 3,
                        costs=Costs(spread=0.2), atr_window=1)  # fmt: skip
    assert LabelSpec.of(table).return_unit == "points"
    assert table.iloc[0][["ret", "cost", "net_ret"]].tolist() == pytest.approx([1.7, 0.2, 1.5])


def test_no_bars_have_no_labels(bars):
    with pytest.raises(DataError, match="'bars' must not be empty"):
        labels_from(bars.iloc[:0], [], [])
