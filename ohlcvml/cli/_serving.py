"""Using a bundle on a file: predicting, and scoring on its untouched test set."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ohlcvml.bundle import open_bundle
from ohlcvml.evaluation import Evaluation, count_look, rows_fingerprint
from ohlcvml.evaluation import evaluate as evaluate_model
from ohlcvml.exceptions import BundleError
from ohlcvml.factory import read_data
from ohlcvml.samples import Samples


def predict_file(
    path: Path, data: str, tz: str | None, scale: float, symbol: str | None, policy: str
) -> tuple[pd.DataFrame, int]:
    """Signal per bar of a file, and the number of bars a row needs before it."""
    bundle = open_bundle(path)
    name = bundle.contract.symbol if bundle.contract is not None else None
    bars, _, _ = read_data(data, tz=tz, scale=scale, symbol=symbol, contract=name, policy=policy)
    return bundle.predict_signal(bars), bundle.lookback


def evaluate_bundle(
    path: Path, data: str, tz: str | None, scale: float, symbol: str | None, policy: str
) -> tuple[Evaluation, int | None]:
    """Score a bundle on the rows that ``train`` kept out, and count the look."""
    bundle = open_bundle(path)
    scores = bundle.manifest.get("scores") or {}
    rows = scores.get("test_rows")
    if rows is None or bundle.labeller is None:
        raise BundleError(
            f"evaluate: {path} does not say what its test set is. Write bundles with "
            "`ohlcvml train --create-bundle`."
        )
    name = bundle.contract.symbol if bundle.contract is not None else None
    bars, _, _ = read_data(data, tz=tz, scale=scale, symbol=symbol, contract=name, policy=policy)
    bars = bundle.check_bars(bars)
    samples = Samples(bars, bundle.labeller.clone().fit_transform(bars))
    inside = (samples.index >= pd.Timestamp(rows["first"])) & (
        samples.index <= pd.Timestamp(rows["last"])
    )
    test = samples[inside]
    if len(test) != rows["rows"] or rows_fingerprint(test) != rows["fingerprint"]:
        raise BundleError(
            f"evaluate: {data} does not hold the bundle's test set: {len(test)} of its "
            f"{rows['rows']} rows from {rows['first']} to {rows['last']}, or other prices. Pass "
            "the file the bundle was trained on, with the same --tz, --scale and --symbol."
        )
    result = evaluate_model(bundle.model, test, execution=bundle.execution)
    return result, count_look(test, bundle.model, contract=bundle.contract)
