"""Training steps and predictions of the networks, one thread, and memory of 1M x 150 x 512.

    python benchmarks/model_steps.py [steps] [feed] [segments] [throughput] [memory]

Without arguments all of them. Times are CPU seconds of this process, so that a busy machine adds
little; of repeated runs the least is taken, of ratios the median of neighbouring runs beside it.

steps       a training step of every network: batch 256, window 128, 16 channels, width 64, 2 layers
feed        a step of the loop against the same step on one fixed tensor: a light and a heavy one
segments    labels a second of the TCN in training, on stretches of bars and on separate windows
throughput  bars a second of every network in prediction of all bars, as shipped, 16 channels
memory      LSTM's and DLinear's fit of 20,000 labels on 1M bars x 150 channels, window 512
"""

import sys
import time

import numpy as np
import torch
from _memory import PeakMemory

from ohlcvml.models.neural import networks
from ohlcvml.models.neural._base import BaseNeuralClassifier
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural.training._cpu import denormals_flushed, freed_memory_kept
from ohlcvml.models.neural.training._feeds import WindowFeed
from ohlcvml.models.neural.training._loss import make_targets
from ohlcvml.models.neural.training._training import (
    NetworkParts,
    _HeadsObjective,
    _optimizer,
    predict,
)
from ohlcvml.registry import all_estimators
from ohlcvml.samples import BarPanel

CPU = torch.device("cpu")
BATCH, WINDOW, CHANNELS = 256, 128, 16
OPTIONS = TrainingOptions(validation_share=0.0)

# Width 64 and 2 layers in each network's own words; CPU seconds of a prototype's epoch of 20,000
# windows, 78.1 batches, as noted before the first line was written (two cores, another machine).
SIZES = {
    "DLinearNetwork": ({}, 0.9),
    "TiDENetwork": ({"hidden_size": 64, "n_layers": 2}, 1.6),
    "NHITSNetwork": ({"hidden_size": 64, "n_layers": 2}, 1.9),
    "NBEATSNetwork": ({"hidden_size": 64, "n_layers": 2}, 2.7),
    "ITransformerNetwork": ({"d_model": 64, "n_layers": 2, "d_ff": 128}, 5.0),
    "SMambaNetwork": ({"d_model": 64, "n_layers": 2, "d_ff": 128}, 17.0),
    "SMambaNetwork, time": ({"d_model": 64, "n_layers": 2, "d_ff": 128, "scan": "time"}, None),
    "LSTMNetwork": ({"hidden_size": 64, "n_layers": 2}, 26.0),
    "TCNNetwork": ({"n_filters": 64, "n_layers": 2}, None),
    "TCNNetwork, whole window": ({"n_filters": 64}, 57.0),
    "AutoformerNetwork": ({"d_model": 64, "n_layers": 2, "d_ff": 128}, 59.0),
    "PatchTSTNetwork": ({"d_model": 64, "n_layers": 2, "d_ff": 128}, 87.0),
    "TimesNetNetwork": ({"d_model": 64, "d_ff": 64, "n_layers": 2}, 98.0),
    "ResNet1DNetwork": ({}, 105.0),
    "InceptionTimeNetwork": ({"n_layers": 6}, 130.0),
}
STEPS_AN_EPOCH = 20_000 / BATCH


class Problem:
    """Noise and labels on it."""

    def __init__(self, n_bars=100_000, n_channels=CHANNELS, window=WINDOW):
        rng = np.random.default_rng(0)
        values = rng.standard_normal((n_bars, n_channels), dtype=np.float32)
        self.panel = BarPanel(values, np.arange(window - 1, n_bars), window)
        self.rows = np.arange(len(self.panel))
        codes, returns = rng.integers(0, 3, len(self.rows)), rng.normal(size=len(self.rows))
        self.targets = make_targets(codes, None, returns, self.rows, OPTIONS, CPU)

    def objective(self, name, feed=None, **arguments):
        network_class = getattr(networks, name.split(",")[0])
        network = network_class(self.panel.shape[1], self.panel.window, **arguments)
        heads = networks.Heads(network.n_features, 3, list(OPTIONS.quantiles), returns=True)
        scale = networks.WindowScale(self.panel.shape[1])
        parts = NetworkParts(scale, network, heads)
        objective = _HeadsObjective(parts, self.panel, self.targets, OPTIONS, CPU)
        objective.feed = feed or objective.feed
        return objective


