"""Bars, features, labels and splits have the same bits on processors of other kinds."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from ohlcvml.bars import simulate_bars
from ohlcvml.features import OHLCVFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.samples import Samples
from ohlcvml.splits import CombinatorialPurgedCV, WalkForward
from ohlcvml.testing import law_bars
from tests.features.conftest import make_bars


def digests():
    """One digest a thing, so that a difference says where it is."""
    bars = simulate_bars(3000, seed=0, sessions=True, edge=0.3)
    tables = {
        "simulate_bars": bars.bars,
        "truth": bars.truth,
        "unrounded": simulate_bars(500, seed=1, tick_size=None, volatility_ratio=2.0).bars,
        "law_bars": law_bars(),
        "make_bars": make_bars(3000),
        "features": OHLCVFeatures(contract="ES").fit_transform(bars.bars),
        "labels": TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars.bars),
    }
    samples = Samples(bars.bars, tables["labels"])
    tables["weights"] = pd.DataFrame({"weight": samples.weight})
    for splitter in (WalkForward(n_splits=3), CombinatorialPurgedCV(n_groups=5, embargo=60)):
        parts = [np.concatenate([*pair, [-1]]) for pair in splitter.split(samples)]
        tables[type(splitter).__name__] = pd.DataFrame({"row": np.concatenate(parts)})
    return {name: digest(table) for name, table in tables.items()}


def digest(table):
    found = hashlib.sha256(str(list(table.columns)).encode())
    for column in [table.index.get_level_values(-1), *(table[name] for name in table)]:
        values = column.to_numpy()
        values = np.asarray(values.astype(str) if values.dtype == object else values)
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def test_same_bits_without_what_this_processor_has_beyond_the_baseline():
    extra = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
    lesser = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(extra),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4",
        "OPENBLAS_CORETYPE": "Nehalem",
    }
    program = (
        "from tests.test_same_bits import digests\n"
        "from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__\n"
        "print([name for name in __cpu_dispatch__ if __cpu_features__[name]], digests())"
    )
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, **lesser}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == f"[] {digests()}"
