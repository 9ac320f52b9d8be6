"""The interval purge against purgedcv, which is fed the times that each row occupies."""

import numpy as np
import pandas as pd
import purgedcv
import pytest
from hypothesis import given, settings

from ohlcvml.splits import CombinatorialPurgedCV, PurgedKFold

from .cases import cases, folds_or_none

CVS = {
    "kfold": PurgedKFold(4, embargo=0),
    "combinatorial": CombinatorialPurgedCV(5, n_test_groups=2, embargo=0),
}


@pytest.mark.parametrize("name", CVS)
@given(case=cases())
@settings(deadline=None, max_examples=25)
def test_purge_agrees_with_purgedcv(name, case):
    cv = CVS[name].clone()
    cv.set_params(bar_index=case.bars, allow_missing_ends=not case.known)
    size = pd.Timedelta(minutes=5)
    taken = pd.Series(case.bars[0] + case.first * size)
    over = pd.Series(case.bars[0] + (case.reach + 1) * size)  # its intervals are half open
    everything = np.arange(len(case.first))
    for train, test in folds_or_none(cv, case.labels):
        rest = np.setdiff1d(everything, test)
        np.testing.assert_array_equal(train, purgedcv.purge(rest, test, taken, over))
