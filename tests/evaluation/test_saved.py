"""Results come back from a folder as they were, and a folder that was tampered with is told."""

import json
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from ohlcvml._folder import render_sums
from ohlcvml._saved import SavedResult, _Reader, _Writer
from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import Backtest, CrossValidation, Execution, cross_validate, evaluate
from ohlcvml.exceptions import DataError
from ohlcvml.features import ReturnFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LogisticClassifier
from ohlcvml.samples import Samples
from ohlcvml.splits import CombinatorialPurgedCV, PurgedHoldout, WalkForward

BARS = simulate_bars(1500, seed=9, edge=0.3, sessions=True).bars
LABELS = TripleBarrierLabeller(horizon=20, contract="ES", costs=Costs(2.0, 0.5)).fit_transform(BARS)
MODEL = ReturnFeatures(lags=(1, 5)) * LogisticClassifier()
EXECUTION = Execution(capital=1e5, funding=pd.Series([0.1], BARS.index[[900]]))
REGIME = pd.DataFrame({"calm": np.arange(1500) % 2 == 0, "kind": list("abc") * 500}, BARS.index)


@pytest.fixture(scope="module")
def forward():
    splitter = WalkForward(n_splits=2)
    return cross_validate(MODEL, BARS, LABELS, splitter, execution=EXECUTION, regime=REGIME)


def same(one, two):
    """Assert that two results hold the same, types and attributes included."""
    assert type(one) is type(two)
    if isinstance(one, SavedResult):
        for item in fields(one):
            if item.name not in ("_ledger", "loaded"):
                same(getattr(one, item.name), getattr(two, item.name))
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two, check_exact=True)
        assert one.attrs == two.attrs
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, two, check_exact=True)
    elif isinstance(one, dict):
        assert list(one) == list(two)
        for key, value in one.items():
            same(value, two[key])
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            same(a, b)
    elif isinstance(one, np.ndarray):
        assert one.dtype == two.dtype
        assert np.array_equal(one, two)
    else:
        assert one == two or (np.isnan(one) and np.isnan(two))


@pytest.mark.parametrize("name", ["result", "result.zip"])
def test_a_cross_validation_comes_back_as_it_was(forward, tmp_path, name):
    path = forward.save(tmp_path / name)
    again = CrossValidation.load(path)
    same(forward, again)
    pd.testing.assert_frame_equal(again.backtest.decisions, forward.backtest.decisions)
    assert again.backtest.pnl.index is again.backtest.costs.index  # stored once
    assert repr(again) == repr(forward)


def test_the_other_results_come_back_too(forward, tmp_path):
    same(forward.backtest, Backtest.load(forward.backtest.save(tmp_path / "backtest")))
    samples = Samples(BARS, LABELS)
    parts = PurgedHoldout(validation=0.0, test=0.3).parts(samples)
    result = evaluate(MODEL.clone().fit(samples[parts.train]), samples[parts.test])
    same(result, type(result).load(result.save(tmp_path / "evaluation")))
    paths = CombinatorialPurgedCV(4, n_test_groups=2, embargo=20)
    combined = cross_validate(MODEL, BARS, LABELS, paths)
    same(combined, CrossValidation.load(combined.save(tmp_path / "combined")))


def test_saving_twice_gives_the_same_bytes_and_replaces_only_a_result(forward, tmp_path):
    run = forward.backtest
    path = run.save(tmp_path / "result")
    first = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(DataError, match="exists"):
        run.save(path)
    run.save(path, overwrite=True)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == first
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="not a saved result"):
        run.save(tmp_path / "other", overwrite=True)


UTC = pd.date_range("2025-01-01", periods=3, freq="h", tz="UTC", unit="ns")
TABLES = [
    pd.Series([1, 2, 3], index=UTC, dtype="int8", name=None),
    pd.Series([1.5, np.nan, -np.inf], index=UTC.tz_convert("America/New_York"), name="x"),
    pd.Series(["a", None, "c"], dtype="str"),
    pd.Series([1, "a", None], dtype=object),
    pd.Series(pd.Categorical(["b", "a", None], categories=["c", "b", "a"], ordered=True)),
    pd.Series(pd.Categorical([2, 1, 2])),
    pd.Series(pd.DatetimeIndex(["2025-01-01", None, "2025-01-03"]).as_unit("s")),
    pd.Series(pd.to_timedelta([1, None, 3], unit="min")),
    pd.Series(
        [True, False, True], index=pd.MultiIndex.from_product([["a"], UTC], names=["s", "t"])
    ),
    pd.DataFrame({"a": [1.0], 7: [2]}, index=pd.Index(["row"], name="r")),
    pd.DataFrame({"x": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("v", True), ("k", "b")])),
    pd.DataFrame({"x": pd.Series(dtype="float32")}, index=UTC[:0]),
    pd.DataFrame({"x": [1, 2, 3]}, index=pd.RangeIndex(0, 6, 2, name="fold")),
]