class FixedFeed:
    """The same windows, whatever is asked for."""

    def __init__(self, windows):
        self.windows = windows

    def embed(self, scale, network, rows):
        return network(scale(self.windows[: len(rows)]))


def step_seconds(objective, batches):
    """CPU seconds of a step over the batches, with everything the loop does in one."""
    whole = objective.modules.train()
    optimizer, schedule = _optimizer(whole, OPTIONS, len(batches))
    started = time.process_time()
    for batch in batches:
        loss = objective.loss(batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(whole.parameters(), OPTIONS.gradient_clip)
        optimizer.step()
        if schedule.last_epoch < OPTIONS.max_epochs * len(batches) - 1:
            schedule.step()
        float(loss.detach())
    return (time.process_time() - started) / len(batches)


def shuffled(objective, rows, n):
    batches = objective.feed.batches(rows, BATCH, np.random.default_rng(0))
    return [batch for _, batch in zip(range(n), batches, strict=False)]


def measure_steps():
    problem = Problem()
    print(f"\nTraining step, batch {BATCH}, window {WINDOW}, {CHANNELS} channels, width 64\n")
    print("| network | parameters | ms a step | s an epoch of 20,000 | prototype |")
    print("|---|---|---|---|---|")
    for name, (arguments, noted) in SIZES.items():
        objective = problem.objective(name, WindowFeed(problem.panel, CPU), **arguments)
        count = sum(p.numel() for p in objective.modules.parameters())
        batches = shuffled(objective, problem.rows, 4)
        step_seconds(objective, batches[:1])
        seconds = min(step_seconds(objective, [batch]) for batch in batches * 2)
        epoch = seconds * STEPS_AN_EPOCH
        print(
            f"| {name} | {count:,} | {1e3 * seconds:.1f} | {epoch:.1f} | {noted or ''} |",
            flush=True,
        )


def measure_feed(rounds=25):
    problem = Problem()
    print("\nStep of the loop against the same step on one fixed tensor\n")
    print("| network | ms on windows | ms on the tensor | least to least | median of pairs |")
    print("|---|---|---|---|---|")
    for name, n_steps in (("DLinearNetwork", 10), ("TiDENetwork", 8), ("LSTMNetwork", 1)):
        objective = problem.objective(name, WindowFeed(problem.panel, CPU), **SIZES[name][0])
        lazy = objective.feed
        batches = shuffled(objective, problem.rows, n_steps * rounds)
        fixed = FixedFeed(lazy.take(batches[0]).clone())
        step_seconds(objective, batches[:2])
        times = []
        for k in range(rounds):
            part = batches[k * n_steps : (k + 1) * n_steps]
            pair = []
            for feed in (lazy, fixed) if k % 2 else (fixed, lazy):
                objective.feed = feed
                pair.append(step_seconds(objective, part))
            times.append(pair if k % 2 else pair[::-1])
        found = np.array(times)
        least = found.min(axis=0)
        print(
            f"| {name} | {1e3 * least[0]:.2f} | {1e3 * least[1]:.2f} | {least[0] / least[1]:.3f} "
            f"| {np.median(found[:, 0] / found[:, 1]):.3f} |",
            flush=True,
        )


def measure_segments(window=WINDOW):
    """Every bar labelled, as a labeller without events does."""
    problem = Problem(20_000, window=window)
    print(f"\nTCN, window {window}, {CHANNELS} channels, every bar labelled\n")
    print("| filters | labels a second on windows | on segments | ratio |")
    print("|---|---|---|---|")
    for filters in (32, 64):
        objective = problem.objective("TCNNetwork", n_filters=filters)
        speed = []
        for feed in (WindowFeed(problem.panel, CPU), objective.feed):
            objective.feed = feed
            batches = shuffled(objective, problem.rows, 6)
            step_seconds(objective, batches[:1])
            speed.append(max(len(b) / step_seconds(objective, [b]) for b in batches))
        print(
            f"| {filters} | {speed[0]:,.0f} | {speed[1]:,.0f} | {speed[1] / speed[0]:.1f} |",
            flush=True,
        )


def measure_throughput(least_s=2.0):
    print(f"\nPrediction of all bars, as shipped, {CHANNELS} channels\n")
    print("| model | window | parameters | bars a second |")
    print("|---|---|---|---|")
    for name, cls in all_estimators("classifier"):
        if not issubclass(cls, BaseNeuralClassifier):
            continue
        for arguments in ({}, {"scan": "time"}) if name == "SMambaClassifier" else ({},):
            model = cls(**arguments)
            problem = Problem(30_000, window=model.window)
            parts = model._build(problem.panel, problem.rows[:256], 3, True)
            count = sum(p.numel() for p in parts.modules().parameters())
            n, seconds = 64, 0.0
            while seconds < least_s and n < len(problem.panel):
                n = min(4 * n, len(problem.panel))
                started = time.process_time()
                predict(parts, problem.panel[np.arange(n)], CPU)
                seconds = time.process_time() - started
            told = name + (f", {arguments['scan']}" if arguments else "")
            print(f"| {told} | {model.window} | {count:,} | {n / seconds:,.0f} |", flush=True)


def measure_memory(n_bars=1_000_000, n_channels=150, window=512, n_labels=20_000):
    """Fit through the bar door; the table of features stands before the measurement begins."""
    import pandas as pd

    from ohlcvml.bars import simulate_bars
    from ohlcvml.labels import TripleBarrierLabeller
    from ohlcvml.models import DLinearClassifier, LSTMClassifier
    from ohlcvml.samples import Samples

    bars = simulate_bars(n_bars, seed=0).bars
    labels = TripleBarrierLabeller(horizon=20, cost_adjustment=None).fit_transform(bars)
    values = np.random.default_rng(0).standard_normal((n_bars, n_channels), dtype=np.float32)
    table = pd.DataFrame(values, index=bars.index, columns=[f"x{k}" for k in range(n_channels)])
    samples = Samples(bars, labels, features=table)
    rows = np.linspace(0, len(samples) - 1, n_labels).astype(np.int64)
    options = TrainingOptions(max_epochs=1, validation_share=0.0, progress=False)
    print(f"\nOne epoch of {n_labels:,} labels spread over {n_bars:,} bars x {n_channels}\n")
    print("| model | labels | seconds (CPU) | peak growth, MiB | dense windows would take, GiB |")
    print("|---|---|---|---|---|")
    dense = n_bars * n_channels * window * 4 / 2**30
    for model, n in (
        (DLinearClassifier(window=window, training=options), n_labels),
        (LSTMClassifier(window=window, hidden_size=16, training=options), 1024),
    ):
        part = samples[rows[:: n_labels // n]]
        started = time.process_time()
        with PeakMemory() as memory:
            model.fit(part)
        seconds = time.process_time() - started
        print(
            f"| {type(model).__name__} | {len(part):,} | {seconds:.0f} | {memory.growth:.0f} "
            f"| {dense:.0f} |",
            flush=True,
        )


MEASURES = {
    "steps": measure_steps,
    "feed": measure_feed,
    "segments": measure_segments,
    "throughput": measure_throughput,
    "memory": measure_memory,
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for chosen in sys.argv[1:] or MEASURES:
        if chosen in ("throughput", "memory"):  # these call the library's own loops
            MEASURES[chosen]()
            continue
        with freed_memory_kept(), denormals_flushed():
            MEASURES[chosen]()
