"""Small estimators, and helpers that craft bundles."""

import json

import numpy as np
import pandas as pd
import pytest
from sktime.transformations.base import BaseTransformer

from ohlcvml._folder import SUMS, render_sums
from ohlcvml.bundle import allow_class, save
from ohlcvml.bundle._codec import Decoder, Encoder
from ohlcvml.streams._change import _CloseChange

# The part of composites in their own tests is no public estimator, so it asks to be let in.
allow_class(_CloseChange)


@allow_class
class Centre(BaseTransformer):
    """Subtract the training mean; keeps whatever it is given in ``kept``."""

    _tags = {"X_inner_mtype": "pd.DataFrame", "fit_is_empty": False}

    def __init__(self, kept=None, inner=None):
        self.kept = kept
        self.inner = inner
        super().__init__()

    def _fit(self, X, y=None):
        self.mean_ = X.to_numpy(dtype=float).mean(axis=0)
        return self

    def _transform(self, X, y=None):
        return X - self.mean_


@pytest.fixture
def roundtrip():
    """Encode to text and bytes, and decode from these alone."""
    from safetensors.numpy import load
    from safetensors.numpy import save as dump

    def through(value):
        encoder = Encoder()
        text = json.dumps(encoder.encode(value), allow_nan=False)
        arrays = load(dump(encoder.arrays)) if encoder.arrays else {}
        return Decoder(arrays, encoder.parts).decode(json.loads(text))

    return through


@pytest.fixture
def bars():
    """Two hundred five-minute bars."""
    index = pd.date_range("2025-01-02", periods=200, freq="5min", tz="UTC", name="time", unit="ns")
    price = 100 + np.random.default_rng(0).normal(size=200).cumsum()
    names = ("open", "high", "low", "close", "volume")
    return pd.DataFrame({name: price + k for k, name in enumerate(names)}, index=index)


@pytest.fixture
def model(bars):
    """A fitted transformer with an array, a booster-free part and nested values."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(bars)
    return Centre(kept={"scaler": scaler, "lags": (1, 2)}, inner=Centre()).fit(bars)


@pytest.fixture
def bundle(model, bars, tmp_path):
    """Path of a bundle directory with golden rows."""
    return save(model, tmp_path / "bundle", bars=bars)


@pytest.fixture
def forge():
    """Rewrite one file of a bundle and its hashes, as somebody with an editor would."""

    def rewrite(path, name, edit):
        content = json.loads((path / name).read_text())
        edit(content)
        (path / name).write_text(json.dumps(content))
        rehash(path)

    def rehash(path):
        files = {p.name: p.read_bytes() for p in path.iterdir()}
        (path / SUMS).write_bytes(render_sums(files))

    rewrite.rehash = rehash
    return rewrite
