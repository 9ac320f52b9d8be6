"""Where a network is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ohlcvml.exceptions import ParameterError

if TYPE_CHECKING:
    import torch


def choose_device(name: str, who: str) -> torch.device:
    """Device of a name; ``"auto"`` is CUDA where there is one, else the processor.

    Parameters
    ----------
    name : str
        ``"auto"`` or as torch names devices: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.
    who : str
        Class of the caller, for messages.

    Raises
    ------
    ParameterError
        torch knows no device of this name, or it is CUDA and this machine has none.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ParameterError(
            f"{who}: parameter 'device' must be 'auto' or a device of torch such as 'cpu' or "
            f"'cuda:0'; got {name!r}."
        ) from error
    if device.type == "cuda" and not (device.index or 0) < torch.cuda.device_count():
        raise ParameterError(
            f"{who}: parameter 'device' must be a device of this machine; got {name!r}, and torch "
            f"finds {torch.cuda.device_count()} CUDA devices. Use device='auto' or 'cpu'."
        )
    return device
