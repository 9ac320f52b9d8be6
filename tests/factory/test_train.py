"""The main job as a function: the same run in Python, in YAML and on the command line."""

import json

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from ohlcvml.bars import simulate_bars
from ohlcvml.bundle import open_bundle
from ohlcvml.exceptions import BundleError, DataError, ParameterError
from ohlcvml.factory import (
    Run,
    TrainingReport,
    TrainSettings,
    compare_runs,
    create_bundle_from_run,
    list_runs,
    open_run,
    train,
)
from ohlcvml.features import ReturnFeatures
from ohlcvml.models import LogisticClassifier

BARS = simulate_bars(2500, seed=0, edge=0.2, sessions=True).bars
SMALL = {
    "contract": "ES",
    "model": "logistic",
    "families": "returns,trend",
    "n_splits": 2,
    "embargo": 60,
    "exposure": None,
    "n_jobs": 1,
    "progress": False,
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def result():
    return train(BARS, **SMALL)


def test_a_run_is_kept_whole_and_read_again(result, home):
    assert result.run.parent == home / "runs"
    names = {path.name for path in result.run.iterdir()}
    wanted = {"report", "settings.yaml", "scores.csv", "out_of_fold.parquet", "trades.csv"}
    assert wanted <= names <= {*wanted, "equity.png"}
    again = open_run(result.run).report
    assert repr(again) == repr(result.report)
    assert again.scores.keys() == {
        "walk_forward",
        "purged_k_fold_two_sided",
        "out_of_fold_run",
        "test",
    }
    np.testing.assert_equal(again.scores, result.report.scores)
    table = pd.read_parquet(result.run / "out_of_fold.parquet")
    pd.testing.assert_frame_equal(table, result.walk_forward.predictions, check_freq=False)
    assert not [path for path in result.run.parent.iterdir() if path.name.startswith(".")]


def test_trades_add_up_to_the_runs(result):
    trades = pd.read_csv(result.run / "trades.csv")
    for part, run in (
        ("walk_forward", result.walk_forward.backtest),
        ("test", result.test.backtest),
    ):
        mine = trades[trades["part"] == part]
        assert len(mine) == run.scores["decisions"]
        assert mine["net"].sum() == pytest.approx(run.pnl.sum())


def test_the_settings_of_a_run_repeat_it(result, tmp_path):
    BARS.to_csv(tmp_path / "bars.csv")
    told = TrainSettings.from_yaml(result.run / "settings.yaml")
    again = train(tmp_path / "bars.csv", settings=told, no_run=True, progress=False)
    assert again.report.answers == result.report.answers
    np.testing.assert_equal(again.report.scores, {**result.report.scores, **_seconds(again)})


def _seconds(result):
    """Parts that hold times, which differ."""
    return {
        part: scores
        for part, scores in result.report.scores.items()
        if any(name.endswith("_seconds") for name in scores)
    }


def test_a_bundle_of_a_run_is_its_model(result):
    path = create_bundle_from_run(result.run, data=BARS)
    assert path == result.run / "bundles" / "logistic_h20"
    bundle = open_bundle(path)
    expected = result.model.predict_proba(BARS).to_numpy()
    np.testing.assert_array_equal(bundle.model.predict_proba(BARS).to_numpy(), expected)
    assert bundle.manifest["scores"]["test_rows"] == result.report.test_rows
    assert bundle.contract.symbol == "ES"


def test_a_run_in_a_place_of_its_own_gives_a_bundle_too(tmp_path):
    found = train(BARS, **SMALL, run_dir=str(tmp_path / "run"), create_bundle="<run>")
    again = create_bundle_from_run(found.run, path=tmp_path / "again", data=BARS)
    first = (found.bundle / "model.json").read_bytes()
    assert (again / "model.json").read_bytes() == first


def test_a_bundle_of_other_bars_or_another_model_is_refused(result):
    with pytest.raises(DataError, match="given bars from memory"):
        create_bundle_from_run(result.run)
    with pytest.raises(DataError, match=r"the bars are not those of .*: sha256"):
        create_bundle_from_run(result.run, data=BARS.iloc[:-1])
    other = {**result.report.settings, "params": {"C": 10.0}}
    forged = TrainingReport(**{**vars(result.report), "settings": other})
    with pytest.raises(BundleError, match="answers otherwise"):
        create_bundle_from_run(Run(result.run, forged), data=BARS)


def test_runs_are_listed_and_compared(result, home):
    other = train(BARS, **{**SMALL, "horizon": 15})
    table = list_runs()
    assert set(table.index) == {result.run.name, other.run.name}
    assert table["contract"].tolist() == ["ES", "ES"]
    found = compare_runs(result.run, other.run)
    assert found.loc["settings"].index.tolist() == ["horizon"]
    assert found.loc[("settings", "horizon")].tolist() == [20, 15]
    with pytest.raises(DataError, match="at least two runs; got 1"):
        compare_runs(result.run)
    with pytest.raises(DataError, match="none begins so"):
        open_run("nowhere")
    (other.run / "report" / "result.json").write_text("{")
    assert list_runs().loc[other.run.name, "damaged"]


def test_a_run_is_not_written_over_another(result):
    with pytest.raises(ParameterError, match="a run is never written over another"):
        train(BARS, **SMALL, run_dir=str(result.run))


def test_a_result_is_not_lost_where_no_run_can_be_kept(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "file" / "home"))
    found = train(BARS, **SMALL)
    assert found.run is None
    assert found.report.looks is None
    assert "the run is not kept: the data folder cannot be written" in found.report.notes
    with pytest.raises(ParameterError, match="'create_bundle' must name a path"):
        train(BARS, **SMALL, create_bundle="<run>")


