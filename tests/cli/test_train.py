"""Training from a file: what it prints, what it refuses, settings from YAML."""

import shutil

import numpy as np
import pytest

from ohlcvml.bundle import open_bundle
from ohlcvml.exceptions import ParameterError
from ohlcvml.factory._parts import embargo_of
from tests.cli.conftest import TRAIN


def test_train_prints_every_table(trained):
    for title in (
        "Walk-forward, lightgbm, fold by fold",
        "the headline P&L",
        "Purged k-fold (two-sided)",
        "Untouched test set: the last rows in time",
        "First look at this test set",
        "it predicts the same bits on all 2,500 bars",
    ):
        assert title in trained.text
    for reason in ("warm up", "next session", "censored", "purged before test"):
        assert reason in trained.text


def test_every_bar_is_accounted_for(trained):
    """Used rows and the reasons of the others add up to the bars of the file."""
    lines = trained.text.splitlines()
    start = next(k for k, line in enumerate(lines) if "labelled rows used" in line)
    used = int(lines[start].split("bars;")[1].split()[0].replace(",", ""))
    reasons = {}
    for line in lines[start + 1 :]:
        count, _, reason = line.strip().partition("  ")
        if not count.replace(",", "").isdigit():
            break
        reasons[reason.strip()] = int(count.replace(",", ""))
    reasons.pop("train without history")  # among the used, but not learned from
    assert used + sum(reasons.values()) == 2500


def test_the_bundle_holds_what_was_asked(trained, files):
    bundle = open_bundle(trained.bundle)
    assert bundle.contract.symbol == "ES"
    assert bundle.labeller.horizon == 20
    assert bundle.model.steps[-1][1].n_estimators == 10
    settings = bundle.manifest["scores"]["settings"]
    assert settings["n_splits"] == 2
    assert not {"data", "create_bundle", "plot"} & set(settings)
    assert bundle.model.predict_proba(files.bars).shape == (2500, 3)


def test_yaml_is_read_and_overridden(run, files, tmp_path):
    config = tmp_path / "run.yml"
    config.write_text(
        f"data: {files.whole}\ncontract: ES\nmodel: logistic\nhorizon: 10\nn-splits: 2\n"
        "families: [returns, momentum]\n"
        f"embargo: 60\nexposure: null\nparams: {{C: 0.5}}\ncreate_bundle: {tmp_path / 'b'}\n"
    )
    result = run("train", "--config", config, "--horizon", 15)
    assert result.code == 0
    assert "Walk-forward, logistic" in result.out
    assert "equal" not in result.out
    bundle = open_bundle(tmp_path / "b")
    assert bundle.labeller.horizon == 15
    assert bundle.model.steps[-1][1].C == 0.5
    assert bundle.model.steps[0][1].families == ("returns", "momentum")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: x\nhorizon: ten\n", "'horizon' must be an integer of at least 1; got 'ten'"),
        ("data: 3\n", "'data' must be an instance of str; got 3"),
        ("data: x\nparams: [1]\n", "'params' must be an instance of dict; got [1]"),
        ("data: x\ncost_adjustment: null\n", "'cost_adjustment' must be one of 'net', 'shift'"),
        ("data: x\ntest-size: 0.95\n", "'test_size' must be a finite number in (0.0, 0.9]"),
        (
            "data: x\nhorizn: 3\nsplits: 2\n",
            "unknown key(s) horizn, splits. Known keys: ca",
        ),
        ("- 1\n- 2\n", "must hold keys and values; got list"),
        ("a: [1\n", "is not valid YAML"),
        ("model: logistic\n", "'data' must name a file of bars; got nothing"),
    ],
)
def test_yaml_errors(run, tmp_path, text, message):
    config = tmp_path / "run.yml"
    config.write_text(text)
    result = run("train", "--config", config)
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--param", "n_estimators"], "must look like name=value; got 'n_estimators'"),
        (["--param", "trees=5"], "of lightgbm must be one of class_weight, colsample_bytree"),
        (["--param", "n_estimators=ten"], "'n_estimators' must be an integer of at least 1"),
        (["--param", "n_estimators=[1"], "must have a value in YAML; got '[1'"),
        (["--model", "forest"], "or a YAML file with the keys model and params; got 'forest'"),
        (["--model", "sklearn"], "sklearn needs estimator, which has no default"),
        (["--model", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["--families", "returns,astrology"], "'families' must be a non-empty tuple or list"),
        (["--horizon", "0"], "'horizon' must be an integer of at least 1; got 0"),
        (["--test-size", "1.5"], "'test_size'"),
        (["--embargo", "soon"], "'embargo'"),
        (["--contract", "XYZ"], "XYZ"),
        (["--cost-adjustment", "half"], "'cost_adjustment'"),
        (["--n-splits", "40"], "has no training rows"),
        (["--policy", "ignore"], "'policy'"),
        (["--tz", "Mars/Base"], "Mars/Base"),
        (["--rule", "flip"], "'rule'"),
        (["--daily-loss-stop", "-1"], "'daily_loss_stop'"),
    ],
)
def test_bad_options_are_one_message(run, files, options, message):
    given = [o for k, o in enumerate(TRAIN) if "--param" not in TRAIN[max(k - 1, 0) : k + 1]]
    result = run("train", "--data", files.whole, *given, *options)
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("given", "bars"), [("60", 60), (60, 60), (0.1, 0.1), ("0.1", 0.1), ("1h", "1h"), (None, None)]
)
def test_embargo_from_text_and_from_yaml(given, bars):
    assert embargo_of(given) == bars
    assert type(embargo_of(given)) is type(bars)


