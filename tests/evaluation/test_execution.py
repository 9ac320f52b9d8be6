"""The execution is checked whole before the first fit, and is the same for every model."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Costs, simulate_bars
from ohlcvml.evaluation import Execution, backtest, buy_and_hold, cross_validate, evaluate
from ohlcvml.exceptions import DataError, OhlcvmlError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import FixedHorizonLabeller, TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, WalkForward

COSTS = Costs(2.0, 0.5)
LABELLER = TripleBarrierLabeller(horizon=20, contract="ES", costs=COSTS)
BARS = simulate_bars(1500, seed=9, edge=0.3, sessions=True).bars
LABELS = LABELLER.fit_transform(BARS)
LONG = pd.DataFrame({"side": 1}, index=LABELS.index)
SWAP = pd.Series([0.1, 0.2], index=BARS.index[[10, 20]])
OTHER = Contract("ES", 0.25, 12.5, calendar="CMEGlobex_GC", valid_from=date(2020, 1, 1))


def twice():
    """A regime that stands twice on one stamp."""
    regime = pd.Series(1.0, index=BARS.index)
    return pd.concat([regime, regime.iloc[5:6]])


class CountingClassifier(LogisticClassifier):
    """Counts its fits."""

    fits = []

    def _fit(self, X, y):
        type(self).fits.append(len(y))
        return super()._fit(X, y)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"capitol": 1e5}, r"no parameter 'capitol'.*execution=Execution\(capital="),
        ({"contract": "ES"}, r"no parameter 'contract'.*execution=Execution\(contract="),
        ({"scoring": "auc"}, "no parameter 'scoring'.*Known parameters: "),
        ({"progres": True}, "Did you mean 'progress'"),
        ({"execution": "brackets"}, "'execution' must be an Execution or None; got 'brackets'"),
        ({"execution": {"rule": "bracket"}}, "'execution' must be an Execution"),
        ({"execution": Execution(contract="MES")}, "contract MES, the labels were made with ES"),
        (
            {"execution": Execution(costs=0.1)},
            r"costs \(spread 0.1\), the labels were made with \(commission 2 a side",
        ),
        ({"execution": Execution(funding=SWAP.shift(freq="7s"))}, "stamps of 'bars'; 2 are not"),
        ({"regime": "vol"}, "'regime' must name a column of 'bars'.*got 'vol'"),
        ({"regime": pd.Series([1.0])}, "'regime' must be a Series or DataFrame indexed by stamps"),
        ({"regime": twice()}, "'regime' must have one row for each bar; 1 rows stand on a stamp"),
        ({"exposure": 2.0}, "'exposure' must be"),
        ({"model": "lightgbm"}, "'model' must be a bar classifier; got 'lightgbm'"),
        ({"model": LogisticClassifier}, "got the class LogisticClassifier"),
        ({"cv": 5}, "'cv' must be a splitter; got 5"),
    ],
)
def test_a_mistake_is_told_before_anything_is_fitted(changes, message):
    CountingClassifier.fits.clear()
    model = ReturnFeatures() * CountingClassifier()
    given = {"model": model, "cv": WalkForward(n_splits=2), **changes}
    with pytest.raises(OhlcvmlError, match=message):
        cross_validate(given.pop("model"), BARS, LABELS, given.pop("cv"), **given)
    assert CountingClassifier.fits == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"rule": "brackets"},
        {"contract": "XX"},
        {"costs": -1.0},
        {"capital": 0.0},
        {"max_position": 0.0},
        {"daily_loss_stop": -0.1},
        {"max_drawdown_stop": "5%"},
        {"funding": [0.1]},
        {"funding": pd.Series([0.1])},
        {"funding": SWAP * np.nan},
        {"funding": SWAP.iloc[[0, 0]]},
        {"as_given": 1},
    ],
)
def test_every_field_is_checked_when_it_is_made(wrong):
    with pytest.raises(ParameterError, match=rf"'{next(iter(wrong))}'|symbol"):
        Execution(**wrong)


def test_contract_and_costs_are_those_of_the_labels():
    run = backtest(BARS, LONG, LABELS)
    settled = run.execution
    assert (settled.contract.symbol, settled.costs, run.currency) == ("ES", COSTS, "USD")
    assert settled.capital == run.capital
    told = Execution(contract="ES", costs=COSTS)
    assert backtest(BARS, LONG, LABELS, execution=told).pnl.equals(run.pnl)
    spread = Execution(costs=COSTS.round_trip("ES"))  # the same money, written as a number
    assert backtest(BARS, LONG, LABELS, execution=spread).pnl.equals(run.pnl)
    held = buy_and_hold(BARS, like=run)
    assert (held.currency, held.rule, run.rule) == ("USD", "buy_and_hold", "average_active")
    assert held.costs.sum() == pytest.approx(COSTS.money("ES"))


@pytest.mark.parametrize(
    "other",
    [
        {"contract": "MES"},
        {"contract": OTHER},
        {"costs": Costs(2.0, 1.0)},
        {"costs": 0.0},
        {"costs": Costs(2.0, 0.5, rate_per_side=1e-4)},
    ],
)
def test_what_contradicts_the_labels_is_an_error_or_a_note(other):
    with pytest.raises(DataError, match=r"must be those of the labels.*as_given=True"):
        backtest(BARS, LONG, LABELS, execution=Execution(**other))
    run = backtest(BARS, LONG, LABELS, execution=Execution(**other, as_given=True))
    assert len(run.notes) == 1
    assert run.notes[0].startswith("as given: ")
    model = ReturnFeatures() * LogisticClassifier()
    execution = Execution(**other, as_given=True)
    result = cross_validate(model, BARS, LABELS, WalkForward(n_splits=2), execution=execution)
    assert run.notes[0] in result.notes
    assert run.notes[0] in result.backtest.notes


def test_labels_without_costs_take_given_ones_and_a_run_without_any_says_so():
    labels = FixedHorizonLabeller(horizon=20, cost_adjustment=None).fit_transform(BARS)
    free = backtest(BARS, LONG, labels)
    assert free.notes == ["no costs: the labels were made without, and the execution has none"]
    paid = backtest(BARS, LONG, labels, execution=Execution(costs=0.5))
    assert paid.notes == []
    assert free.costs.sum() == 0.0 < paid.costs.sum()


def test_one_execution_serves_evaluate_as_it_serves_the_backtest():
    samples = Samples(BARS, LABELS)
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    model = (ReturnFeatures() * LogisticClassifier()).fit(samples[parts.train])
    test = samples[parts.test]
    execution = Execution(rule="bracket", capital=1e5, max_drawdown_stop=0.01)
    result = evaluate(model, test, execution=execution)
    signal = model.predict_signal(test)
    run = backtest(BARS, signal, LABELS.iloc[test.rows], execution=execution)
    assert result.backtest.scores == pytest.approx(run.scores, nan_ok=True)
    assert result.backtest.execution == run.execution
    for wrong in ({"capitol": 1e5}, {"execution": "bracket"}, {"regime": "vol"}):
        with pytest.raises(ParameterError):
            evaluate(model, test, **wrong)
    with pytest.raises(ParameterError, match="'model' must be a bar classifier"):
        evaluate("logistic", test)


@pytest.mark.parametrize(
    "execution",
    [
        Execution(),
        Execution(rule="bracket", contract="MES", costs=0.5, capital=1e5, max_position=2),
        Execution(contract=OTHER, costs=COSTS, daily_loss_stop=np.float64(0.02), as_given=True),
        Execution(funding=SWAP),
        Execution(funding=pd.DataFrame({"long": SWAP, "short": -SWAP / 3})),
    ],
)
def test_an_execution_survives_json(execution):
    again = Execution.from_dict(json.loads(json.dumps(execution.to_dict())))
    assert again == execution
    assert hash(again) == hash(execution)
    assert len(repr(execution)) < 200


def test_executions_that_trade_otherwise_differ():
    base = Execution(funding=SWAP)
    assert base != Execution()
    assert base != Execution(funding=SWAP * 2)
    assert Execution(rule="bracket") != Execution()
    with pytest.raises(ParameterError, match="no parameter 'capitol'"):
        Execution.from_dict({"capitol": 1.0})


def test_the_table_given_for_funding_is_not_shared():
    given = SWAP.copy()
    execution = Execution(funding=given)
    given.iloc[0] = 9.0
    assert execution.funding.tolist() == [0.1, 0.2]
