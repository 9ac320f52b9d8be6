"""LightGBMClassifier in cross-validation beside the bare library, and memory of 1M bars.

    python benchmarks/models.py [--bars 60000] [--rounds 200] [--threads 1] [--repeats 3] [--memory]

Both sides get the same float32 rows, weights, folds, parameters and threads, in turn in one
process; the figures are CPU seconds (user and system), the least of several runs. ``out_of_fold``
includes slicing the samples, weights anew for each fold, the memory of training intervals, the
guard against leakage, the mapping of classes and the signal. ``cross_validate`` adds features,
scores, backtests and baselines on top.
"""

import argparse
import time

import lightgbm
import numpy as np
from _memory import PeakMemory

from ohlcvml.bars import Costs, simulate_bars
from ohlcvml.evaluation import cross_validate
from ohlcvml.features import OHLCVFeatures
from ohlcvml.labels import TripleBarrierLabeller
from ohlcvml.models import LightGBMClassifier
from ohlcvml.pipeline import feature_memo, out_of_fold
from ohlcvml.samples import Samples
from ohlcvml.splits import PurgedKFold


def compare_cross_validation(n_bars, rounds, n_threads, repeats):
    bars = simulate_bars(n_bars, seed=0, edge=0.1).bars
    labels = TripleBarrierLabeller(horizon=20, costs=Costs(spread=0.5)).fit_transform(bars)
    features = OHLCVFeatures().fit_transform(bars)
    samples = Samples(bars, labels, features=features)
    samples = samples[~np.isnan(samples.last()).any(axis=1)]
    folds = list(PurgedKFold(n_splits=5, embargo=1440).split(samples))
    model = LightGBMClassifier(n_estimators=rounds, n_jobs=n_threads)
    rows = samples.last()
    codes = samples.y + 1
    params = model._booster_params(3)
    weights = [samples[train].weight for train, _ in folds]

    def bare():
        out = []
        for (train, test), weight in zip(folds, weights, strict=True):
            data = lightgbm.Dataset(rows[train], codes[train], weight=weight, params=params)
            booster = lightgbm.train(params, data, num_boost_round=rounds)
            out.append(booster.predict(rows[test], num_threads=n_threads))
        return out

    def loop():
        return out_of_fold(model, samples, folds)

    def whole():
        return cross_validate(
            OHLCVFeatures() * model, bars, labels, PurgedKFold(n_splits=5, embargo=1440)
        )

    same = np.array_equal(np.concatenate(bare()), loop().answer.probabilities)
    seconds = {"bare": [], "out_of_fold": [], "cross_validate": []}
    for _ in range(repeats):
        for name, run in (("bare", bare), ("out_of_fold", loop), ("cross_validate", whole)):
            feature_memo.clear()
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    least = {name: min(times) for name, times in seconds.items()}
    print(f"{n_bars:,} bars, {rows.shape[1]} columns, {rounds} rounds, {n_threads} thread(s)")
    print(f"parameters on both sides: {params}")
    print(f"same bits: {same}")
    for name, value in least.items():
        print(f"{name:15s} {value:8.3f} s  {value / least['bare']:.3f} x bare")


def measure_memory(n_bars=1_000_000):
    OHLCVFeatures().fit_transform(simulate_bars(2_000, seed=0).bars)  # compile first
    bars = simulate_bars(n_bars, seed=0).bars
    labels = TripleBarrierLabeller(horizon=20, costs=Costs(spread=0.5)).fit_transform(bars)
    with PeakMemory() as memory:
        features = OHLCVFeatures().fit_transform(bars)
    size = features.to_numpy().nbytes / 2**20
    print(f"features of {n_bars:,} bars x {features.shape[1]} columns: {size:.0f} MiB of output, ")
    print(f"  peak growth {memory.growth:.0f} MiB = {memory.growth / size:.2f} x output")
    with PeakMemory() as memory:
        samples = Samples(bars, labels, features=features)
        samples.last()
    print(f"samples with the shared float32 matrix and all rows gathered: {memory.growth:.0f} MiB")
    with PeakMemory() as memory:
        folds = [samples[train] for train, _ in PurgedKFold(5, embargo=1440).split(samples)]
    print(f"five folds as views: {memory.growth:.0f} MiB for {sum(map(len, folds)):,} rows")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="measure memory of 1M bars as well")
    arguments = parser.parse_args()
    compare_cross_validation(arguments.bars, arguments.rounds, arguments.threads, arguments.repeats)
    if arguments.memory:
        measure_memory()
