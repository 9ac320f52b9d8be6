"""Runs, settings and models at the command line."""

import pandas as pd
import pytest
import yaml

from ohlcvml import __version__
from ohlcvml.cli._options import whole
from ohlcvml.factory import IN_RUN, TrainSettings
from tests.cli.conftest import TRAIN

QUICK = ["--model", "logistic", "--contract", "ES", "--n-splits", 2, "--embargo", 60,
         "--families", "returns,trend"]  # fmt: skip


def test_a_run_from_training_to_its_bundle(run, files, tmp_path):
    assert run("train", "--data", files.whole, *QUICK, "--create-bundle").code == 0
    folder = next((tmp_path / "records" / "runs").iterdir())
    assert (folder / "bundles" / "logistic_h20").is_dir()
    assert folder.name in run("runs", "list").out.replace("\n", "")
    shown = run("runs", "show", folder.name)
    assert "Walk-forward, logistic: mean of 2 folds" in shown.out
    assert "fold by fold" not in shown.out
    assert "fold by fold" in run("runs", "show", folder.name, "--verbose").out
    written = run("trades", folder.name, "--output", tmp_path / "t.csv")
    assert written.code == 0
    assert {"part", "entry_time", "exit_time", "exit", "net"} <= set(
        pd.read_csv(tmp_path / "t.csv")
    )
    made = run("runs", "bundle", folder.name, "--output", tmp_path / "b")
    assert made.code == 0, made.err
    assert run("bundle", "verify", tmp_path / "b").code == 0
    assert run("train", "--config", folder / "settings.yaml").code == 0
    assert run("runs", "compare", *sorted((tmp_path / "records" / "runs").iterdir())).code == 0
    assert run("runs", "show", "nowhere").code == 1


def test_a_bundle_that_stays_shut_is_looked_at_once(run, files, tmp_path):
    shut = run("train", "--data", files.whole, *QUICK, "--no-test", "--no-run",
               "--create-bundle", tmp_path / "b")  # fmt: skip
    assert shut.code == 0
    assert not (tmp_path / "records" / "runs").exists()
    assert "First look" not in shut.out
    assert (
        "first look at this test set" in run("evaluate", tmp_path / "b", "--data", files.whole).out
    )


def test_settings_are_shown_and_written(run, tmp_path):
    shown = run("train", "--data", "x.csv", *TRAIN, "--show-config")
    assert yaml.safe_load(shown.out)["horizon"] == 20
    assert run("new-config", tmp_path / "new.yaml").code == 0
    assert run("new-config", tmp_path / "new.yaml").code == 1
    told = TrainSettings.from_yaml(tmp_path / "new.yaml")
    assert told == TrainSettings()
    text = (tmp_path / "new.yaml").read_text()
    assert all(f"{name}:" in text for name in TrainSettings().to_dict())


def test_version_and_models(run):
    assert run("--version").out.strip() == f"ohlcvml {__version__}"
    told = run("models", "xgboost").out
    assert "XGBoostClassifier" in told
    assert "learning_rate=" in told
    assert run("models", "forest").code == 1


def test_help_says_defaults_and_every_setting(run):
    told = run("train", "--help").out
    for name in TrainSettings().to_dict():
        assert {"params": "--param"}.get(name, "--" + name.replace("_", "-"))[:20] in told
    assert "Default: 20." in told


def test_an_interrupt_is_one_line_and_code_130(run, files, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ohlcvml.factory._train.make_labeller", stop)
    stopped = run("train", "--data", files.whole, *QUICK)
    assert stopped.code == 130
    assert stopped.err.count("\n") == 1
    assert stopped.err.startswith("stopped:")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["train", "--create-bundle"], ["train", "--create-bundle", IN_RUN]),
        (["--create-bundle", "--plot", "p"], ["--create-bundle", IN_RUN, "--plot", "p"]),
        (["--create-bundle", "out"], ["--create-bundle", "out"]),
    ],
)
def test_a_bundle_without_a_path_goes_into_the_run(given, found):
    assert whole(given) == found