def test_means_of_the_ends_of_intervals_are_not_printed(result):
    assert "sharpe_low" in result.walk_forward.folds
    assert "sharpe_low" not in result.report.scores["walk_forward"]


def test_a_shut_test_set_stays_shut(home):
    shut = train(BARS, **SMALL, no_test=True, no_run=True)
    assert shut.test is None
    assert shut.report.looks is None
    assert not (home / "ledger.sqlite").exists()
    assert "The test set stays shut: " in repr(shut.report)
    looked = train(BARS, **SMALL, no_run=True)
    assert looked.report.looks == 1
    assert looked.report.answers == shut.report.answers


def test_combinatorial_and_regimes_are_reported():
    found = train(BARS, **SMALL, cv="combinatorial", regime="volatility,structure", no_run=True)
    text = " ".join(repr(found.report).split())
    assert "Combinatorial purged (two-sided): 2 backtest paths over 3 splits" in text
    assert "Walk-forward by regime" in text
    assert {key[0] for key in found.walk_forward.regime_scores.index} == {"volatility", "structure"}


def test_models_of_ones_own_are_taken_as_they_are():
    chain = ReturnFeatures() * LogisticClassifier(C=1.0)
    found = train(BARS, **{**SMALL, "model": chain}, no_run=True)
    assert found.report.name == "LogisticClassifier"
    assert found.model.get_params()["LogisticClassifier__C"] == 1.0
    assert not hasattr(chain, "training_intervals_")
    bare = train(BARS, **{**SMALL, "model": LogisticClassifier()}, no_run=True)
    assert len(bare.model.classifier_.feature_names_) > 7


def test_time_ranges_cut_the_bars():
    day = BARS.index[-1].normalize()
    found = train(BARS, **SMALL, timerange=f"{BARS.index[0]:%Y-%m-%d}:{day:%Y-%m-%d}", no_run=True)
    assert found.bars.index[-1] < day
    for bad in ("2024", ":", "x:y", "1990-01-01:1990-02-01"):
        with pytest.raises(ParameterError, match="'timerange'"):
            train(BARS, **SMALL, timerange=bad)


def test_what_is_wrong_is_told_before_a_fit(monkeypatch):
    monkeypatch.setattr(LogisticClassifier, "fit", None)
    for wrong, told in (
        ({"horizn": 3}, "unknown key"),
        ({"regime": "weather"}, "'regime' must name some of"),
        ({"cv": "random"}, "'cv' must be one of"),
        ({"model": "own"}, "must be the estimator itself"),
        ({"no_run": True, "create_bundle": "<run>"}, "'create_bundle' must name a path"),
        ({"daily_loss_stop": -1}, "'daily_loss_stop'"),
    ):
        with pytest.raises(ParameterError, match=told):
            train(BARS, **{**SMALL, **wrong})
    with pytest.raises(ParameterError, match="'data' must be the path"):
        train(3, **SMALL)


def test_settings_are_plain_values_and_their_texts_are_whole():
    settings = TrainSettings(contract="MES", params={"C": 1.0})
    assert TrainSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    for name, (text, _) in TrainSettings.described().items():
        assert text.endswith((".", ":", "...")) or ")" in text, name


def test_names_are_text_and_no_markup(tmp_path):
    path = tmp_path / "A[/b][red].csv"
    path.parent.mkdir()
    BARS.to_csv(path)
    console = Console(record=True, width=160, file=(tmp_path / "out").open("w"))
    found = train(path, **{**SMALL, "progress": console})
    console.print(found.report.tables())
    assert found.report.settings["data"] == str(path)
    assert "<b>" not in found._repr_html_()
