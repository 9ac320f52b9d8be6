"""Looks at a test set: what counts together, what does not, and what survives."""

import hashlib
import json
import multiprocessing
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ohlcvml.bars import simulate_bars
from ohlcvml.evaluation import count_look, data_folder
from ohlcvml.exceptions import OhlcvmlWarning, ParameterError
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier, LogisticClassifier
from ohlcvml.samples import Samples

BARS = simulate_bars(6000, seed=9, sessions=True).bars
LOGISTIC, BOOSTING = LogisticClassifier(), LightGBMClassifier()


def held_out(share=0.15, bars=BARS, **parameters):
    labeller = TripleBarrierLabeller(horizon=20, cost_adjustment=None, **parameters)
    samples = Samples(bars, labeller.fit_transform(bars))
    return samples[int(len(samples) * (1 - share)) :]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "records"))
    return tmp_path / "records"


def test_other_barriers_or_another_share_make_no_new_test_set(home):
    assert count_look(held_out(), LOGISTIC, contract="ES") == 1
    assert count_look(held_out(k_up=1.6), LOGISTIC, contract="ES") == 2
    assert count_look(held_out(0.16), LOGISTIC, contract="ES") == 3
    assert count_look(held_out(), LogisticClassifier(C=2.0), contract="ES") == 4
    assert data_folder() == home


@pytest.mark.parametrize("name", ["OHLCVML_HOME", "XDG_DATA_HOME"])
def test_an_account_without_a_home_may_name_the_folder(name, tmp_path, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("OHLCVML_HOME", raising=False)
    monkeypatch.setenv(name, str(tmp_path))
    assert data_folder().is_relative_to(tmp_path)


def test_an_identical_configuration_is_no_new_look(home):
    for _ in range(2):
        assert count_look(held_out(), LOGISTIC, contract="ES") == 1
    fitted = LogisticClassifier().fit(held_out(0.5)[:1000])
    assert count_look(held_out(), fitted, contract="ES") == 2  # trained on something else
    assert count_look(held_out(), fitted.clone(), contract="ES") == 2  # the first again


def test_spans_that_do_not_meet_are_other_test_sets(home):
    test = held_out(0.5)
    first = test[:1000]
    after = test[test.index > first.end.max()]
    assert count_look(first, LOGISTIC, contract="ES") == 1
    assert count_look(after, LOGISTIC, contract="ES") == 1
    touching = test[test.index >= first.end.max()]
    assert count_look(touching, LOGISTIC, contract="ES") == 3


def test_the_market_is_the_contract_or_the_last_closes(home):
    assert count_look(held_out(), LOGISTIC, contract="ES") == 1
    assert count_look(held_out(), BOOSTING, contract="NQ") == 1  # the names differ
    assert count_look(held_out(), LogisticClassifier(C=3.0)) == 3  # no name: the same closes
    days = BARS.index.normalize().nunique()
    assert days >= 5
    shifted = BARS.copy()
    shifted.iloc[:, :4] += 0.25  # a tick of rounding is the same market
    assert count_look(held_out(bars=shifted), BOOSTING) == 4
    other = simulate_bars(6000, seed=10, sessions=True).bars
    assert count_look(held_out(bars=other), LOGISTIC) == 1


def test_a_longer_file_of_the_same_market_is_the_same_market(home):
    """The last day was cut short, so one last close differs."""
    longer = simulate_bars(20_000, seed=9, sessions=True).bars
    short = longer.iloc[:18_000]
    assert longer.iloc[:6000].equals(BARS)
    assert count_look(held_out(bars=short), LOGISTIC) == 1
    assert count_look(held_out(0.3, bars=longer), LOGISTIC) == 2


def test_several_symbols_are_markets_by_name(home):
    bars = simulate_bars(1500, seed=9, n_symbols=2).bars
    assert count_look(held_out(bars=bars), LOGISTIC) == 1
    one = bars.xs("SIM1")
    assert count_look(held_out(bars=one), LOGISTIC) == 2
    assert count_look(held_out(bars=bars), BOOSTING) == 3


def look(number):
    return count_look(held_out(), LogisticClassifier(C=float(number)), contract="ES")


def test_two_processes_lose_no_look(home):
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in methods else "spawn")
    with context.Pool(2) as pool:
        counts = pool.map(look, range(1, 13), chunksize=1)
    assert sorted(counts) == list(range(1, 13))


