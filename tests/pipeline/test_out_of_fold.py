"""The fold loop: the loop by hand, failures, paths, nesting, and what comes back from disk."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import LogisticClassifier
from ohlcvml.pipeline import OutOfFold, out_of_fold
from ohlcvml.pipeline._training_record import joined, occupied
from ohlcvml.splits import CombinatorialPurgedCV, PurgedKFold, WalkForward
from tests.pipeline.conftest import LABELLER

MODEL = ReturnFeatures(lags=(1, 5)) * StandardScaler() * LogisticClassifier()
FORWARD = WalkForward(n_splits=3)
K_FOLD = PurgedKFold(n_splits=3, embargo=0)


class Fragile(LogisticClassifier):
    """Fails where the training rows are as many as it cannot bear."""

    unbearable = -1

    def _fit(self, X, y):
        if len(X) == type(self).unbearable:
            raise ZeroDivisionError("too many")
        return super()._fit(X, y)


@pytest.fixture(scope="module")
def forward(samples):
    return out_of_fold(MODEL, samples, FORWARD)


def reach(samples, p):
    return np.maximum(samples.end_pos, np.minimum(samples.pos + p, len(samples.bars) - 1))


@pytest.mark.parametrize("cv", [FORWARD, K_FOLD], ids=["forward", "k-fold"])
def test_it_is_the_loop_by_hand(samples, cv):
    found = out_of_fold(MODEL, samples, cv)
    tested = np.zeros(len(samples), dtype=bool)
    for fold, (train, test) in enumerate(cv.split(samples)):
        model = MODEL.clone().fit(samples[train])
        at = found.of_fold(fold)
        assert found.rows[at].tolist() == test.tolist()
        proba = model.answer(samples[test]).probabilities
        np.testing.assert_array_equal(found.answer.probabilities[at], proba)
        pd.testing.assert_frame_equal(found.signal.iloc[at], model.predict_signal(samples[test]))
        assert found.labels.iloc[at].equals(samples.labels.iloc[samples[test].rows])
        np.testing.assert_array_equal(found.class_shares.loc[fold], model.class_shares_)
        seen = joined(*occupied(samples[train], 60))
        np.testing.assert_array_equal(found.training_intervals[fold], seen)
        tested[test] = True
    assert found.untested == (~tested).sum()
    assert found.path is None
    assert found.table["fold"].tolist() == found.fold.tolist()


def test_each_fold_is_seen_as_it_ends_and_may_end_the_loop(samples, forward):
    seen = []
    out_of_fold(MODEL, samples, FORWARD, on_fold=seen.append, progress=True)
    assert [fold.number for fold in seen] == [0, 1, 2]
    assert pd.concat([fold.signal for fold in seen]).equals(forward.signal)
    train, test = (len(rows) for rows in next(iter(FORWARD.split(samples))))
    assert repr(seen[0]) == f"Fold(0: {test} test rows, {train} training rows)"

    class Pruned(Exception):
        pass

    def stop(fold):
        seen.append(fold)
        raise Pruned

    seen.clear()
    with pytest.raises(Pruned):
        out_of_fold(MODEL, samples, FORWARD, on_fold=stop, error="record")
    assert len(seen) == 1


def test_workers_give_the_same_bits(samples, forward):
    seen = []
    params = {"n_jobs": 2}
    found = out_of_fold(
        MODEL, samples, FORWARD, backend="threading", backend_params=params, on_fold=seen.append
    )
    assert found.signal.equals(forward.signal)
    assert len(seen) == 3


def test_a_fold_that_fails_loses_no_other(samples, forward, monkeypatch):
    sizes = [len(train) for train, _ in FORWARD.split(samples)]
    monkeypatch.setattr(Fragile, "unbearable", sizes[1])
    with pytest.raises(ZeroDivisionError):
        out_of_fold(Fragile(), samples, FORWARD)
    found = out_of_fold(Fragile(), samples, FORWARD, error="record")
    assert found.failures == {1: "ZeroDivisionError: too many"}
    assert found.folds.index.tolist() == [0, 2]
    assert set(found.fold) == {0, 2}
    lost = (forward.fold == 1).sum()
    assert found.untested == forward.untested + lost
    assert repr(found).endswith(f"{found.untested:,} rows never tested; failed: fold 1)")
    unpurged = KFold(3)
    with pytest.raises(DataError, match="each of the 3 folds failed; the first with LeakageError"):
        out_of_fold(MODEL, samples, unpurged, error="record")


def test_paths_are_those_of_the_splitter(samples):
    cv = CombinatorialPurgedCV(n_groups=4, n_test_groups=2, embargo=0)
    found = out_of_fold(MODEL, samples, cv)
    group = np.full(len(samples), -1)
    for number, rows in enumerate(cv.group_rows(samples)):
        group[rows] = number
    folds = cv.paths()[found.path, group[found.rows]]
    assert found.fold.tolist() == folds.tolist()
    for path in range(cv.n_paths):
        assert sorted(found.rows[found.path == path]) == list(range(len(samples)))
    assert repr(found) == f"OutOfFold(6 folds, {3 * len(samples):,} rows on 3 paths)"


@pytest.mark.parametrize("test", [np.ones(900, dtype=bool), [-1], [10**6], [], [700.5]])
def test_a_list_must_hold_positions(samples, test):
    with pytest.raises(ParameterError, match="'cv' must list positions from 0 to"):
        out_of_fold(MODEL, samples, [(np.arange(500), np.array(test))])


def test_what_is_no_splitter_is_refused(samples):
    with pytest.raises(ParameterError, match="'cv' must be a splitter, or a list"):
        out_of_fold(MODEL, samples, 5)
    with pytest.raises(ParameterError, match="'error'"):
        out_of_fold(MODEL, samples, FORWARD, error="ignore")
    with pytest.raises(DataError, match="no fold"):
        out_of_fold(MODEL, samples, [])
    pairs = list(FORWARD.split(samples))
    with pytest.raises(ParameterError, match="must be a splitter where the labeller learns"):
        out_of_fold(MODEL, samples, pairs, labeller=LABELLER.clone().set_tags(fit_is_empty=False))
    assert len(out_of_fold(MODEL, samples, pairs).folds) == 3


# ---- nesting
@pytest.mark.parametrize("outer", [FORWARD, K_FOLD], ids=["forward", "k-fold"])
def test_a_table_made_inside_an_outer_fold_serves_its_test_rows(samples, outer):
    for train, test in outer.split(samples):
        inner = out_of_fold(MODEL, samples[train], PurgedKFold(n_splits=2, embargo=0))
        inner.check_unseen(samples[test])


def test_a_table_of_all_rows_serves_no_outer_fold(samples):
    whole = out_of_fold(MODEL, samples, K_FOLD)
    for _, test in K_FOLD.split(samples):
        with pytest.raises(LeakageError, match="inside the training rows of each outer fold"):
            whole.check_unseen(samples[test])


def test_every_row_that_the_table_or_its_purge_zone_meets_is_told(samples):
    table = out_of_fold(MODEL, samples[300:600], PurgedKFold(n_splits=2, embargo=0))
    last = reach(samples[300:600], 60)
    held = np.zeros(len(samples), dtype=bool)
    for k, (i, z) in enumerate(zip(samples.pos, reach(samples, 60), strict=True)):
        held[k] = ((samples.pos[300:600] <= z) & (last >= i)).any()
    for k in [*range(200, 320, 3), *range(580, 660, 3)]:
        if held[k]:
            with pytest.raises(LeakageError, match="1 of 1 rows meet what its models"):
                table.check_unseen(samples[[k]])
        else:
            table.check_unseen(samples[[k]])


def test_a_saved_table_comes_back_whole_and_serves_only_later_rows(samples, tmp_path):
    cv = CombinatorialPurgedCV(n_groups=4, n_test_groups=2, embargo=0)
    table = out_of_fold(MODEL, samples[300:800], cv)
    early, late = samples[:150], samples[900:]
    table.check_unseen(early)
    table.check_unseen(late)
    table.save(tmp_path / "table")
    found = OutOfFold.load(tmp_path / "table")
    assert {path.suffix for path in (tmp_path / "table").iterdir()} <= {".parquet", ".json", ""}
    assert found.table.equals(table.table)
    assert found.table.attrs == table.table.attrs
    assert found.labels.equals(table.labels)
    assert found.labels.attrs == table.labels.attrs
    np.testing.assert_array_equal(found.answer.probabilities, table.answer.probabilities)
    assert found.answer.levels == table.answer.levels == ()
    for name in ("rows", "fold", "path", "tested_intervals"):
        np.testing.assert_array_equal(getattr(found, name), getattr(table, name))
    assert found.folds.equals(table.folds)
    assert found.class_shares.equals(table.class_shares)
    assert list(found.training_intervals) == list(table.training_intervals)
    found.check_unseen(late)
    with pytest.raises(LeakageError, match="serves only rows later than all of it"):
        found.check_unseen(early)
    with pytest.raises(DataError):
        table.save(tmp_path / "table")
    with pytest.raises(DataError):
        OutOfFold.load(tmp_path)
