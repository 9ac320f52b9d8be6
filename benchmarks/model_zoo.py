"""Every model of the zoo on real bars: the same folds, features, costs and limits for all.

    python benchmarks/model_zoo.py --data DIR --results FILE [--instruments es] [--models lstm ...]
    python benchmarks/model_zoo.py --results FILE --render benchmarks/model_zoo.md

One JSON line per model and instrument goes to ``--results``; what is there is not run again, so a
broken run goes on. DIR holds ``es_1m_quotrading_2025.parquet`` and
``xauusd_1m_histdata_2018.parquet`` (columns ts, open, high, low, close, volume).

Models have their shipped configuration. A fold trains on its latest ``--labels`` labels at most and
is tested on the ``--test`` rows that follow; ``--seconds`` limit a model on an instrument, training
and prediction of all folds. What a network of that size can do in that time is judged before
training, from a small fit and a small prediction: first fewer epochs are taken (not below 3), then
fewer labels. The table prints both. A model that needs other limits can be run again with its own
``--seconds`` and ``--threads``: its last row counts, and the page says so.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from pathlib import Path

import numpy as np
import pandas as pd

from ohlcvml.bars import Costs, contract, default_costs, resample
from ohlcvml.evaluation import Execution, buy_and_hold, cross_validate
from ohlcvml.features import (
    EfficiencyFeatures,
    MomentumFeatures,
    RangeVolatilityFeatures,
    ReturnFeatures,
    TrendFeatures,
)
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import make_model
from ohlcvml.models.configs._configs import model_classes
from ohlcvml.pipeline import BarPipeline
from ohlcvml.samples import Samples
from ohlcvml.splits import WalkForward

FOLDS, HORIZON, LEAST_EPOCHS, LEAST_LABELS, PROBE = 3, 20, 3, 60, 96
# Neither price levels nor volume, which spot gold has none of: 12 columns.
FEATURES = (
    ReturnFeatures(lags=(1, 5, 20, 60))
    + TrendFeatures(sma_windows=(50,), ema_windows=(10,))
    + MomentumFeatures(rsi_windows=(14,), macd=(12, 26, 9))
    + EfficiencyFeatures(efficiency_windows=(30,), choppiness_windows=(14,))
    + RangeVolatilityFeatures(windows=(30,), yang_zhang=(20, 240))
)


class Capped:
    """Walk-forward with training cut to its latest rows and tests to their first ones."""

    two_sided = False

    def __init__(self, labels: int, test: int) -> None:
        self._cv, self._labels, self._test = WalkForward(n_splits=FOLDS), labels, test

    def split(self, X, y=None, groups=None):
        for train, test in self._cv.split(X, y, groups):
            yield train[-self._labels :], test[: self._test]


def read(folder: Path, instrument: str):
    """Bars, contract and costs."""
    name = {"es": "es_1m_quotrading_2025", "xauusd": "xauusd_1m_histdata_2018"}[instrument]
    table = pd.read_parquet(folder / f"{name}.parquet")
    bars = table.set_index(pd.DatetimeIndex(table.pop("ts"), name="time").as_unit("ns"))
    bars = bars.astype("float64")
    if instrument == "es":
        return resample(bars, "5min"), contract("ES"), default_costs("ES")
    return bars.assign(volume=np.nan), None, Costs(spread=0.3)


def limits(model, chain, samples, args) -> dict[str, int]:
    """Labels, and of a network the epochs it may take and its trained values."""
    if not hasattr(model, "training"):
        return {"labels": args.labels}
    train, test = next(iter(Capped(args.labels, args.test).split(samples)))
    probe = chain.clone().set_params(**{f"{chain.steps[-1][0]}__training__max_epochs": 1})

    def seconds(do, rows) -> float:
        started = time.perf_counter()
        do(samples[rows])
        return time.perf_counter() - started

    seconds(probe.fit, train[-PROBE // 4 :])  # the first call of all loads and compiles
    # A few labels cost more than their share: stretches of bars around them, and what a fit begins
    # with. So two sizes, unless the smaller one takes long.
    few = seconds(probe.fit, train[-PROBE:])
    per_label = few / PROBE
    if few < args.seconds / 60:
        per_label = max(seconds(probe.fit, train[-5 * PROBE :]) - few, 0.1 * few) / (4 * PROBE)
    per_row = seconds(probe.predict_proba, test[:PROBE]) / PROBE
    network = getattr(probe.classifier_, "network_", None)
    size = {} if network is None else {"parameters": sum(p.numel() for p in network.parameters())}
    budget = max(args.seconds / FOLDS - per_row * args.test, 0.1 * args.seconds / FOLDS)
    epochs = min(model.training.max_epochs, int(budget / (per_label * args.labels)))
    if epochs >= LEAST_EPOCHS:
        return {"labels": args.labels, "epochs": epochs, **size}
    labels = int(budget / (per_label * LEAST_EPOCHS))
    return {"labels": max(LEAST_LABELS, min(args.labels, labels)), "epochs": LEAST_EPOCHS, **size}


def judge(name: str, bars, labels, args) -> dict:
    """The row of a model."""
    cls = model_classes()[name]
    if cls.get_class_tag("model_family") == "foundation":
        return {"note": "weights not available here"}
    model = make_model(name)
    alone = model.get_tag("representation") == "path"
    chain = BarPipeline([("model", model)]) if alone else FEATURES * model
    described = bars if alone else FEATURES.fit_transform(bars)
    inner = BarPipeline([("model", model)])
    samples = Samples(bars, labels, features=described)
    taken = limits(model, inner, samples, args)
    if "epochs" in taken:
        where = f"{chain.steps[-1][0]}__training__max_epochs"
        chain = chain.set_params(**{where: taken["epochs"]})
    cv = Capped(taken["labels"], args.test)
    result = cross_validate(chain, bars, labels, cv)
    folds = result.folds
    return {
        **taken,
        "folds": json.loads(folds.select_dtypes("number").to_json(orient="records")),
        "baselines": json.loads(result.baselines.to_json(orient="index")),
        "backtest": None if result.backtest is None else _plain(result.backtest.scores),
    }


def _plain(scores) -> dict:
    numbers = {k: v for k, v in dict(scores).items() if isinstance(v, (int, float, np.number))}
    return {k: float(v) for k, v in numbers.items()}


def run(args) -> None:
    done = {(row["instrument"], row["model"]) for row in rows(args.results)}
    if args.again:
        done -= {(instrument, name) for instrument in args.instruments for name in args.models}
    for instrument in args.instruments:
        bars, traded, costs = read(Path(args.data), instrument)
        bars = bars.iloc[-args.bars :] if args.bars else bars
        labeller = TripleBarrierLabeller(horizon=HORIZON, contract=traded, costs=costs)
        labels = labeller.fit_transform(bars)
        held = buy_and_hold(bars, execution=Execution(contract=traded, costs=costs))
        write(args.results, {"instrument": instrument, "model": "-", "bars": len(bars),
                             "first": str(bars.index[0]), "last": str(bars.index[-1]),
                             "labels": len(labels), "seconds": args.seconds, "test": args.test,
                             "cap": args.labels, "held": _plain(held.scores)})  # fmt: skip
        for name in args.models or sorted(set(model_classes()) - {"sklearn"}):
            if (instrument, name) in done:
                continue
            started = time.perf_counter()
            try:
                row = judge(name, bars, labels, args)
            except Exception as error:  # a broken model is a row of the table, too
                traceback.print_exc()
                row = {"error": f"{type(error).__name__}: {error}"}
            row |= {"instrument": instrument, "model": name, "seconds": args.seconds,
                    "threads": args.threads,
                    "wall_s": round(time.perf_counter() - started, 1)}  # fmt: skip
            write(args.results, row)
            print(
                instrument, name, row["wall_s"], row.get("error", row.get("note", "")), flush=True
            )


def rows(path: str) -> list[dict]:
    """Rows so far."""
    file = Path(path)
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def write(path: str, row: dict) -> None:
    """Append a row."""
    with Path(path).open("a") as file:
        file.write(json.dumps(row) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=".")
    parser.add_argument("--results", required=True)
    parser.add_argument("--instruments", nargs="+", default=["es", "xauusd"])
    parser.add_argument("--models", nargs="*")
    parser.add_argument("--again", action="store_true", help="run --models whose rows are there")
    parser.add_argument("--labels", type=int, default=4000)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bars", type=int, help="use the last bars only, to try the script")
    parser.add_argument("--render", help="write the table of --results to this file and stop")
    args = parser.parse_args()
    if args.render:
        from _zoo_table import render

        Path(args.render).write_text(render(rows(args.results)))
        return
    import torch

    torch.set_num_threads(args.threads)
    run(args)


if __name__ == "__main__":
    main()
