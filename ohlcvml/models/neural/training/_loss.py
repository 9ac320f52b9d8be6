"""The joint loss of the heads."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ohlcvml.models.neural._options import TrainingOptions
from ohlcvml.models.neural.networks import Heads, Outputs
from ohlcvml.typing import FloatArray, IntArray


class Targets(NamedTuple):
    """What the heads are to say of each row: float32 and int64 tensors of length n.

    ``class_weight`` has one value per row, ``returns`` are in units of their deviation or none.
    """

    codes: Tensor
    weight: Tensor
    returns: Tensor | None
    levels: Tensor

    def at(self, rows: IntArray) -> Targets:
        """Targets of some rows."""
        index = torch.from_numpy(rows).to(self.codes.device)
        returns = None if self.returns is None else self.returns[index]
        return Targets(self.codes[index], self.weight[index], returns, self.levels)


def make_targets(
    codes: IntArray,
    weight: FloatArray | None,
    returns: FloatArray | None,
    train: IntArray,
    options: TrainingOptions,
    device: torch.device,
) -> Targets:
    """Targets whose weights have a mean of 1 over the training rows."""
    weights = np.ones(len(codes)) if weight is None else np.asarray(weight, dtype=np.float64)
    if options.class_weight == "balanced":
        total = np.bincount(codes[train], weights=weights[train], minlength=codes.max() + 1)
        weights = weights / np.where(total > 0, total, 1.0)[codes]
    weights = weights / weights[train].mean()

    def tensor(array: FloatArray) -> Tensor:
        return torch.from_numpy(array.astype(np.float32)).to(device)

    return Targets(
        torch.from_numpy(codes.astype(np.int64)).to(device),
        tensor(weights),
        None if returns is None else tensor(returns),
        torch.tensor(options.quantiles, dtype=torch.float32, device=device),
    )


def begin_at_shares(heads: Heads, targets: Targets, rows: IntArray) -> None:
    """Begin with class shares, mean and quantiles of the training rows, by their weights."""
    own = targets.at(rows)
    shares = torch.zeros(heads.classes.out_features).index_add(0, own.codes.cpu(), own.weight.cpu())
    mean, quantiles = torch.zeros(()), torch.zeros(len(targets.levels))
    if own.returns is not None:
        returns, order = own.returns.cpu().sort()
        weight = own.weight.cpu()[order]
        mean = (returns * weight).mean()
        below = torch.cumsum(weight, 0) / weight.sum()
        at = torch.searchsorted(below, targets.levels.cpu()).clamp_max(len(returns) - 1)
        quantiles = returns[at]
    # A class that only the rows to stop by have counts as half a row: its score must be finite.
    shares = shares.clamp_min(0.5)
    heads.begin_at(shares / shares.sum(), mean, quantiles)


def joint_loss(outputs: Outputs, targets: Targets, options: TrainingOptions) -> Tensor:
    """Weighted mean over rows: cross-entropy, squared error of the return, pinball loss."""
    loss = cross_entropy(outputs.logits.float(), targets.codes, reduction="none")
    if outputs.mean is not None and targets.returns is not None:
        apart = targets.returns - outputs.mean.float()
        loss = loss + options.return_weight * apart.square()
    if outputs.quantiles is not None and targets.returns is not None:
        apart = targets.returns[:, None] - outputs.quantiles.float()
        pinball = torch.maximum(targets.levels * apart, (targets.levels - 1.0) * apart)
        loss = loss + options.quantile_weight * pinball.mean(dim=1)
    return (loss * targets.weight).mean()