def test_costs_must_be_known(run, files):
    result = run("train", "--data", files.whole)
    assert result.code == 1
    assert "costs are not known. Pass --contract" in result.err


def test_costs_by_hand_and_gross_labels(run, files, tmp_path):
    shared = ["--data", files.whole, "--model", "logistic", "--n-splits", 2, "--embargo", 60]
    shared = ["train", *shared, "--horizon", 15, "--families", "returns,trend,volume"]
    result = run(*shared, "--spread", 0.5, "--create-bundle", tmp_path / "b")
    assert result.code == 0
    assert open_bundle(tmp_path / "b").costs.spread == 0.5
    assert run(*shared, "--cost-adjustment", "none").code == 0


@pytest.mark.parametrize("name", ["no_close", "nowhere"])
def test_files_that_cannot_be_read(run, files, tmp_path, name):
    path = getattr(files, name, tmp_path / "nowhere.csv")
    result = run("train", "--data", path, *TRAIN)
    assert result.code == 1
    assert result.err.startswith("error:")
    assert "Traceback" not in result.err
    assert ("close" if name == "no_close" else "nowhere") in result.err


def test_debug_shows_the_traceback(run, files):
    for arguments in (["--debug", "train"], ["train", "--debug"]):
        with pytest.raises(ParameterError, match="costs are not known"):
            run(*arguments, "--data", files.whole)


def test_too_few_bars(run, files):
    result = run("train", "--data", files.short, *TRAIN)
    assert result.code == 1
    assert "Traceback" not in result.err


def test_a_bundle_is_not_overwritten_unasked(run, files, trained, tmp_path):
    target = tmp_path / "b"
    shutil.copytree(trained.bundle, target)
    shared = ["train", "--data", files.whole, *TRAIN, "--create-bundle", target]
    result = run(*shared)
    assert result.code == 1
    assert "overwrite" in result.err
    assert run(*shared, "--overwrite").code == 0


def test_wrong_usage_is_code_two(run):
    assert run("train", "--no-such-option").code == 2
    assert run("no-such-command").code == 2
    assert run("predict").code == 2


def test_volume_that_is_zero_throughout_is_no_volume(run, files, tmp_path):
    files.bars.assign(volume=0).to_csv(tmp_path / "quiet.csv")
    result = run(
        "train", "--data", tmp_path / "quiet.csv", *TRAIN, "--create-bundle", tmp_path / "b"
    )
    assert result.code == 0
    assert "volume is 0 in every bar: taken as unknown" in result.out
    names = open_bundle(tmp_path / "b").model.classifier_.feature_names_
    assert not [name for name in names if "volume" in name]


def test_the_picture_is_saved(run, files, tmp_path):
    pytest.importorskip("matplotlib")
    result = run("train", "--data", files.whole, *TRAIN, "--plot", tmp_path / "equity.png")
    assert result.code == 0
    assert (tmp_path / "equity.png").read_bytes().startswith(b"\x89PNG")


def test_demo_on_few_bars(run, tmp_path):
    result = run(
        "demo", "--n-bars", 3000, "--model", "logistic", "--plot", tmp_path / "demo.png",
        "--create-bundle", tmp_path / "b",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "3,000 simulated 1-minute bars with a planted edge" in result.out
    assert (tmp_path / "demo.png").exists()
    assert np.isfinite(open_bundle(tmp_path / "b").manifest["scores"]["test"]["log_loss"])


def test_real_minutes_of_es(run, shared_data, tmp_path):
    file = next((shared_data / "raw").glob("es_1m_quotrading_2025*.csv"))
    with file.open() as lines:
        head = [next(lines) for _ in range(6000)]
    (tmp_path / "es.csv").write_text("".join(head))
    result = run(
        "train", "--data", tmp_path / "es.csv", "--tz", "UTC", *TRAIN, "--policy", "report",
        "--create-bundle", tmp_path / "b",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "5,999 bars (1 min)" in result.out
    signals = tmp_path / "signals.csv"
    again = run("predict", tmp_path / "b", "--data", tmp_path / "es.csv", "--tz", "UTC",
                "--policy", "report", "--output", signals)  # fmt: skip
    assert again.code == 0, again.err
    assert len(signals.read_text().splitlines()) == 6000


@pytest.mark.parametrize(
    ("option", "place", "message"),
    [
        ("--plot", "no/such/folder.png", "there is no folder"),
        ("--plot", "picture.bogus", "format of pictures"),
        ("--plot", ".", "is a folder"),
        ("--create-bundle", "file/bundle", "cannot be written"),
        ("--create-bundle", ".", "exists"),
    ],
)
def test_places_are_checked_before_a_file_is_read(run, tmp_path, option, place, message):
    """A run that fails at its end has spent a look and printed nothing."""
    (tmp_path / "file").write_text("")
    result = run("train", "--data", tmp_path / "none.csv", *TRAIN, option, tmp_path / place)
    assert result.code == 1
    assert message in " ".join(result.err.split())
