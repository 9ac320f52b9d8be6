"""One identity: what it tells apart, and what it does not."""

import functools
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from ohlcvml._identity import bars_identity, digest, row_keys, rows_identity
from ohlcvml.bars import simulate_bars
from ohlcvml.exceptions import ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier, LogisticClassifier, LSTMClassifier, TrainingOptions
from ohlcvml.registry import all_estimators
from ohlcvml.samples import Samples

BARS = simulate_bars(400, seed=1).bars
LABELS = TripleBarrierLabeller(horizon=10, cost_adjustment=None).fit_transform(BARS)
SAMPLES = Samples(BARS, LABELS)


def test_a_clone_has_the_hash_of_the_original():
    wrong = []
    for _, cls in all_estimators():
        one = cls.create_test_instance()
        if digest(one) != digest(one.clone()):
            wrong.append(cls.__name__)
    assert wrong == []


def test_parameters_count_and_state_and_resources_do_not():
    model = ReturnFeatures() * StandardScaler() * LogisticClassifier(C=0.1)
    before = digest(model)
    assert digest(model.clone().fit(BARS, LABELS)) == before
    assert digest(model.clone().set_params(LogisticClassifier__C=0.2)) != before
    assert digest(LightGBMClassifier(n_jobs=1)) == digest(LightGBMClassifier(n_jobs=2))
    quiet = LSTMClassifier(training=TrainingOptions(progress=False, device="cpu"))
    assert digest(quiet) == digest(LSTMClassifier())
    assert digest(LSTMClassifier(training=TrainingOptions(max_epochs=3))) != digest(quiet)
    assert digest(LogisticRegression()) != digest(LogisticClassifier())


SAME = [
    ((1, 2), [1, 2]),
    (np.float64(0.1), 0.1),
    (pd.DataFrame({"a": [1.0]}), pd.DataFrame({"a": [1.0]})),
    (np.log, np.log),
    (functools.partial(simulate_bars, seed=1), functools.partial(simulate_bars, seed=1)),
]
APART = [
    (1, 1.0),
    (1, True),
    (1, "1"),
    ([[1], 2], [1, [2]]),
    ({1: "a"}, {"1": "a"}),
    (math.nan, None),
    (math.inf, -math.inf),
    (np.arange(4), np.arange(4).reshape(2, 2)),
    (np.arange(4), np.arange(4.0)),
    (np.log, np.exp),
    (pd.Series([1.0], name="a"), pd.Series([1.0], name="b")),
    (pd.Index(["a", "bc"]), pd.Index(["ab", "c"])),
    (pd.Timestamp("2024-01-01"), "2024-01-01 00:00:00"),
    (functools.partial(simulate_bars, seed=1), functools.partial(simulate_bars, seed=2)),
]


def test_equal_content_is_equal_and_other_content_is_not():
    assert [pair for pair in SAME if digest(pair[0]) != digest(pair[1])] == []
    assert [pair for pair in APART if digest(pair[0]) == digest(pair[1])] == []


def _doubled():
    def inside(x):
        return 2 * x

    return inside


@pytest.mark.parametrize(
    "odd", [lambda x: x, _doubled(), np.random.default_rng(0), object()], ids=lambda o: str(o)[:12]
)
def test_what_has_no_identity_is_refused(odd):
    with pytest.raises(ParameterError, match=r"StandardScaler\(copy\)"):
        digest(StandardScaler(copy=odd), "cross_validate")


def test_bars_are_their_content():
    base = bars_identity(BARS)
    assert bars_identity(BARS.copy()) == base
    assert bars_identity(BARS.set_axis(BARS.index.as_unit("us"))) == base
    assert bars_identity(BARS.tz_convert("Asia/Tokyo")) == base
    nudged = BARS.copy()
    nudged.iloc[-1, 3] = np.nextafter(nudged.iloc[-1, 3], 0)
    renamed = BARS.rename(columns={"close": "Close"})
    later = BARS.set_axis(BARS.index + pd.Timedelta(1, "ns"))
    others = [nudged, renamed, later, BARS.iloc[:-1], BARS[BARS.columns[::-1]], BARS.astype("f4")]
    assert len({base, *map(bars_identity, others)}) == 1 + len(others)
    assert bars_identity(BARS.assign(extra=1.0), BARS.columns) == base
    two = pd.concat({"A": BARS, "B": BARS}, names=["symbol", "time"])
    swapped = pd.concat({"B": BARS, "A": BARS}, names=["symbol", "time"])
    assert bars_identity(two) != bars_identity(swapped)


def test_evaluation_rows_are_the_very_rows_their_labels_and_the_closes_between():
    base = rows_identity(SAMPLES)
    assert rows_identity(SAMPLES[:]) == base
    assert rows_identity(SAMPLES.with_features(BARS[["close"]] * 2)) == base
    assert rows_identity(SAMPLES[np.r_[0 : len(SAMPLES) : 7, len(SAMPLES) - 1]]) != base
    assert rows_identity(SAMPLES[1:]) != base
    turned = LABELS.copy()
    own = turned.iloc[SAMPLES.rows[5], turned.columns.get_loc("label")]
    turned.iloc[SAMPLES.rows[5], turned.columns.get_loc("label")] = 1 if own < 1 else -1
    assert rows_identity(Samples(BARS, turned)) != base
    bars = BARS.copy()
    bars.iloc[SAMPLES.pos[100], 3] += 0.25
    assert rows_identity(Samples(bars, LABELS)) != base
    bars.iloc[SAMPLES.pos[100]] = BARS.iloc[SAMPLES.pos[100]]
    bars.iloc[SAMPLES.end_pos.max() + 1 :, 3] += 0.25
    assert rows_identity(Samples(bars, LABELS)) == base


def test_rows_of_arrays():
    values = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, np.nextafter(2.0, 3.0)]])
    one, two, three = row_keys(values)
    assert one == two != three
    assert len(one) == 16
    assert row_keys(values.astype("f4"))[0] != one
