"""N-BEATS, N-HiTS and DLinear as forecasters of AirPassengers, beside those of neuralforecast.

    python benchmarks/model_forecasts.py [--seeds 3] [--cutoffs 3] [--units 256] [--share 1]

Monthly airline passengers 1949-1960, which ship with neuralforecast: 12 months ahead from the 24
before, trained on all but the last 12 months, then on 12 months less for each further cutoff: one
year alone says little, since seeds differ by a fifth and more.
Our networks are put in the place of neuralforecast's own inside its models, so windows, scaling,
loss, optimiser, steps and seeds are the same on both sides; so are stacks, blocks, layers and
units, the defaults of our classifiers. ``--share`` of 0.1 trains a tenth of the steps.

Our networks give a forecast of each channel by themselves: their embedding is the forecast, which
in a classifier the heads read. neuralforecast's N-BEATS and N-HiTS add theirs to the last value;
here ours are added to it too. Beside the mean absolute error stands that of repeating the year
before.
"""

import argparse
import logging
import statistics
import warnings
from typing import NamedTuple

import numpy as np

from ohlcvml.models.neural.networks import DLinearNetwork, NBEATSNetwork, NHITSNetwork

HORIZON, PAST = 12, 24
# The series has 97 windows to train on: a batch of 128, drawn with replacement, is about all.
COMMON = {
    "scaler_type": "standard",
    "num_lr_decays": 3,
    "learning_rate": 1e-3,
    "windows_batch_size": 128,
}
QUIET = {
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
    "accelerator": "cpu",
}


class Pair(NamedTuple):
    """Our network, and what makes neuralforecast's model of the same name its equal."""

    network: type
    n_layers: int  # of a block; 0 where there are neither
    theirs: dict
    replaced: tuple  # parts of neuralforecast's model that our network takes the place of
    from_last: bool  # whether forecasts are added to the last value
    steps: int


PAIRS = {
    "NBEATS": Pair(
        NBEATSNetwork,
        4,
        {
            "stack_types": ["trend", "seasonality"],
            "n_blocks": [3, 3],
            "n_harmonics": 1,
            "n_basis": 2,
            "shared_weights": True,
        },
        ("blocks",),
        True,
        500,
    ),
    "NHITS": Pair(
        NHITSNetwork,
        2,
        {"n_pool_kernel_size": [8, 4, 2], "n_freq_downsample": [8, 4, 2]},
        ("blocks",),
        True,
        500,
    ),
    "DLinear": Pair(
        DLinearNetwork, 0, {}, ("decomp", "linear_trend", "linear_season"), False, 2000
    ),
}


def make_pair(name, seed, share=1.0, hidden_size=256):
    """Our network inside neuralforecast's model, and that model as it is."""
    from neuralforecast import models

    pair, theirs = PAIRS[name], getattr(models, name)
    sizes = {"hidden_size": hidden_size, "n_layers": pair.n_layers} if pair.n_layers else {}

    class Ours(theirs):
        def __init__(self, **settings):
            super().__init__(**settings)
            for part in pair.replaced:
                delattr(self, part)
            self.network = pair.network(1, PAST, prediction_length=HORIZON, **sizes)

        def forward(self, windows_batch):
            past = windows_batch["insample_y"]
            forecast = self.network(past.transpose(1, 2)).unsqueeze(-1)
            return past[:, -1:] + forecast if pair.from_last else forecast

    settings = {**COMMON, **pair.theirs, **QUIET, "max_steps": max(1, round(pair.steps * share))}
    if pair.n_layers:  # its perceptron has a linear layer more than it has units listed
        settings["mlp_units"] = (pair.n_layers - 1) * [[hidden_size, hidden_size]]
    return tuple(
        cls(h=HORIZON, input_size=PAST, random_seed=seed, **settings) for cls in (Ours, theirs)
    )


def passengers():
    from neuralforecast.utils import AirPassengersDF

    return AirPassengersDF


def forecast(model, table, cutoff):
    """Forecast of the ``HORIZON`` months from ``cutoff`` on, trained on those before."""
    from neuralforecast import NeuralForecast

    runner = NeuralForecast(models=[model], freq="ME")
    runner.fit(table.iloc[:cutoff])
    return runner.predict().iloc[:, -1].to_numpy()


def errors(name, seeds, share=1.0, n_cutoffs=1, hidden_size=256):
    """Mean absolute errors, ours and neuralforecast's, one row a seed and cutoff."""
    table = passengers()
    truth, found = table["y"].to_numpy(), []
    for k in range(n_cutoffs):
        cutoff = len(table) - HORIZON * (k + 1)
        for seed in seeds:
            pair = [forecast(m, table, cutoff) for m in make_pair(name, seed, share, hidden_size)]
            found.append([np.abs(f - truth[cutoff : cutoff + HORIZON]).mean() for f in pair])
    return np.array(found)


def seasonal_naive(n_cutoffs=1):
    truth = passengers()["y"].to_numpy()
    last = np.abs(truth[HORIZON:] - truth[:-HORIZON])[-HORIZON * n_cutoffs :]
    return last.mean()


def main(n_seeds, share, n_cutoffs, units):
    print(
        f"{n_seeds} seeds, {n_cutoffs} cutoffs; repeating a year: {seasonal_naive(n_cutoffs):.2f}"
    )
    print("| network | parameters | ours | deviation | neuralforecast | deviation | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in PAIRS:
        sizes = [
            sum(p.numel() for p in model.parameters() if p.requires_grad)
            for model in make_pair(name, 0, hidden_size=units)
        ]
        ours, theirs = errors(name, range(1, n_seeds + 1), share, n_cutoffs, units).T
        print(
            f"| {name} | {sizes[0]:,} / {sizes[1]:,} "
            f"| {ours.mean():.2f} | {statistics.pstdev(ours):.2f} "
            f"| {theirs.mean():.2f} | {statistics.pstdev(theirs):.2f} "
            f"| {ours.mean() / theirs.mean():.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--units", type=int, default=256, help="of a hidden layer")
    parser.add_argument("--share", type=float, default=1.0, help="of the training steps")
    parser.add_argument("--cutoffs", type=int, default=3)
    arguments = parser.parse_args()

    import pytorch_lightning  # noqa: F401 - it sets the levels of its loggers when it is imported
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    main(arguments.seeds, arguments.share, arguments.cutoffs, arguments.units)
