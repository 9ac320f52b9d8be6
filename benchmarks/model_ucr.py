"""Accuracy of every network as a plain sktime classifier on data that ship with sktime.

    python benchmarks/model_ucr.py [--models ResNet1D,InceptionTime] [--epochs 200] [--seeds 3]
                                   [--device cpu] [--threads 1]

ItalyPowerDemand, GunPoint (UCR archive) and BasicMotions (UEA archive) with their own split into
training and test instances. Every network is trained in the same way, with its default size but
for the two convolutional ones, which have that of their paper; no test instance is looked at
before the last epoch, and nothing is chosen by them. Printed are the mean and the deviation over
seeds beside the published accuracy, where there is one:

InceptionTime: an ensemble of five networks, 1,500 epochs; results-InceptionTime-128.csv and
results-mts.csv beside the paper's code, https://github.com/hfawaz/InceptionTime (Fawaz et al.,
2020, Data Mining and Knowledge Discovery 34). Ours is one network.

ResNet: mean of ten networks, 1,500 epochs; results-uea-avg-std.csv beside the code of the review,
https://github.com/hfawaz/dl-4-tsc (Fawaz et al., 2019, Data Mining and Knowledge Discovery 33). It
has no BasicMotions; the figure there is InceptionTime's.
"""

import argparse
import statistics
import time

import numpy as np
from sktime.datasets import load_basic_motions, load_gunpoint, load_italy_power_demand
from sktime.utils.dependencies import _check_estimator_deps

from ohlcvml.registry import all_estimators

DATA = {
    "ItalyPowerDemand": load_italy_power_demand,
    "GunPoint": load_gunpoint,
    "BasicMotions": load_basic_motions,
}
PUBLISHED = {
    "InceptionTimeClassifier": {"ItalyPowerDemand": 0.965, "GunPoint": 1.0, "BasicMotions": 1.0},
    "ResNet1DClassifier": {"ItalyPowerDemand": 0.963, "GunPoint": 0.991, "BasicMotions": 1.0},
}
PAPER_SIZE = {
    "InceptionTimeClassifier": {"n_filters": 32},
    "ResNet1DClassifier": {"n_filters": (64, 128, 128)},
}
# Forty to 67 instances: small batches, so that an epoch has more than one step.
TRAINING = {"training__batch_size": 16, "training__learning_rate": 1e-3}


def networks():
    """Classes that are trained here by gradients, by name."""
    classes = dict(all_estimators("classifier"))
    return {
        name: cls
        for name, cls in classes.items()
        if "training" in cls.get_param_names()
        and not cls.get_class_tag("training_data_cutoff", "")
        and _check_estimator_deps(cls, severity="none")
    }


def accuracy(model, name, **params):
    """Share of test instances that a model gets right, trained on the training instances."""
    X, y = DATA[name](split="train", return_type="numpy3D")
    X_test, y_test = DATA[name](split="test", return_type="numpy3D")
    fitted = model.clone().set_params(**params).fit(X, y)
    return float(np.mean(fitted.predict(X_test) == y_test))


def compare(classes, n_seeds, params):
    print("| network | data | accuracy | deviation | published | seconds a fit |")
    print("|---|---|---|---|---|---|")
    for name, cls in classes.items():
        for data in DATA:
            if data == "BasicMotions" and not cls.get_class_tag("capability:multivariate"):
                print(f"| {name} | {data} | takes one channel |  |  |  |", flush=True)
                continue
            started = time.perf_counter()
            model = cls(**PAPER_SIZE.get(name, {}))
            found = [accuracy(model, data, **params, random_state=k) for k in range(n_seeds)]
            seconds = (time.perf_counter() - started) / n_seeds
            published = PUBLISHED.get(name, {}).get(data)
            print(
                f"| {name} | {data} | {statistics.mean(found):.3f} | {statistics.pstdev(found):.3f}"
                f" | {'' if published is None else f'{published:.3f}'} | {seconds:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default="", help="parts of names, separated by commas")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    import torch

    torch.set_num_threads(arguments.threads)
    wanted = [part.lower() for part in arguments.models.split(",")]
    chosen = {
        name: cls
        for name, cls in networks().items()
        if any(part in name.lower() for part in wanted)
    }
    print(f"{arguments.epochs} epochs, {arguments.seeds} seeds, {arguments.device}")
    options = {"training__max_epochs": arguments.epochs, "training__device": arguments.device}
    compare(chosen, arguments.seeds, {**TRAINING, **options})
