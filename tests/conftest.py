"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Continuous integration judges a change, not the luck of the draw; elsewhere laws draw anew.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("free", deadline=None)  # speed is measured in benchmarks/
settings.load_profile("ci" if os.environ.get("CI") else "free")

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real market files (raw/, norm/, manifest.json), where it is present."""
    path = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not (path / "manifest.json").exists():
        pytest.skip("the shared market data are not present")
    return path


@pytest.fixture
def contracts_restored(monkeypatch):
    """Contracts registered by a test are forgotten after it."""
    from ohlcvml.bars.market import _contracts

    monkeypatch.setattr(_contracts, "_contracts", dict(_contracts._contracts))


@pytest.fixture(autouse=True, scope="session")
def _records_of_their_own(tmp_path_factory):
    """Looks at test sets made by tests are nobody's looks."""
    with pytest.MonkeyPatch.context() as patch:
        if "OHLCVML_HOME" not in os.environ:
            patch.setenv("OHLCVML_HOME", str(tmp_path_factory.mktemp("records")))
        yield
