"""A small problem: features at hand, rows to train on and rows to test on."""

from types import SimpleNamespace

import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.features import ReturnFeatures, VolumeFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedHoldout


@pytest.fixture(scope="session")
def problem():
    simulation = simulate_bars(1500, seed=2, edge=0.3)
    bars = simulation.bars
    labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    table = (ReturnFeatures(lags=(1, 2, 5)) + VolumeFeatures(windows=(5,))).fit_transform(bars)
    samples = Samples(bars, labels, features=table)
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    return SimpleNamespace(
        bars=bars,
        labels=labels,
        table=table,
        samples=samples,
        train=samples[parts.train],
        test=samples[parts.test],
    )
