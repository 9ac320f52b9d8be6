"""What was assumed in making labels travels with them, or its loss is told."""

import contextlib
import copy
import json

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import Contract, Costs, contract, simulate_bars
from ohlcvml.evaluation import Execution, backtest
from ohlcvml.exceptions import DataError, OhlcvmlError, ParameterError
from ohlcvml.labels import FixedHorizonLabeller, LabelSpec, TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.models.paths import BarrierSpec
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold
from tests.label_specs import PLAIN

OWN = Contract("OWN", tick_size=0.25, tick_value=1.25, calendar="CME_Equity")
LABELLER = TripleBarrierLabeller(
    horizon=30, k_up=2.0, atr_window=50, contract=OWN, costs=Costs(0.62, 1.0), time_decay=0.5
)


@pytest.fixture(scope="module")
def bars():
    return simulate_bars(600, seed=4).bars


@pytest.fixture(scope="module")
def labels(bars):
    return LABELLER.fit_transform(bars)


def test_it_says_what_the_labeller_was_told(labels):
    spec = LabelSpec.of(labels)
    for name, value in LABELLER.get_params(deep=False).items():
        assert getattr(spec, name) == value, name
    assert (spec.kind, spec.classes, spec.return_unit) == ("direction", (-1, 0, 1), "log")
    assert spec.round_trip == pytest.approx(0.748)
    assert set(labels.attrs) == {"spec", "unused", "both", "gap_fills"}


@pytest.mark.parametrize(
    "labeller",
    [
        LABELLER,
        FixedHorizonLabeller(5, cost_adjustment=None),
        FixedHorizonLabeller(5, contract="MES", costs=Costs(rate_per_side=1e-4)),
        TripleBarrierLabeller(side=-1, cost_adjustment=None),
    ],
)
def test_it_survives_json_and_parquet(labeller, bars, tmp_path):
    labels = labeller.fit_transform(bars)
    spec = LabelSpec.of(labels)
    assert LabelSpec.from_json(spec.to_json()) == spec
    labels.to_parquet(tmp_path / "labels.parquet")
    assert LabelSpec.of(pd.read_parquet(tmp_path / "labels.parquet")) == spec


READERS = {
    "Samples": Samples,
    "PurgedKFold": lambda bars, labels: list(PurgedKFold(2, embargo=0).split(labels)),
    "LogisticClassifier": lambda bars, labels: LogisticClassifier().fit(bars, labels),
    "backtest": lambda bars, labels: backtest(
        bars, pd.DataFrame({"side": 1}, index=bars.index), labels
    ),
    "BarrierSpec": lambda bars, labels: BarrierSpec.from_labels(labels),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_lost_assumptions_are_told_and_not_guessed(reader, bars, labels):
    lost = labels.join(bars["close"]).drop(columns="close")
    with pytest.raises(DataError, match=r"do not say what was assumed.*spec=.*labels_from\("):
        reader(bars, lost)
    reader(bars, LabelSpec.of(labels).attach(lost))


def test_samples_take_the_specification_that_a_table_lost(bars, labels):
    lost = labels.join(bars["close"]).drop(columns="close")
    samples = Samples(bars, lost, spec=LabelSpec.of(labels))
    assert samples.spec == LabelSpec.of(labels) == LabelSpec.of(samples.labels)
    np.testing.assert_array_equal(samples.weight, Samples(bars, labels).weight)
    assert "spec" not in lost.attrs


def test_contradictions_are_refused(bars, labels):
    other = LabelSpec.of(labels).replace(atr_window=14, time_decay=1.0)
    with pytest.raises(DataError, match=r"differ in atr_window, time_decay: got \[14, 1.0\]"):
        Samples(bars, labels, spec=other)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "size"}, {"classes": (0, 1, 2)}, {"classes": (1,)}, {"classes": (1, -1)},
        {"kind": "meta"}, {"horizon": 0}, {"time_decay": 2.0}, {"return_unit": "pct"},
        {"unit": "pips"}, {"side": 1}, {"contract": "MES"}, {"costs": 0.5},
        {"trailing": True}, {"unit": "ticks"},
    ],
)  # fmt: skip
def test_wrong_values_are_refused(change):
    with pytest.raises(ParameterError, match="LabelSpec: parameter"):
        PLAIN.replace(**change)


@pytest.mark.parametrize("text", ["{}", "[]", "no json", None, PLAIN.to_json()[:-1] + ', "a": 1}'])
def test_other_text_is_refused(text):
    with pytest.raises(DataError, match=r"LabelSpec.from_json: 'text' must"):
        LabelSpec.from_json(text)


FORGED = [None, True, -1, 10**400, "x", "A[/b]", [], [[]], {}, {"a": 1}, [1] * 1000]


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (lambda told: LabelSpec.from_json(json.dumps(told)), "spec"),
        (Contract.from_dict, "contract"),
        (Costs.from_dict, "costs"),
        (Execution.from_dict, "execution"),
    ],
    ids=["LabelSpec", "Contract", "Costs", "Execution"],
)
def test_what_a_stranger_wrote_is_read_or_refused_by_name(read, told, bars):
    """Each field forged, lost and doubled, and those of its parts: no error but ours."""
    costs = Costs(2.0, 0.5)
    labels = TripleBarrierLabeller(contract="ES", costs=costs).fit_transform(bars)
    honest = {
        "spec": json.loads(labels.attrs["spec"]),
        "contract": contract("ES").to_dict(),
        "costs": costs.to_dict(),
        "execution": Execution(contract="ES", costs=costs).to_dict(),
    }[told]
    read(copy.deepcopy(honest))

    def variants(part):
        for name, value in part.items():
            yield {key: item for key, item in part.items() if key != name}
            yield {**part, f"{name}_": value}
            for forged in FORGED:
                yield {**part, name: forged}
            if isinstance(value, dict):
                yield from ({**part, name: inner} for inner in variants(value))

    for variant in variants(honest):
        with contextlib.suppress(OhlcvmlError):
            read(variant)


@pytest.mark.parametrize("text", ["", "null", '{"a":', "[" * 100_000, '{"kind":' * 2000, "1e999"])
def test_a_text_that_is_no_specification_is_refused(text):
    with pytest.raises(DataError, match=r"LabelSpec\.from_json"):
        LabelSpec.from_json(text)
