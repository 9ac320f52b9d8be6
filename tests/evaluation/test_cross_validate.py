"""Cross-validation: the loop by hand, what is done once, what each fold may see."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import (
    backtest,
    buy_and_hold,
    classification_scores,
    cross_validate,
    equal_exposure,
    sides_at,
)
from ohlcvml.exceptions import DataError, LeakageError, ParameterError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier, LogisticClassifier
from ohlcvml.pipeline import log_losses
from ohlcvml.samples import Samples
from ohlcvml.splits import CombinatorialPurgedCV, PurgedKFold, WalkForward, inner_holdout
from tests.pipeline.vote import counted

BARS = simulate_bars(2000, seed=7, edge=0.3, sessions=True).bars
LABELLER = TripleBarrierLabeller(horizon=20, contract="ES", costs=Costs(2.0, 0.5))
LABELS = LABELLER.fit_transform(BARS)
SAMPLES = Samples(BARS, LABELS)
SPEC = SAMPLES.spec
FEATURES = ReturnFeatures(lags=(1, 5, 20))
MODEL = FEATURES * StandardScaler() * LogisticClassifier(C=1.0)
FORWARD = WalkForward(n_splits=3)
K_FOLD = PurgedKFold(n_splits=3, embargo=30)


class LearningLabeller(TripleBarrierLabeller):
    """Takes its barriers from the bars it is fitted on."""

    _tags = {"fit_is_empty": False}
    seen = []

    def _fit(self, X, y=None):
        type(self).seen.append(X)
        self.k_ = 1.0 + float(X["close"].std()) / 100
        return self

    def _transform(self, X, y=None):
        labeller = TripleBarrierLabeller(
            horizon=self.horizon, k_up=self.k_, k_down=self.k_, cost_adjustment=None
        )
        return labeller.fit_transform(X)


@pytest.fixture(scope="module")
def forward():
    return cross_validate(MODEL, BARS, LABELS, FORWARD)


@pytest.mark.parametrize("cv", [FORWARD, K_FOLD], ids=["forward", "k-fold"])
def test_fold_scores_are_those_of_the_loop_by_hand(cv):
    result = cross_validate(MODEL, BARS, LABELS, cv)
    for fold, (train, test) in enumerate(cv.split(SAMPLES)):
        model = MODEL.clone().fit(SAMPLES[train])
        signal = model.predict_signal(SAMPLES[test])
        proba = signal[["p_down", "p_flat", "p_up"]].to_numpy()
        expected = classification_scores(SAMPLES[test].y, proba, [-1, 0, 1], model.class_shares_)
        expected |= backtest(BARS, signal, LABELS.iloc[SAMPLES[test].rows]).scores
        for name, value in expected.items():
            assert result.folds.loc[fold, name] == pytest.approx(value, nan_ok=True), name
        table = result.predictions[result.predictions["fold"] == fold]
        assert table[signal.columns].equals(signal)
        assert result.folds.loc[fold, ["train_rows", "test_rows"]].tolist() == [
            len(train),
            len(test),
        ]


def test_the_headline_trades_every_row_once(forward):
    run = backtest(
        BARS,
        forward.predictions,
        LABELS.loc[forward.predictions.index],
        blocks=forward.predictions["fold"].to_numpy(),
    )
    assert forward.backtest.scores == pytest.approx(run.scores, nan_ok=True)
    assert forward.backtest.pnl.equals(run.pnl)


def test_baselines_are_fold_means(forward):
    assert forward.baselines.index.tolist() == ["no_skill", "buy_and_hold"]
    flat = forward.baselines.loc["no_skill"]
    assert flat["skill"] == pytest.approx(0.0)
    assert flat["net_return"] == flat["exposure"] == 0.0
    assert flat["log_loss"] == pytest.approx(forward.folds["log_loss_no_skill"].mean())
    assert forward.baselines.loc["buy_and_hold", "exposure"] > 0.5


def test_summary_says_how_many_folds_are_missing(forward):
    summary = forward.summary()
    assert summary.columns.tolist() == ["mean", "std", "min", "max", "missing"]
    assert summary.loc["auc", "mean"] == pytest.approx(forward.folds["auc"].mean())
    assert (summary["missing"] == forward.folds[summary.index].isna().sum()).all()
    holed = replace(forward, folds=forward.folds.assign(auc=[0.6, np.nan, 0.7])).summary()
    assert holed.loc["auc", "missing"] == 1
    assert holed.loc["auc", ["mean", "std", "min", "max"]].isna().all()


def test_a_baseline_that_a_fold_lacks_is_missing():
    """Held, each fold is one decision: where one earns, its profit factor is undefined."""
    result = cross_validate(MODEL, BARS, LABELS, FORWARD)
    held = [
        buy_and_hold(BARS, like=backtest(BARS, part, LABELS.loc[part.index])).scores
        for _, part in result.predictions.groupby("fold")
    ]
    factors = [scores["profit_factor"] for scores in held]
    assert 0 < np.isnan(factors).sum() < 3
    assert np.isnan(result.baselines.loc["buy_and_hold", "profit_factor"])
    net = np.mean([scores["net_return"] for scores in held])
    assert result.baselines.loc["buy_and_hold", "net_return"] == pytest.approx(net)


def test_every_score_carries_its_interval(forward):
    table = forward.intervals
    means = forward.folds.mean(numeric_only=True)
    for name in ("log_loss", "skill", "brier", "auc", "auc_macro", "accuracy"):
        assert table.loc[name, "estimate"] == pytest.approx(means[name])
        assert table.loc[name, "low"] < means[name] < table.loc[name, "high"]
    assert table.loc["directional_accuracy", "blocks"] == pytest.approx(16, abs=3)  # 80 bars each
    sharpe = forward.backtest.sharpe
    assert table.loc["net_sharpe", "estimate"] == pytest.approx(float(sharpe))
    # independent rows would claim an interval half as wide
    rows = np.concatenate(
        [
            log_losses(part["label"], part[["p_down", "p_flat", "p_up"]], [-1, 0, 1])
            for _, part in forward.predictions.groupby("fold")
        ]
    )
    width = table.loc["log_loss", "high"] - table.loc["log_loss", "low"]
    assert width > 1.3 * 2 * 1.96 * rows.std() / np.sqrt(len(rows))


def test_steps_that_learn_nothing_run_once():
    model = ReturnFeatures() * StandardScaler() * LogisticClassifier()
    with counted() as calls:
        cross_validate(model, BARS, LABELS, K_FOLD)
    assert calls == [len(BARS)]


def test_steps_that_learn_do_not_see_the_test_rows():
    model = StandardScaler() * LogisticClassifier(C=1.0)
    result = cross_validate(model, BARS, LABELS, K_FOLD, allow_raw_prices=True)
    test = next(iter(K_FOLD.split(SAMPLES)))[1]
    changed = BARS.copy()
    changed.iloc[SAMPLES[test].pos[100] : SAMPLES[test].pos[-1], 4] *= 50
    again = cross_validate(model, changed, LABELS, K_FOLD, allow_raw_prices=True)
    one, two = (r.predictions[r.predictions["fold"] == 0]["p_up"] for r in (result, again))
    assert one.iloc[:100].equals(two.iloc[:100])
    assert not one.iloc[100:].equals(two.iloc[100:])


def test_a_labeller_gives_what_its_table_gives(forward):
    again = cross_validate(MODEL, BARS, LABELLER, FORWARD)
    assert again.predictions.equals(forward.predictions)
    with pytest.raises(DataError, match="labels table or a labeller; got list"):
        cross_validate(MODEL, BARS, [1, 2], FORWARD)


@pytest.mark.parametrize("cv", [FORWARD, K_FOLD], ids=["forward", "k-fold"])
def test_a_labeller_that_learns_sees_training_bars_alone(cv):
    LearningLabeller.seen.clear()
    labeller = LearningLabeller(horizon=20, cost_adjustment=None)
    result = cross_validate(MODEL, BARS, labeller, cv)
    shown = LearningLabeller.seen[1:]  # the first fit counts the rows to split
    assert len(shown) == 3
    for fold, seen in enumerate(shown):
        tested = result.predictions.index[result.predictions["fold"] == fold]
        assert not seen.index.get_level_values(-1).isin(tested).any()
    ends = [result.predictions["end"][result.predictions["fold"] == f] for f in range(3)]
    assert result.backtest is not None
    assert all(end.notna().all() for end in ends)


def test_two_sided_results_are_marked(forward):
    k_fold = cross_validate(MODEL, BARS, LABELS, K_FOLD)
    assert k_fold.two_sided
    assert k_fold.notes[0].startswith("two-sided: training rows lie after test rows")
    assert not forward.two_sided
    assert forward.notes == []
    reach = cross_validate(FEATURES * LogisticClassifier(), BARS, LABELS, K_FOLD).notes[1]
    assert reach == "features and windows reach 20 bars back from a test row"


def test_what_the_splitter_says_is_kept(forward):
    report = forward.split_report
    assert report.equals(FORWARD.report(SAMPLES))
    assert report["n_train"].tolist() == forward.folds["train_rows"].tolist()
    assert report.attrs["purge"] == 60
    loose = WalkForward(n_splits=2, allow_missing_ends=True)
    result = cross_validate(MODEL, BARS, LABELS, loose)
    assert result.split_report.attrs["allow_missing_ends"]
    assert result.notes == [
        "purging was given up for 0 rows without label ends (allow_missing_ends=True)"
    ]


def test_combinatorial_folds_make_one_backtest_a_path():
    cv = CombinatorialPurgedCV(4, n_test_groups=2, embargo=20)
    result = cross_validate(MODEL, BARS, LABELS, cv)
    assert len(result.folds) == 6
    assert result.two_sided
    assert len(result.paths) == cv.n_paths == 3
    groups = cv.group_rows(SAMPLES)
    for path, run in zip(cv.paths(), result.paths, strict=True):
        parts = []
        for group, split in enumerate(path):
            fold = result.predictions[result.predictions["fold"] == split]
            parts.append(fold.loc[SAMPLES.index[groups[group]]])
        table = pd.concat(parts)
        labels = SPEC.attach(LABELS.loc[table.index])
        expected = backtest(BARS, table, labels, blocks=table["fold"].to_numpy())
        assert run.scores == pytest.approx(expected.scores, nan_ok=True)
        assert run.counts["rows"] == len(SAMPLES)
    scores = result.path_scores
    assert scores["net_return"].tolist() == [run.scores["net_return"] for run in result.paths]
    assert result.backtest.scores["net_sharpe"] == scores["net_sharpe"].median()
    # rows tested three times are no more blocks than rows tested once
    once = cross_validate(MODEL, BARS, LABELS, K_FOLD).intervals
    assert result.intervals.loc["log_loss", "blocks"] <= once.loc["log_loss", "blocks"] + 2


def test_one_test_a_row_is_one_path(forward):
    assert len(forward.paths) == len(forward.path_scores) == 1
    assert forward.paths[0] is forward.backtest


def test_unpurged_splitters_are_refused():
    with pytest.raises(LeakageError, match="overlap the label intervals"):
        cross_validate(MODEL, BARS, LABELS, KFold(3))


def test_held_out_rows_stay_out():
    rows = SAMPLES.rows[:1200]
    result = cross_validate(MODEL, BARS, LABELS, FORWARD, rows=rows)
    assert result.predictions.index.max() <= SAMPLES.index[1199]
    assert result.unused["held_out"] == len(SAMPLES) - 1200
    assert result.unused["censored"] == int(LABELS["censored"].sum())


def test_rows_without_history_are_counted():
    holed = FEATURES.fit_transform(BARS)
    holed.iloc[1500:1510] = np.nan
    bars = pd.concat([BARS, holed], axis=1)
    result = cross_validate(LogisticClassifier(), bars, LABELS, FORWARD, allow_raw_prices=True)
    assert result.unused["test_without_history"] == result.folds["rows_missing"].sum() == 10
    assert result.folds["train_without_history"].iloc[0] > 0


class CountingModel(LogisticClassifier):
    calls = []

    def _predict_proba(self, X):
        type(self).calls.append(len(X))
        return super()._predict_proba(X)


def test_a_model_is_asked_once_a_fold(forward):
    CountingModel.calls.clear()
    model = FEATURES * StandardScaler() * CountingModel(C=1.0)
    result = cross_validate(model, BARS, LABELS, FORWARD)
    assert CountingModel.calls == result.folds["test_rows"].tolist()
    assert result.predictions.equals(forward.predictions)
    assert len(result.out_of_fold) == len(result.predictions)


def test_equal_exposure_is_set_inside_the_training_rows(forward):
    result = cross_validate(MODEL, BARS, LABELS, FORWARD, exposure=0.3)
    decisions = []
    for fold, (train, _) in enumerate(FORWARD.split(SAMPLES)):
        train = SAMPLES[train]
        inner, later = inner_holdout(train, 0.3)
        model = MODEL.clone().fit(train[inner])
        score = model.predict_signal(train[later])["expected_return"]
        table = forward.predictions[forward.predictions["fold"] == fold]
        side = sides_at(table["expected_return"], equal_exposure(score, 0.3))
        signal = pd.DataFrame({"side": side}, index=table.index)
        run = backtest(BARS, signal, LABELS.loc[table.index])
        decisions.append(run.scores["decisions"])
    assert result.baselines.loc["equal_exposure", "decisions"] == pytest.approx(np.mean(decisions))
    assert result.predictions.equals(forward.predictions)


def test_regimes(forward):
    regime = pd.Series(np.where(np.arange(len(BARS)) % 200 < 100, "calm", "wild"), BARS.index)
    result = cross_validate(MODEL, BARS, LABELS, FORWARD, regime=regime.rename("kind"))
    assert result.regime_scores.index.tolist() == [("kind", "calm"), ("kind", "wild")]
    parts = result.predictions.groupby(regime.loc[result.predictions.index].to_numpy()).size()
    fold_rows = result.regime_scores["rows"] * 3
    assert fold_rows.round(6).tolist() == parts.tolist()
    named = cross_validate(MODEL, BARS.assign(kind=regime), LABELS, FORWARD, regime="kind")
    columns = ["auc", "net_return"]
    assert named.regime_scores[columns].equals(result.regime_scores[columns])
    assert forward.regime_scores is None
    # a mean over folds is missing where a fold has nothing of a regime
    rare = regime.where(np.arange(len(BARS)) < 1100, "late").rename("kind")
    scores = cross_validate(MODEL, BARS, LABELS, FORWARD, regime=rare).regime_scores
    assert np.isnan(scores.loc[("kind", "late"), "auc"])
    assert np.isfinite(scores.loc[("kind", "late"), "net_return"])
    unknown = regime.where(np.arange(len(BARS)) >= 1500).rename("kind")
    scores = cross_validate(MODEL, BARS, LABELS, FORWARD, regime=unknown).regime_scores
    total = cross_validate(MODEL, BARS, LABELS, FORWARD).backtest.scores["net_return"]
    assert set(scores.index.get_level_values(1)) == {"calm", "wild", "unknown"}
    assert scores["net_return"].sum() == pytest.approx(total)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_folds_in_parallel_give_the_same_numbers(forward, backend):
    two = {"backend": backend, "backend_params": {"n_jobs": 2}}
    result = cross_validate(MODEL, BARS, LABELS, FORWARD, **two)
    assert result.predictions.equals(forward.predictions)
    seconds = ["fit_seconds", "predict_seconds"]
    assert result.folds.drop(columns=seconds).equals(forward.folds.drop(columns=seconds))


def test_progress_changes_nothing(forward, capsys):
    result = cross_validate(MODEL, BARS, LABELS, FORWARD, progress=True)
    assert result.predictions.equals(forward.predictions)


def test_a_model_without_features_of_its_own():
    table = FEATURES.fit_transform(BARS)
    model = LightGBMClassifier(n_estimators=5)
    bars = pd.concat([BARS, table], axis=1)
    result = cross_validate(model, bars, LABELS, FORWARD, allow_raw_prices=True)
    assert len(result.folds) == 3


@pytest.mark.parametrize("cv", [FORWARD, K_FOLD], ids=["forward", "k-fold"])
def test_several_symbols_are_classified_but_not_traded(cv):
    bars = simulate_bars(1200, seed=7, edge=0.3, n_symbols=2).bars
    labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    result = cross_validate(MODEL, bars, labels, cv, exposure=0.3)
    assert result.backtest is None
    assert result.notes[-1].startswith("several symbols: nothing was traded")
    assert "net_return" not in result.folds
    assert result.baselines.index[0] == "no_skill"
    samples = Samples(bars, labels)
    for fold, (train, test) in enumerate(cv.split(samples)):
        model = MODEL.clone().fit(samples[train])
        expected = classification_scores(
            samples[test].y, model.predict_proba(samples[test]), [-1, 0, 1], model.class_shares_
        )
        assert result.folds.loc[fold, "log_loss"] == pytest.approx(expected["log_loss"], rel=1e-2)
    assert set(result.predictions.index.get_level_values(0)) == {"SIM0", "SIM1"}


def test_an_integer_is_no_splitter():
    with pytest.raises(ParameterError, match="'cv' must be a splitter; got 5"):
        cross_validate(MODEL, BARS, LABELS, 5)
