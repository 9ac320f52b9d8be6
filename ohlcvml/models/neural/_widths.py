"""Rules between two sizes of a network, for estimators and networks alike; no torch."""

from __future__ import annotations

from ohlcvml.exceptions import ParameterError


def check_heads(who: str, d_model: int, n_heads: int) -> None:
    """Refuse a number of heads that does not divide the width."""
    if d_model % n_heads:
        raise ParameterError(
            f"{who}: parameter 'n_heads' must divide d_model={d_model}; got {n_heads!r}. "
            "Change one of the two."
        )


def check_stride(who: str, patch_length: int, stride: int) -> None:
    """Refuse patches with bars between them."""
    if stride > patch_length:
        raise ParameterError(
            f"{who}: parameter 'stride' must be at most patch_length={patch_length}, or bars "
            f"between patches are never seen; got {stride!r}. Lower it."
        )