@pytest.mark.parametrize("table", TABLES, ids=range(len(TABLES)))
def test_every_kind_of_table_comes_back_exactly(table):
    table = table.copy()
    table.attrs = {"embargo": None, "purge": 60, "share": np.float64(0.5), "names": ["a"]}
    writer = _Writer()
    text = json.dumps(writer.encode(table, "table"), allow_nan=False)
    again = _Reader(writer.files).decode(json.loads(text))
    same(table, again)


def test_what_has_no_form_is_refused(forward, tmp_path):
    from dataclasses import replace

    for odd in (object(), pd.Series([{1}]), pd.Series(pd.array([1, None], dtype="Int64"))):
        with pytest.raises(DataError, match="save:"):
            replace(forward, unused={"x": odd}).save(tmp_path / "odd")
        assert list(tmp_path.iterdir()) == []


def tampered(path, change):
    """Change the JSON of a saved result and make its sums fit again."""
    content = json.loads((path / "result.json").read_text())
    change(content)
    (path / "result.json").write_text(json.dumps(content))
    sums = {f.name: f.read_bytes() for f in path.iterdir() if f.name != "SHA256SUMS"}
    (path / "SHA256SUMS").write_bytes(render_sums(sums))


def pnl(content):
    return content["fields"]["pnl"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format="other"),
        lambda c: c.update(schema_version=2),
        lambda c: c.update(kind="Evaluation"),
        lambda c: c["fields"].pop("pnl"),
        lambda c: c["fields"].update(more=1),
        lambda c: c["fields"].update(pnl=3),
        lambda c: c["fields"].update(notes=[1]),
        lambda c: c["fields"].update(scores={"is": "dict", "items": [["a", "b"]]}),
        lambda c: c["fields"].update(currency={"is": "eval", "value": "1"}),
        lambda c: c["fields"]["execution"].update(kind="Popen"),
        lambda c: c["fields"]["execution"].update(fields={"is": "dict", "items": [["rule", "x"]]}),
        lambda c: pnl(c).update(file="../secret.parquet"),
        lambda c: pnl(c).update(file="costs.parquet"),
        lambda c: pnl(c).update(rows=2),
        lambda c: pnl(c)["columns"][0].update(dtype="|O"),
        lambda c: pnl(c)["columns"][0].update(kind="pickle"),
        lambda c: pnl(c)["index"].update(levels=[]),
        lambda c: pnl(c).update(index={"names": [None], "range": [0, 10**12, 1], "file": None}),
    ],
)
def test_a_tampered_folder_is_a_typed_error(forward, tmp_path, change):
    path = forward.backtest.save(tmp_path / "result")
    tampered(path, change)
    with pytest.raises(DataError):
        Backtest.load(path)


def test_a_damaged_or_foreign_folder_is_a_typed_error(forward, tmp_path):
    path = forward.backtest.save(tmp_path / "result")
    with pytest.raises(DataError, match="holds a 'Backtest', not a CrossValidation"):
        CrossValidation.load(path)
    with pytest.raises(DataError, match="there is no saved result"):
        Backtest.load(tmp_path / "nowhere")
    (path / "extra.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"extra.parquet is not listed"):
        Backtest.load(path)
    tampered(path, lambda _: None)
    with pytest.raises(DataError, match=r"does not use: \['extra.parquet'\]"):
        Backtest.load(path)
    (path / "extra.parquet").unlink()
    raw = (path / "pnl.parquet").read_bytes()
    (path / "pnl.parquet").write_bytes(raw[:-40])
    with pytest.raises(DataError, match=r"pnl.parquet was changed"):
        Backtest.load(path)
    tampered(path, lambda _: None)
    with pytest.raises(DataError, match="not a Backtest as ohlcvml writes it"):
        Backtest.load(path)
    (path / "pnl.parquet").unlink()
    (path / "pnl.parquet").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match="not a plain file"):
        Backtest.load(path)
