"""Bars with labels, and steps that tell what they were shown."""

import pytest
from sktime.transformations.base import BaseTransformer

from ohlcvml.bars import simulate_bars
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.samples import Samples

LABELLER = TripleBarrierLabeller(horizon=20, cost_adjustment=None)


class Witness(BaseTransformer):
    """A step with a state, as an HMM is: takes panels and keeps what ``fit`` was shown."""

    _tags = {
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex"],
        "scitype:transform-input": "Series",
        "scitype:transform-output": "Series",
        "fit_is_empty": False,
        "capability:multivariate": True,
        "capability:missing_values": True,
        "is_production_safe": True,
    }

    def __init__(self, shift=0.0):
        self.shift = shift
        super().__init__()

    def _fit(self, X, y=None):
        self.shown_ = X
        return self

    def _transform(self, X, y=None):
        return X + self.shift


class LoneWitness(Witness):
    """The same, but for one series only."""

    _tags = {"X_inner_mtype": "pd.DataFrame"}


@pytest.fixture(scope="session")
def bars():
    return simulate_bars(1200, seed=5).bars


@pytest.fixture(scope="session")
def labels(bars):
    return LABELLER.fit_transform(bars)


@pytest.fixture(scope="session")
def samples(bars, labels):
    return Samples(bars, labels)


@pytest.fixture(scope="session")
def two_symbols():
    bars = simulate_bars(700, seed=6, n_symbols=2).bars
    return Samples(bars, LABELLER.fit_transform(bars))


@pytest.fixture
def witness():
    return Witness()


@pytest.fixture
def lone_witness():
    return LoneWitness()
