"""A training step of the LSTM beside those of neuralforecast and darts.

    python benchmarks/lstm_step.py [--steps 5] [--rounds 5] [--peers neuralforecast darts]

The same for all: one series with 8 columns, windows of 128, 2 layers of 64 units, batches of 256
windows, Adam, no dropout, one thread, CPU. Ours learns three classes from the newest bar, the
peers the next value. A step is the time of twice as many steps less that of once as many, over
their number, so that what a fit costs at its start does not count. Sides take turns, each in a
process of its own: half of a peer's step is the system clearing pages that the C library gave
back, and a process in which ours has trained before has fewer of them. Medians over rounds of
three fits each.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import subprocess
import sys
import time
import warnings

import numpy as np
import pandas as pd
import torch

from ohlcvml.models import LSTMClassifier, TrainingOptions
from ohlcvml.samples import BarPanel

WINDOW, BATCH, HIDDEN, LAYERS, COLUMNS = 128, 256, 64, 2, 8


def ours(values, steps):
    """Seconds of a fit with so many steps."""
    panel = BarPanel(values, np.arange(WINDOW - 1, WINDOW - 1 + steps * BATCH), WINDOW)
    y = np.random.default_rng(0).integers(-1, 2, len(panel))
    options = TrainingOptions(max_epochs=1, batch_size=BATCH, progress=False)
    model = LSTMClassifier(WINDOW, HIDDEN, LAYERS, dropout=0.0, training=options)
    model.classes_, model.n_classes_ = np.array([-1, 0, 1]), 3
    started = time.perf_counter()
    model._fit(panel, y)
    return time.perf_counter() - started


def neuralforecast(values, steps):
    """The same of neuralforecast."""
    from neuralforecast import NeuralForecast
    from neuralforecast.models import LSTM

    names = [f"x{k}" for k in range(1, COLUMNS)]
    table = pd.DataFrame(values, columns=["y", *names])
    table.insert(0, "ds", np.arange(len(table)))
    table.insert(0, "unique_id", "a")
    model = LSTM(
        h=1, input_size=WINDOW, encoder_hidden_size=HIDDEN, encoder_n_layers=LAYERS,
        encoder_dropout=0.0, decoder_layers=1, hist_exog_list=names, windows_batch_size=BATCH,
        max_steps=steps, enable_progress_bar=False, logger=False, enable_model_summary=False,
        accelerator="cpu",
    )  # fmt: skip
    started = time.perf_counter()
    NeuralForecast([model], freq=1).fit(table)
    return time.perf_counter() - started


def darts(values, steps):
    """The same of darts."""
    from darts import TimeSeries
    from darts.models import BlockRNNModel

    series = TimeSeries.from_values(values[:, :1])
    others = TimeSeries.from_values(values[:, 1:])
    model = BlockRNNModel(
        model="LSTM", input_chunk_length=WINDOW, output_chunk_length=1, hidden_dim=HIDDEN,
        n_rnn_layers=LAYERS, dropout=0.0, batch_size=BATCH, n_epochs=1,
        pl_trainer_kwargs={"enable_progress_bar": False, "logger": False, "accelerator": "cpu",
                           "enable_model_summary": False},
    )  # fmt: skip
    started = time.perf_counter()
    model.fit(series, past_covariates=others, max_samples_per_ts=steps * BATCH)
    return time.perf_counter() - started


SIDES = {"ours": ours, "neuralforecast": neuralforecast, "darts": darts}


def step_seconds(side, steps, fits=3):
    """Median seconds of a step in this process; the first fit warms up and does not count."""
    warnings.filterwarnings("ignore")
    for name in ("lightning", "pytorch_lightning", "lightning.pytorch", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    n = 2 * steps * BATCH + WINDOW + 1
    values = np.random.default_rng(0).normal(size=(n, COLUMNS)).astype(np.float32)
    SIDES[side](values, steps)
    found = []
    for _ in range(fits):
        once, twice = SIDES[side](values, steps), SIDES[side](values, 2 * steps)
        found.append((twice - once) / steps)
    return statistics.median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", nargs="*", default=["neuralforecast", "darts"])
    parser.add_argument("--side", choices=SIDES, help="print the seconds of this one and stop")
    args = parser.parse_args()
    if args.side:
        print("seconds", step_seconds(args.side, args.steps))
        return
    found: dict[str, list[float]] = {name: [] for name in ("ours", *args.peers)}
    for _ in range(args.rounds):
        for name, seconds in found.items():
            command = [sys.executable, __file__, "--side", name, "--steps", str(args.steps)]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            line = next(line for line in told.splitlines() if line.startswith("seconds"))
            seconds.append(float(line.split()[1]))
    step = {name: statistics.median(seconds) for name, seconds in found.items()}
    print(json.dumps({name: round(1000 * seconds, 1) for name, seconds in step.items()} | {
        f"{name}_over_ours": round(step[name] / step["ours"], 2) for name in args.peers
    }))  # fmt: skip


if __name__ == "__main__":
    main()
