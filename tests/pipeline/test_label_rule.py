"""A model remembers the rule of its labels and says nothing about rows of another."""

from dataclasses import fields

import pytest

from ohlcvml.bars import Costs, contract, simulate_bars
from ohlcvml.bundle import open_bundle, save
from ohlcvml.evaluation import evaluate
from ohlcvml.exceptions import DataError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import FixedHorizonLabeller, LabelSpec, TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout

COSTS = Costs(0.62, 1.0)
LABELLER = TripleBarrierLabeller(20, contract="MES", costs=COSTS)
BARS = simulate_bars(900, seed=5).bars
LABELS = LABELLER.fit_transform(BARS)
SAMPLES = Samples(BARS, LABELS)
PARTS = PurgedHoldout(validation=0.0, test=0.3).parts(SAMPLES)
# Another value of each field that says what a label means.
OTHERWISE = {
    "kind": {"kind": "meta", "classes": (0, 1), "side": 1},
    "rule": {"rule": "own"},
    "classes": {"classes": (-1, 1)},
    "horizon": {"horizon": 60},
    "atr_window": {"atr_window": 50},
    "entry": {"entry": "close"},
    "session_exit": {"session_exit": not LabelSpec.of(LABELS).session_exit},
    "cross_session": {"cross_session": not LabelSpec.of(LABELS).cross_session},
    "roll": {"roll": "hold"},
    "k_up": {"k_up": 3.0},
    "k_down": {"k_down": 3.0},
    "unit": {"unit": "ticks"},
    "trailing": {"kind": "meta", "classes": (0, 1), "side": 1, "trailing": True},
    "cost_adjustment": {"cost_adjustment": None},
    "both": {"both": "open_proximity"},
    "return_unit": {"return_unit": "points"},
}
# Weights and the market; ``side`` has a test of its own.
ALIKE = {
    "weighting": {"weighting": "return"},
    "time_decay": {"time_decay": 0.5},
    "round_trip": {"round_trip": 1.0},
    "contract": {"contract": contract("ES")},
    "costs": {"costs": Costs(2.0)},
}


@pytest.fixture(scope="module")
def model():
    return (ReturnFeatures() * LogisticClassifier()).fit(SAMPLES[PARTS.train])


def test_every_field_is_of_the_rule_or_not():
    assert {f.name for f in fields(LabelSpec)} == {*OTHERWISE, *ALIKE, "side"}


def test_labels_of_another_rule_are_refused_by_field():
    made = LabelSpec.of(LABELS)
    for name, changes in OTHERWISE.items():
        with pytest.raises(DataError, match=rf"test: .*\b{name} "):
            made.check_same_rule(made.replace(**changes), "test")
    for changes in ALIKE.values():
        made.check_same_rule(made.replace(**changes), "test")


def test_sides_differ_where_both_have_a_name():
    meta = LabelSpec.of(LABELS).replace(kind="meta", classes=(0, 1), side="trend")
    meta.check_same_rule(meta.replace(side=None), "test")
    with pytest.raises(DataError, match="side 'other' where the model learned 'trend'"):
        meta.check_same_rule(meta.replace(side="other"), "test")


def test_a_tick_of_another_size_is_another_barrier():
    ticks = LabelSpec.of(LABELS).replace(unit="ticks")
    ticks.check_same_rule(ticks.replace(contract=contract("ES")), "test")
    with pytest.raises(DataError, match=r"a unit of ticks that is 0.1 in price where .* 0.25"):
        ticks.check_same_rule(ticks.replace(contract=contract("MGC")), "test")
    money = ticks.replace(unit="money")
    with pytest.raises(DataError, match=r"a unit of money that is 0.02 in price where .* 0.2"):
        money.check_same_rule(money.replace(contract=contract("ES")), "test")


@pytest.mark.parametrize(
    "labeller",
    [
        LABELLER.clone().set_params(horizon=60),
        LABELLER.clone().set_params(atr_window=50),
        FixedHorizonLabeller(20, contract="MES", costs=COSTS),
    ],
    ids=["horizon", "atr_window", "rule"],
)
def test_no_door_for_samples_answers_them(model, labeller):
    other = Samples(BARS, labeller.fit_transform(BARS))
    other = other[other.pos > SAMPLES.pos[PARTS.test].min() + 70]
    for ask in (model.answer, model.predict_proba, model.predict, model.predict_signal):
        with pytest.raises(DataError, match="where the model learned"):
            ask(other)
    with pytest.raises(DataError, match="where the model learned"):
        evaluate(model, other)
    assert model.predict_signal(BARS).shape[0] == len(BARS)  # bars have no labels


def test_another_market_is_scored_and_marked(model):
    labeller = LABELLER.clone().set_params(contract="ES", costs=Costs(2.0))
    other = Samples(BARS, labeller.fit_transform(BARS))[PARTS.test]
    notes = " ".join(evaluate(model, other).notes)
    assert "with contract" in notes
    assert "with costs" in notes
    assert "was fitted on labels" not in " ".join(evaluate(model, SAMPLES[PARTS.test]).notes)


def test_a_bundle_keeps_the_rule_and_refuses_another(model, tmp_path):
    again = open_bundle(save(model, tmp_path / "one.zip", bars=BARS))
    assert again.model.label_spec_ == LabelSpec.of(LABELS)
    assert (again.contract, again.costs) == (contract("MES"), COSTS)
    other = LABELLER.clone().set_params(horizon=60).fit_transform(BARS)
    with pytest.raises(DataError, match=r"save: .*horizon 60 where the model learned 20"):
        save(model, tmp_path / "two.zip", bars=BARS, labels=other)
    for odd in ({"contract": "ES"}, {"costs": Costs(2.0)}):
        with pytest.raises(DataError, match=f"save: parameter '{next(iter(odd))}' must be that"):
            save(model, tmp_path / "two.zip", bars=BARS, **odd)
    assert not (tmp_path / "two.zip").exists()
