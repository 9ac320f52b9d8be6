"""What is made of an embedding: class scores, the expected return, its quantiles."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ohlcvml._checks import boolean, check_value, each, integer, real


class Outputs(NamedTuple):
    """Class scores (B, n_classes); expected return (B,) and its quantiles (B, n_levels), or none.

    Returns are in units of the training deviation of the labels' returns.
    """

    logits: Tensor
    mean: Tensor | None
    quantiles: Tensor | None


class Heads(nn.Module):
    """Class scores, expected return and monotone quantiles of an embedding, each linear in it.

    The lowest quantile is free, each further one lies above it by a softplus: they cannot cross.

    Parameters
    ----------
    n_features : int
        Length of the embedding.
    n_classes : int
        Classes that occur in training.
    quantiles : list of float, default=()
        Levels; none without ``returns``.
    returns : bool, default=False
        Whether there is a head for the return.

    Examples
    --------
    >>> import torch
    >>> from ohlcvml.models.neural.networks import Heads
    >>> outputs = Heads(8, 3, quantiles=[0.1, 0.5, 0.9], returns=True)(torch.zeros(4, 8))
    >>> outputs.logits.shape, outputs.mean.shape, outputs.quantiles.shape
    (torch.Size([4, 3]), torch.Size([4]), torch.Size([4, 3]))
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        quantiles: tuple[float, ...] | list[float] = (),
        returns: bool = False,
    ) -> None:
        super().__init__()
        check_value("Heads", "n_features", integer(1), n_features)
        check_value("Heads", "n_classes", integer(1), n_classes)
        check_value("Heads", "quantiles", each(real(0.0, 1.0), empty=True), tuple(quantiles))
        check_value("Heads", "returns", boolean(), returns)
        self.config = {
            "n_features": n_features,
            "n_classes": n_classes,
            "quantiles": list(quantiles),
            "returns": returns,
        }
        self.classes = nn.Linear(n_features, n_classes)
        self.mean = nn.Linear(n_features, 1) if returns else None
        self.quantiles = nn.Linear(n_features, len(quantiles)) if returns and quantiles else None

    @torch.no_grad()
    def begin_at(self, shares: Tensor, mean: Tensor, quantiles: Tensor) -> None:
        """Make an embedding of zeros say what is known without one.

        Parameters
        ----------
        shares : Tensor of shape (n_classes,)
            Of the classes, all above 0.
        mean : Tensor of shape ()
        quantiles : Tensor of shape (n_layers,)
            Rising.
        """
        self.classes.bias.copy_(shares.log())
        if self.mean is not None:
            self.mean.bias.fill_(mean)
        if self.quantiles is not None:
            gaps = quantiles.diff().clamp_min(1e-3)
            self.quantiles.bias.copy_(torch.cat([quantiles[:1], gaps + (-(-gaps).expm1()).log()]))

    def forward(self, embedding: Tensor) -> Outputs:
        """Embeddings ``(B, n_features)`` to outputs."""
        mean = self.mean(embedding)[:, 0] if self.mean is not None else None
        quantiles = None
        if self.quantiles is not None:
            lowest, steps = self.quantiles(embedding).split([1, self.quantiles.out_features - 1], 1)
            quantiles = lowest + torch.cumsum(
                torch.cat([torch.zeros_like(lowest), softplus(steps)], dim=1), dim=1
            )
        return Outputs(self.classes(embedding), mean, quantiles)
