"""A model pretrained on data that may hold the test period is flagged."""

import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import cross_validate, evaluate, pretraining_notes
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import FixedHorizonLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout, WalkForward

BARS = simulate_bars(1500, seed=0).bars
LABELS = FixedHorizonLabeller(horizon=5, cost_adjustment=None).fit_transform(BARS)
LAST = f"{BARS.index[-1]:%Y-%m-%d}"
BEFORE = f"{BARS.index[0] - pd.Timedelta(days=1):%Y-%m-%d}"


class Pretrained(LogisticClassifier):
    """Says that it was pretrained up to a date."""

    _tags = {"training_data_cutoff": LAST}


class LongAgo(LogisticClassifier):
    """Says that its pretraining data end before the bars begin."""

    _tags = {"training_data_cutoff": BEFORE}


class NobodyKnows(LogisticClassifier):
    """Does not know when its pretraining data end."""

    _tags = {"training_data_cutoff": "unknown"}


EXPECTED = {Pretrained: f"up to {LAST}", NobodyKnows: "unknown dates", LongAgo: None}


def notes_of(found):
    return [note for note in found if note.startswith("pretrained")]


@pytest.mark.parametrize("cls", EXPECTED, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_cross_validation_says_so(cls, in_pipeline):
    model = ReturnFeatures() * cls() if in_pipeline else cls()
    result = cross_validate(model, BARS, LABELS, WalkForward(n_splits=2), allow_raw_prices=True)
    notes = notes_of(result.notes)
    assert len(notes) == (EXPECTED[cls] is not None)
    assert all(EXPECTED[cls] in note and "in-sample" in note for note in notes)


@pytest.mark.parametrize("cls", EXPECTED, ids=lambda cls: cls.__name__)
def test_evaluation_says_so(cls):
    samples = Samples(BARS, LABELS)
    parts = PurgedHoldout(validation=0).parts(samples)
    result = evaluate((ReturnFeatures() * cls()).fit(samples[parts.train]), samples[parts.test])
    notes = notes_of(result.notes)
    assert len(notes) == (EXPECTED[cls] is not None)


def test_nothing_pretrained_is_no_note():
    assert pretraining_notes(LogisticClassifier(), BARS.index[0]) == []


def test_the_day_of_the_cutoff_is_still_pretraining():
    model = LogisticClassifier().set_tags(training_data_cutoff="2024-05-31")
    assert pretraining_notes(model, pd.Timestamp("2024-05-31 23:59", tz="UTC"))
    assert not pretraining_notes(model, pd.Timestamp("2024-06-01", tz="UTC"))


def test_a_pipeline_follows_its_model():
    pipeline = ReturnFeatures() * LogisticClassifier()
    assert pipeline.get_tag("training_data_cutoff") == ""
    name = pipeline.steps[-1][0]
    assert pipeline.set_params(**{name: Pretrained()}).get_tag("training_data_cutoff") == LAST