# ---- what earlier versions wrote
def old_fingerprint(samples):
    first, last = samples.pos.min(), samples.end_pos.max()
    hashed = hashlib.sha256(samples.bars.index[first : last + 1].as_unit("ns").asi8.tobytes())
    hashed.update(np.ascontiguousarray(samples.bars["close"].to_numpy()[first : last + 1]))
    return hashed.hexdigest()


def test_the_old_file_is_taken_over_once(home):
    test = held_out()
    home.mkdir()
    entry = json.dumps({"rows": old_fingerprint(test), "model": "lightgbm", "at": "2026-01-01"})
    (home / "looks.jsonl").write_text(f'not json\n{entry}\n{entry}\n{{"rows": "others"}}\n[1]\n\n')
    assert count_look(test, LOGISTIC) == 3
    (home / "looks.jsonl").write_text(entry * 50)
    assert count_look(test, BOOSTING) == 4
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        assert ledger.execute("SELECT lines FROM imported").fetchall() == [(3,)]


def test_a_folder_that_cannot_be_written_counts_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("OHLCVML_HOME", str(tmp_path / "file" / "records"))
    assert count_look(held_out(), LOGISTIC) is None


def test_a_damaged_ledger_is_told_and_loses_no_result(home):
    home.mkdir()
    (home / "ledger.sqlite").write_bytes(b"no data base" * 100)
    with pytest.warns(OhlcvmlWarning, match="nothing was recorded in .*Move the file away"):
        assert count_look(held_out(), LOGISTIC) is None


def test_a_pipeline_that_cannot_be_told_apart_is_a_new_look_each_time(home):
    from sklearn.preprocessing import FunctionTransformer

    model = FunctionTransformer(lambda x: x) * LogisticClassifier()
    assert [count_look(held_out(), model), count_look(held_out(), model)] == [1, 2]


def test_the_ledger_stays_small(home):
    index = pd.date_range("2000-01-03", periods=6000, freq="1D", tz="UTC", name="time")
    price = 1000.0 + np.random.default_rng(0).integers(-4, 5, 6000).cumsum() / 4
    table = dict.fromkeys(("open", "high", "low", "close"), price) | {"volume": 1.0}
    count_look(held_out(bars=pd.DataFrame(table, index)), LOGISTIC)
    assert (home / "ledger.sqlite").stat().st_size < 60_000


@pytest.mark.parametrize(
    "change",
    [
        "days = 'text'", "days = x'0102'", "days = NULL", "days = substr(days, 1, 4)",
        "days = closes", "closes = x'01'", "tick = 'text'", "first = 'text'", "last = NULL",
        "market = x'ff'",
    ],
)  # fmt: skip
def test_a_damaged_record_is_told_and_loses_no_result(home, change):
    """No result is lost, and no look is counted as if the record were not there."""
    test = held_out()
    assert count_look(test, LOGISTIC) == 1
    ledger = sqlite3.connect(home / "ledger.sqlite")
    with ledger:
        ledger.execute(f"UPDATE looks SET {change}")
    ledger.close()
    with pytest.warns(OhlcvmlWarning, match="nothing was recorded in .* damaged"):
        assert count_look(test, BOOSTING) is None


def test_an_account_without_any_folder_counts_nothing(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    for name in ("OHLCVML_HOME", "XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ParameterError, match="set the environment variable OHLCVML_HOME"):
        data_folder()
    assert count_look(held_out(), LOGISTIC) is None
