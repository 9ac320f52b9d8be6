"""Random weights and windows for the tests of pretrained models."""

from importlib.util import find_spec

import numpy as np
import pytest

PACKAGES = ("torch", "chronos", "timesfm")
collect_ignore_glob = [] if all(map(find_spec, PACKAGES)) else ["test_*.py"]


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _home_of_their_own(tmp_path, monkeypatch):
    """Forecasts kept by one test are no answers of another."""
    from ohlcvml.models.pretrained import _base

    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "home"))
    _base._cache_at.cache_clear()


def make_bars(n_windows, length, seed=0, level=100.0):
    """Random bars, shape (n_windows, length, 5)."""
    generator = np.random.default_rng(seed)
    close = np.cumsum(0.001 * generator.standard_normal((n_windows, length)), axis=1)
    open_ = np.roll(close, 1, axis=1)
    reach = 0.0005 * generator.random((2, n_windows, length))
    high, low = np.maximum(open_, close) + reach[0], np.minimum(open_, close) - reach[1]
    prices = level * np.exp(np.stack([open_, high, low, close], axis=2))
    volume = generator.integers(1, 1000, (n_windows, length, 1)).astype(float)
    return np.concatenate([prices, volume], axis=2)


def make_stamps(n_windows, length, start="2024-03-04T14:30", minutes=5):
    """Stamps every few minutes, int64 ns, shape (n_windows, length)."""
    first = np.datetime64(start, "ns").astype(np.int64)
    row = first + minutes * 60 * 10**9 * np.arange(length)
    return np.tile(row, (n_windows, 1))
