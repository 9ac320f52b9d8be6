"""A planted edge and pure noise: what every classifier makes of 2,000 labelled rows.

    python benchmarks/model_edge.py [--models LSTM,TCN] [--seeds 10] [--rows 2000] [--epochs 20]
                                    [--device cpu] [--threads 1]

Each model has its default parameters, but a window of 32 bars (64 for models of price paths, which
are calibrated); it is trained on one stretch of a simulation and scored on the stretch that
follows: see ``ohlcvml.testing.edge_table``. ``edge`` and ``noise`` are the mean AUC of up against
down over the seeds, ``oracle`` that of the exact filter on the same rows, ``errors`` the distance
of ``noise`` from one half in standard errors of the mean: within three, nothing was found.
Pretrained models are run where their weights are at hand.
"""

import argparse
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sktime.utils.dependencies import _check_estimator_deps

from ohlcvml.models import SklearnClassifier
from ohlcvml.pipeline import BarPipeline
from ohlcvml.registry import all_estimators
from ohlcvml.testing import edge_table

PARAMS = {"window": 32, "calibrate": True, "n_paths": 1024}
PATH_WINDOW = 64


def classifiers():
    return {
        name: cls
        for name, cls in all_estimators("classifier")
        if not issubclass(cls, BarPipeline) and _check_estimator_deps(cls, severity="none")
    }


def default_model(cls, params):
    """Defaults, and a forest for the adapter, which has none."""
    if cls is SklearnClassifier:
        model = cls(RandomForestClassifier(200, min_samples_leaf=50, random_state=0))
    else:
        model = cls()
    if cls.get_class_tag("representation") == "path":
        params = {**params, "window": max(params["window"], PATH_WINDOW)}
    known = model.get_params(deep=True)
    return model.set_params(**{name: value for name, value in params.items() if name in known})


def compare(classes, seeds, n_rows, params):
    print("| model | edge | deviation | oracle | noise | deviation | errors | seconds a fit |")
    print("|---|---|---|---|---|---|---|---|")
    for name, cls in classes.items():
        started = time.perf_counter()
        try:
            model = default_model(cls, params)
            edge = edge_table(model, edge=0.3, seeds=seeds, n_train=n_rows, n_test=n_rows)
            noise = edge_table(model, edge=0.0, seeds=seeds, n_train=n_rows, n_test=n_rows)
        except OSError as error:  # weights that are neither here nor can be fetched
            print(f"| {name} | weights not available here: {type(error).__name__} |")
            continue
        seconds = (time.perf_counter() - started) / (2 * len(seeds))
        error = np.sqrt((noise["standard_error"] ** 2).mean() / len(seeds))
        print(
            f"| {name} | {edge['auc'].mean():.3f} | {edge['auc'].std():.3f}"
            f" | {edge['oracle'].mean():.3f} | {noise['auc'].mean():.3f}"
            f" | {noise['auc'].std():.3f} | {(noise['auc'].mean() - 0.5) / error:+.1f}"
            f" | {seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="", help="parts of names, separated by commas")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    try:
        import torch

        torch.set_num_threads(arguments.threads)
    except ImportError:
        pass
    wanted = [part.lower() for part in arguments.models.split(",")]
    chosen = {
        name: cls
        for name, cls in classifiers().items()
        if any(part in name.lower() for part in wanted)
    }
    seeds = tuple(range(1000, 1000 + arguments.seeds))
    print(f"{arguments.rows} rows to train on and to test on, {len(seeds)} seeds")
    options = {"training__max_epochs": arguments.epochs, "training__device": arguments.device}
    compare(chosen, seeds, arguments.rows, {**PARAMS, **options})
