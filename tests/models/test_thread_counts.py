"""A fitted model has the same bits whatever the number of BLAS threads."""

import os
import subprocess
import sys

import pytest

# Shapes at which OpenBLAS cuts the rows of a product among its threads.
CODE = """
import hashlib
import numpy as np, pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from ohlcvml.models import LogisticClassifier, SklearnClassifier
from ohlcvml.streams import RowTransformer

def say(name, *arrays):
    bits = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    print(name, hashlib.sha256(bits).hexdigest())

rng = np.random.default_rng(0)
x, y = rng.standard_normal((6000, 60)).astype(np.float32), rng.integers(0, 3, 6000)
own = LogisticClassifier().fit(x[:, :, None], y)
say("logistic", own.coef_, own.intercept_)
library = SklearnClassifier(LogisticRegression(C=0.01)).fit(x[:, :, None], y).estimator_
say("scikit-learn", library.coef_, library.intercept_)
rows = rng.standard_normal((20_000, 150)) @ rng.standard_normal((150, 150))
table = pd.DataFrame(rows, pd.date_range("2024", periods=len(rows), freq="min", tz="UTC"))
say("step", RowTransformer(PCA(5)).fit(table.rename(columns=str)).transformer_.components_)
"""


def digests(n_threads):
    env = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    env["OPENBLAS_NUM_THREADS"] = env["OMP_NUM_THREADS"] = str(n_threads)
    run = [sys.executable, "-c", CODE]
    found = subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in found.splitlines())


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor has one thread")
def test_the_bits_of_a_fit_do_not_depend_on_blas_threads():
    one, four = digests(1), digests(4)
    assert len(one) == 3
    assert one == four
