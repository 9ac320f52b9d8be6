"""Where commands print: text as it is, never as markup."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.text import Text

from ohlcvml.exceptions import OhlcvmlWarning

WIDE = 120  # columns of what goes to a file or a pipe, which has no width of its own


def terminal(**options: Any) -> Console:
    """A console that prints brackets as they are: names and paths of files are no markup."""
    made = Console(markup=False, **options)
    if not (made.is_terminal or "width" in options or "COLUMNS" in os.environ):
        made.width = WIDE
    return made


_console = terminal()


def console() -> Console:
    """The console of the commands."""
    return _console


def print_text(text: str) -> None:
    """Print text whose brackets are brackets."""
    _console.print(text, markup=False, highlight=False)


def tell(word: str, style: str, message: object) -> None:
    """Say one thing on the standard error output, behind a word that says what it is."""
    text = Text.assemble((f"{word}:", style), f" {message}")
    terminal(stderr=True).print(text, highlight=False, soft_wrap=True)


@contextmanager
def warnings_in_one_line(debug: bool) -> Iterator[None]:
    """Warnings of ours are one line, without the place in the code unless ``debug``."""
    others = warnings.showwarning

    def show(message: Any, category: Any, *where: Any, **more: Any) -> None:
        if debug or not issubclass(category, OhlcvmlWarning):
            others(message, category, *where, **more)
        else:
            tell("warning", "yellow", message)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = others
