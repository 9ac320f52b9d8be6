"""Using a bundle from the command line, and looking at files."""

import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bundle import open_bundle, save
from ohlcvml.evaluation import Execution


@pytest.fixture
def bundle(trained, tmp_path, monkeypatch):
    """A copy of the bundle with records of its own, in which ``train`` has looked once."""
    shutil.copytree(trained.bundle, tmp_path / "bundle")
    shutil.copytree(trained.records, tmp_path / "records")
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "records"))
    return tmp_path / "bundle"


def test_predict_writes_a_signal_per_bar(run, bundle, files, tmp_path):
    result = run("predict", bundle, "--data", files.tail, "--output", tmp_path / "s.csv")
    assert result.code == 0
    signals = pd.read_csv(tmp_path / "s.csv", index_col=0, parse_dates=True)
    bars = files.bars.tail(1600)
    expected = open_bundle(bundle).predict_signal(bars)
    assert signals.index.equals(bars.index)
    np.testing.assert_allclose(signals, expected, rtol=1e-12)
    missing = int(signals["p_up"].isna().sum())
    sides = signals["side"].value_counts()
    assert f"1,600 bars: {missing:,} not answered" in result.out
    assert f"{sides.get(1, 0):,} long, {sides.get(-1, 0):,} short" in result.out


def test_predict_on_the_tail_is_the_tail_of_predict(run, bundle, files, tmp_path):
    for name in ("tail", "whole"):
        run("predict", bundle, "--data", getattr(files, name), "--output", tmp_path / f"{name}.csv")
    tail, whole = (pd.read_csv(tmp_path / f"{n}.csv", index_col=0) for n in ("tail", "whole"))
    known = tail.dropna()
    assert len(known) > 200
    np.testing.assert_allclose(known, whole.loc[known.index], rtol=1e-9)


@pytest.mark.parametrize(("name", "message"), [("coarse", "size"), ("no_close", "close")])
def test_predict_refuses_other_bars(run, bundle, files, tmp_path, name, message):
    result = run("predict", bundle, "--data", getattr(files, name), "--output", tmp_path / "s.csv")
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / "s.csv").exists()


def test_evaluating_a_bundle_again_is_no_new_look(run, bundle, files):
    for _ in range(2):
        result = run("evaluate", bundle, "--data", files.whole)
        assert result.code == 0
        assert "first look at this test set" in " ".join(result.out.split())


def test_evaluate_repeats_the_scores_of_training(run, bundle, files):
    result = run("evaluate", bundle, "--data", files.whole)
    scores = open_bundle(bundle).manifest["scores"]["test"]
    assert f"{scores['log_loss']:.4f}" in result.out
    assert f"{scores['auc']:.3f}" in result.out


def test_a_bundle_is_evaluated_as_it_was_trained(run, bundle, files):
    """With the capital and the limits of the run, kept in its manifest."""
    opened = open_bundle(bundle)
    assert opened.execution == Execution(capital=300_000.0, max_drawdown_stop=0.5)
    scores = opened.manifest["scores"]["test"]
    out = run("evaluate", bundle, "--data", files.whole).out
    assert f"{scores['net_return']:+.2%}" in out
    assert f"{scores['max_drawdown']:.2%}" in out
    assert len(repr(opened)) < 1500
    assert "max_drawdown_stop=0.5" in repr(opened)


def test_evaluate_refuses_other_prices(run, bundle, files, tmp_path):
    moved = files.bars.copy()
    moved.iloc[-100, :4] += 0.25
    moved.to_csv(tmp_path / "moved.csv")
    for path in (tmp_path / "moved.csv", files.short):
        result = run("evaluate", bundle, "--data", path)
        assert result.code == 1
        assert "does not hold the bundle's test set" in result.err


def test_looks_that_cannot_be_counted_are_told(run, bundle, files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "file" / "records"))
    result = run("evaluate", bundle, "--data", files.whole)
    assert result.code == 0
    assert "looks are not counted here" in result.out


def test_a_bundle_without_a_test_set_is_not_evaluated(run, bundle, files, tmp_path):
    model = open_bundle(bundle).model
    path = save(model, tmp_path / "bare", bars=files.bars)
    result = run("evaluate", path, "--data", files.whole)
    assert result.code == 1
    assert "does not say what its test set is" in result.err


def test_verify_finds_damage(run, bundle):
    sound = run("bundle", "verify", bundle)
    assert sound.code == 0
    assert "the same bits" in sound.out
    part = next(bundle.glob("part-*.txt"))
    part.write_text(part.read_text().replace("leaf_value=", "leaf_value=1", 1))
    damaged = run("bundle", "verify", bundle)
    assert damaged.code == 3
    assert part.name in damaged.out


def test_a_damaged_bundle_is_not_used(run, bundle, files, tmp_path):
    next(bundle.glob("part-*.txt")).unlink()
    result = run("predict", bundle, "--data", files.tail, "--output", tmp_path / "s.csv")
    assert result.code == 1
    assert "Traceback" not in result.err


@pytest.mark.parametrize("command", ["predict", "evaluate", "verify"])
def test_a_bundle_that_is_not_there(run, files, tmp_path, command):
    nowhere = tmp_path / "nowhere"
    arguments = {
        "predict": ["predict", nowhere, "--data", files.tail, "--output", tmp_path / "s.csv"],
        "evaluate": ["evaluate", nowhere, "--data", files.tail],
        "verify": ["bundle", "verify", nowhere],
    }[command]
    result = run(*arguments)
    assert result.code in (1, 3)
    assert "nowhere" in result.out + result.err


def test_bars_check(run, files, tmp_path):
    good = run("bars", "check", files.whole, "--contract", "ES")
    assert good.code == 0
    assert "2,500 bars (1 min)" in good.out
    bad = files.bars.copy()
    bad.iloc[700, 1] = bad.iloc[700, 2] - 5
    bad.to_csv(tmp_path / "bad.csv")
    found = run("bars", "check", tmp_path / "bad.csv")
    assert found.code == 3
    assert "error" in found.out


def test_the_module_runs(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "ohlcvml.cli", "bars", "check", str(tmp_path / "none.csv")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error:")
    assert "Traceback" not in done.stderr


def test_brackets_in_names_and_paths_are_printed_as_they_are(run, bundle, files, tmp_path):
    """``A[/b]`` is no end of a style, ``[red]`` no colour: neither fails, none is lost."""
    two = [files.bars.head(300).assign(symbol=name) for name in ("A[/b]", "[red]B")]
    two[1].iloc[5, 1] = 0.0
    pd.concat(two).to_csv(tmp_path / "two.csv")
    checked = run("bars", "check", tmp_path / "two.csv")
    assert checked.code == 3
    assert "[red]B 2" in checked.out
    place = tmp_path / "[red]x[" / "y]" / "z[/b].csv"
    place.parent.mkdir(parents=True)
    written = run("predict", bundle, "--data", files.tail, "--output", place)
    assert written.code == 0
    assert "[red]x[/y]/z[/b].csv" in written.out.replace("\n", "")
    missing = run("bundle", "verify", tmp_path / "no[/b]")
    assert missing.code == 3
    assert "no[/b]" in missing.out


@pytest.mark.parametrize("scale", [0, -1, "nan"])
def test_no_scale_is_taken_for_another(run, files, scale):
    result = run("bars", "check", files.whole, "--scale", scale)
    assert result.code == 1
    assert "'scale' must be" in result.err
