"""Where commands print: text as it is, never as markup."""

from __future__ import annotations

from rich.console import Console

_console = Console()


def console() -> Console:
    """The console of the commands."""
    return _console


def print_text(text: str) -> None:
    """Print text whose brackets are brackets."""
    _console.print(text, markup=False, highlight=False)
