"""Neural models: the networks alone so far, as plain modules in ``networks``, which needs torch.

Importing this package does not load torch; importing ``ohlcvml.models.neural.networks`` does.
"""

__all__: list[str] = []
