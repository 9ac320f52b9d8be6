"""What an object shows of itself: a small table, as text and as HTML."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 88


@dataclass(frozen=True)
class Card:
    """A title, rows of cells under optional headings, and notes.

    Examples
    --------
    >>> from ohlcvml._card import Card
    >>> print(Card("Two fruits", [("apples", "3"), ("pears", "12")], notes=["Count again."]).text())
    Two fruits
      apples   3
      pears   12
      note: Count again.
    """

    title: str
    rows: Sequence[tuple[str, ...]]
    headings: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the card as lines of text; cells after the first are flush right."""
        lines = [*([self.headings] if self.headings else []), *self.rows]
        columns = max(map(len, lines), default=0)
        table = [line + ("",) * (columns - len(line)) for line in lines]
        widths = [max(len(line[k]) for line in table) for k in range(columns)] if table else []
        wide = len(self.headings) > 0 or columns > 2
        shown = [self.title]
        for line in table:
            first = line[0].ljust(widths[0])
            rest = (
                cell.rjust(width) if wide or _number(cell) else cell
                for cell, width in zip(line[1:], widths[1:], strict=True)
            )
            shown.append("  " + "   ".join([first, *rest]).rstrip())
        for note in self.notes:
            shown += textwrap.wrap(
                f"note: {note}", WIDTH, initial_indent="  ", subsequent_indent="        "
            )
        return "\n".join(shown)

    def html(self) -> str:
        """Return the card as an HTML table; every text in it is escaped."""
        left, right = "text-align:left", "text-align:right"
        parts = [f"<p><b>{escape(self.title)}</b></p>", "<table>"]
        if self.headings:
            cells = "".join(
                f'<th style="{left if k == 0 else right}">{escape(heading)}</th>'
                for k, heading in enumerate(self.headings)
            )
            parts.append(f"<thead><tr>{cells}</tr></thead>")
        parts.append("<tbody>")
        for row in self.rows:
            body = "".join(f'<td style="{right}">{escape(cell)}</td>' for cell in row[1:])
            parts.append(f'<tr><th style="{left}">{escape(row[0])}</th>{body}</tr>')
        parts.append("</tbody></table>")
        if self.notes:
            notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
            parts.append(f"<p>Notes</p><ul>{notes}</ul>")
        return f"<div>{''.join(parts)}</div>"


def _number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "").replace("-", "").isdigit()


class Shown:
    """An object that shows itself as a card, on the console and in a notebook."""

    def _card(self) -> Card:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._card().text()

    def _repr_html_(self) -> str:
        return self._card().html()
