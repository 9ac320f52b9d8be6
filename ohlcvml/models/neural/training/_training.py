"""The only training loop: every network goes through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ohlcvml._identity import digest
from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural.networks import Heads, Network, Outputs, WindowScale
from ohlcvml.models.neural.training._checkpoint import read_checkpoint, write_checkpoint
from ohlcvml.models.neural.training._cpu import denormals_flushed, freed_memory_kept
from ohlcvml.models.neural.training._feeds import Feed, make_feed
from ohlcvml.models.neural.training._loss import Targets, joint_loss
from ohlcvml.samples import BarPanel
from ohlcvml.typing import IntArray

_NOT_THE_RUN = {"checkpoint", "callbacks", "progress", "device"}


@dataclass(frozen=True)
class NetworkParts:
    """Normalisation, network and heads, in the order a window passes them."""

    scale: WindowScale
    network: Network
    heads: Heads

    def modules(self) -> nn.ModuleList:
        """All of them as one module."""
        return nn.ModuleList([self.scale, self.network, self.heads])


@dataclass(frozen=True)
class TrainingRun:
    """Course of a training: one value per epoch, and the epoch whose weights are kept."""

    history: dict[str, list[float]]
    best_epoch: int
    feed: str


def epoch_seed(seed: int, epoch: int) -> int:
    """Seed of an epoch; -1 is that of the first weights."""
    state = np.random.SeedSequence([seed, epoch + 1]).generate_state(2, np.uint32)
    return int(state[0]) << 31 | int(state[1] >> 1)


class Objective:
    """A loss over rows of a feed, and the modules that are to lower it.

    Subclasses say what the loss of a batch is; the precision it is computed in is the same for
    all: mixed where asked on CUDA.
    """

    def __init__(
        self, modules: nn.Module, feed: Feed, options: TrainingOptions, device: torch.device
    ) -> None:
        self.modules, self.feed = modules, feed
        self._by_batch = any(
            isinstance(m, nn.modules.batchnorm._BatchNorm) for m in modules.modules()
        )
        self._mixed = (
            device.type == "cuda" and options.mixed_precision and torch.cuda.is_bf16_supported()
        )

    def loss(self, rows: IntArray) -> Tensor:
        """Mean loss of a batch."""
        raise NotImplementedError

    def identity(self) -> list[Any]:
        """Arrays and plain values that tell this objective from any other."""
        raise NotImplementedError

    def backward(self, rows: IntArray) -> float:
        """Add the gradient of a batch's mean loss, in parts where a whole would take much memory.

        Parts give the gradient of the whole but for rounding, unless moments of the batch are
        taken: then it stays whole.
        """
        size = len(rows) if self._by_batch else min(len(rows), self.feed.train_size())
        total = 0.0
        for part in np.array_split(rows, -(-len(rows) // size)):
            loss = self.loss(part)
            if len(part) < len(rows):
                loss = loss * (len(part) / len(rows))
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def precision(self) -> AbstractContextManager[Any]:
        """Arithmetic of training; that of judging is whole."""
        if not (self._mixed and self.modules.training):
            return nullcontext()
        return torch.autocast("cuda", dtype=torch.bfloat16)

    def judge(self, rows: IntArray) -> float:
        """Loss of rows without training on them."""
        self.modules.eval()
        total = 0.0
        with torch.inference_mode():
            for batch in self.feed.batches(rows, self.feed.predict_size(), None):
                total += float(self.loss(batch)) * len(batch)
        return total / len(rows)


def lower(
    objective: Objective,
    rows: IntArray,
    validation: IntArray,
    options: TrainingOptions,
    seed: int,
    who: str,
) -> TrainingRun:
    """Train the modules in place on ``rows``; stop early by ``validation`` rows.

    The caller's torch generators are left alone only if it forks them. Every epoch draws from a
    seed of its own, so a run that goes on from a checkpoint has the same bits.
    """
    whole, feed = objective.modules, objective.feed
    steps = sum(1 for _ in feed.batches(rows, options.batch_size, np.random.default_rng(0)))
    optimizer, schedule = _optimizer(whole, options, steps)
    run = _State(options.patience if len(validation) else None)
    identity = ""
    if options.checkpoint is not None:
        run_of = [*objective.identity(), rows, validation, _chosen(options), seed]
        identity = digest(run_of, who)
        saved = read_checkpoint(options.checkpoint, identity, who)
        if saved is not None:
            run.restore(saved, whole, optimizer, schedule)
    progress = _Progress(options, run.epoch, who)
    with freed_memory_kept(), denormals_flushed(), progress as advance:
        for epoch in range(run.epoch, options.max_epochs):
            if run.finished:
                break
            torch.manual_seed(epoch_seed(seed, epoch))
            generator = np.random.default_rng([seed, epoch])
            rate = float(schedule.get_last_lr()[0])
            whole.train()
            total = 0.0
            for batch in feed.batches(rows, options.batch_size, generator):
                optimizer.zero_grad(set_to_none=True)
                total += objective.backward(batch) * len(batch)
                if options.gradient_clip is not None:
                    nn.utils.clip_grad_norm_(whole.parameters(), options.gradient_clip)
                optimizer.step()
                if schedule.last_epoch < options.max_epochs * steps - 1:
                    schedule.step()
            judged = objective.judge(validation) if len(validation) else float("nan")
            run.close(epoch, total / len(rows), judged, rate, whole)
            advance(run.describe())
            # All are told, whoever asks to end.
            told = [bool(callback(run.last())) for callback in options.callbacks]
            if options.checkpoint is not None:
                state = run.state(whole, optimizer, schedule)
                write_checkpoint(options.checkpoint, state | {"fingerprint": identity})
            if any(told):
                break
    if run.best is not None:
        whole.load_state_dict(run.best)
    whole.eval()
    return TrainingRun(run.history, run.best_epoch, type(feed).__name__)


def train(
    parts: NetworkParts,
    panel: BarPanel,
    targets: Targets,
    rows: IntArray,
    validation: IntArray,
    options: TrainingOptions,
    seed: int,
    who: str,
) -> TrainingRun:
    """Fit normalisation, network and heads in place to ``rows`` of the panel, as :func:`lower`."""
    objective = _HeadsObjective(parts, panel, targets, options, targets.codes.device)
    return lower(objective, rows, validation, options, seed, who)


def predict(parts: NetworkParts, panel: BarPanel, device: torch.device) -> Outputs:
    """Outputs of all windows of the panel, on the CPU."""
    whole = parts.modules().to(device).eval()
    feed = make_feed(panel, parts.scale, parts.network, device)
    found: list[Outputs] = []
    order: list[IntArray] = []
    with torch.inference_mode():
        for batch in feed.batches(np.arange(len(panel)), feed.predict_size(), None):
            outputs = parts.heads(feed.embed(parts.scale, parts.network, batch))
            found.append(outputs)
            order.append(batch)
    whole.to("cpu")
    at = torch.from_numpy(np.argsort(np.concatenate(order), kind="stable"))

    def join(name: str) -> Tensor | None:
        pieces = [getattr(outputs, name) for outputs in found]
        return None if pieces[0] is None else torch.cat(pieces).cpu()[at]

    logits = join("logits")
    assert logits is not None
    return Outputs(logits, join("mean"), join("quantiles"))


class _HeadsObjective(Objective):
    """The joint loss of the heads; the network is compiled where asked on CUDA."""

    def __init__(
        self,
        parts: NetworkParts,
        panel: BarPanel,
        targets: Targets,
        options: TrainingOptions,
        device: torch.device,
    ) -> None:
        whole = parts.modules().to(device)
        feed = make_feed(panel, parts.scale, parts.network, device)
        super().__init__(whole, feed, options, device)
        self._parts, self._panel, self._targets, self._options = parts, panel, targets, options
        self._compiled: Any = parts.network
        cuda = device.type == "cuda"
        if cuda and options.compile_network and not hasattr(parts.network, "steps"):
            self._compiled = torch.compile(parts.network)

    def loss(self, rows: IntArray) -> Tensor:
        parts = self._parts
        network = self._compiled if self.modules.training else parts.network
        with self.precision():
            outputs = parts.heads(self.feed.embed(parts.scale, network, rows))
        return joint_loss(outputs, self._targets.at(rows), self._options)

    def identity(self) -> list[Any]:
        panel, parts = self._panel, self._parts
        tensors = [item.cpu().numpy() for item in self._targets if item is not None]
        names = [type(parts.network).__name__, parts.network.config, parts.scale.config]
        return [panel.values, panel.ends, panel.window, *tensors, names]


class _State:
    """Where a run stands: what its checkpoint holds."""

    def __init__(self, patience: int | None) -> None:
        self.epoch, self.best_epoch, self._stale = 0, -1, 0
        self._patience, self._best_loss = patience, float("inf")
        self.best: dict[str, Tensor] | None = None
        self.history: dict[str, list[float]] = {
            "train_loss": [],
            "validation_loss": [],
            "learning_rate": [],
        }

    @property
    def finished(self) -> bool:
        """Whether patience has run out."""
        return self._patience is not None and self._stale >= self._patience

    def close(self, epoch: int, loss: float, judged: float, rate: float, whole: nn.Module) -> None:
        """Take down an epoch; without validation the newest weights are the best."""
        for name, value in zip(self.history, (loss, judged, rate), strict=True):
            self.history[name].append(value)
        self.epoch = epoch + 1
        if np.isnan(judged):
            self.best_epoch = epoch
        elif judged < self._best_loss:
            self._best_loss, self.best_epoch, self._stale = judged, epoch, 0
            self.best = {k: v.detach().clone() for k, v in whole.state_dict().items()}
        else:
            self._stale += 1

    def last(self) -> dict[str, Any]:
        """What callbacks are told."""
        return {"epoch": self.epoch - 1} | {k: v[-1] for k, v in self.history.items()}

    def describe(self) -> str:
        """A line for the progress bar."""
        loss, judged = self.history["train_loss"][-1], self.history["validation_loss"][-1]
        return f"loss {loss:.4f}" + ("" if np.isnan(judged) else f", validation {judged:.4f}")

    def state(self, whole: nn.Module, optimizer: Any, schedule: Any) -> dict[str, Any]:
        """Everything to go on from."""
        return {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "stale": self._stale,
            "best_loss": self._best_loss,
            "best": self.best,
            "history": self.history,
            "weights": whole.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        }

    def restore(
        self, saved: dict[str, Any], whole: nn.Module, optimizer: Any, schedule: Any
    ) -> None:
        """Go back to where a checkpoint was written."""
        self.epoch, self.best_epoch = saved["epoch"], saved["best_epoch"]
        self._stale, self._best_loss = saved["stale"], saved["best_loss"]
        self.best, self.history = saved["best"], saved["history"]
        whole.load_state_dict(saved["weights"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])


def _optimizer(whole: nn.Module, options: TrainingOptions, steps: int) -> tuple[Any, Any]:
    optimizer = torch.optim.AdamW(
        whole.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    total = max(options.max_epochs * steps, 2)
    schedulers = torch.optim.lr_scheduler
    if options.schedule == "one_cycle":
        return optimizer, schedulers.OneCycleLR(optimizer, options.learning_rate, total)
    if options.schedule == "cosine":
        return optimizer, schedulers.CosineAnnealingLR(optimizer, total)
    return optimizer, schedulers.ConstantLR(optimizer, factor=1.0)


def _chosen(options: TrainingOptions) -> dict[str, Any]:
    """Options that make a run what it is."""
    names = [item.name for item in fields(options) if item.name not in _NOT_THE_RUN]
    return {name: getattr(options, name) for name in names}


class _Progress(AbstractContextManager[Callable[[str], None]]):
    """A bar on the terminal, shown once a fit has taken some seconds."""

    _PATIENCE_S = 3.0

    def __init__(self, options: TrainingOptions, done: int, who: str) -> None:
        self._wanted, self._total = options.progress, options.max_epochs
        self._done, self._who = done, who
        self._started = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Callable[[str], None]:
        return self._advance

    def _advance(self, text: str) -> None:
        self._done += 1
        slow = time.monotonic() - self._started > self._PATIENCE_S
        if self._wanted is False or not (self._wanted or slow):
            return
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            console = Console(stderr=True)
            if not (self._wanted or console.is_terminal):
                self._wanted = False
                return
            self._bar = Progress(console=console)
            self._bar.start()
            self._task = self._bar.add_task(self._who, total=self._total)
        self._bar.update(self._task, completed=self._done, description=f"{self._who}: {text}")

    def __exit__(self, *_: Any) -> None:
        if self._bar is not None:
            self._bar.stop()
