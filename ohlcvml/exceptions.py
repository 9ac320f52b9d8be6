"""Errors and warnings. Each message says who, what, the rule, the value and the remedy."""

from __future__ import annotations

__all__ = [
    "BundleError",
    "BundleWarning",
    "CompilationWarning",
    "DataError",
    "DataWarning",
    "LeakageError",
    "LeakageWarning",
    "MissingDependencyError",
    "OhlcvmlError",
    "OhlcvmlWarning",
    "ParameterError",
]


class OhlcvmlError(Exception):
    """Base of every error raised on purpose by ohlcvml."""


class ParameterError(OhlcvmlError, ValueError):
    """A constructor or function parameter breaks its rule."""


class DataError(OhlcvmlError, ValueError):
    """Bars, labels or files do not satisfy their contract."""


class LeakageError(OhlcvmlError, ValueError):
    """An operation would let information from the future reach a result."""


class BundleError(OhlcvmlError, ValueError):
    """A bundle cannot be written, is damaged, or may not be loaded."""


class MissingDependencyError(OhlcvmlError, ImportError):
    """An optional package is needed; the message names the extra that installs it."""


class OhlcvmlWarning(UserWarning):
    """Base of every warning issued by ohlcvml (errors in our own test run)."""


class DataWarning(OhlcvmlWarning):
    """Data were changed or look wrong; the message says what and how much."""


class BundleWarning(OhlcvmlWarning):
    """A bundle is sound, but its answers differ a little here; the message says by how much."""


class CompilationWarning(OhlcvmlWarning):
    """Compiled code cannot be kept on this machine; results are the same, starting is slower."""


class LeakageWarning(OhlcvmlWarning):
    """Rows may leak where no error can be raised, or where another library hides the error."""
