"""Command line: thin commands over the stages. Run ``ohlcvml --help``."""

from ohlcvml.cli._app import main

__all__ = ["main"]
