"""The same seed gives the same bits whatever else draws numbers; another seed gives others."""

import random
import sys

import numpy as np
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.testing._planted_edge import _chain
from tests.models.zoo import classifiers

CLASSES = classifiers()
SEEDED = [cls for cls in CLASSES if "random_state" in cls.get_param_names()]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def bars():
    return simulate_bars(600, seed=4, edge=0.3).bars


def draw_from_everywhere(times):
    """Move the generators that any code could draw from."""
    random.seed(times)
    np.random.seed(times)  # noqa: NPY002 - it is what must not matter
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(times)


def proba(cls, bars, **params):
    labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars.iloc[:500])
    model = _chain(cls.create_test_instance().set_params(**params))
    return model.fit(bars.iloc[:500], labels).predict_proba(bars)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_same_seed_gives_the_same_bits(cls, bars):
    seed = {"random_state": 5} if cls in SEEDED else {}
    draw_from_everywhere(1)
    one = proba(cls, bars, **seed)
    draw_from_everywhere(2)
    assert one.equals(proba(cls, bars, **seed))
    assert one.notna().any(axis=None)


@pytest.mark.parametrize("cls", SEEDED, ids=lambda cls: cls.__name__)
def test_another_seed_gives_other_bits(cls, bars):
    assert not proba(cls, bars, random_state=5).equals(proba(cls, bars, random_state=6))
