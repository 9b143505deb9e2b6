"""Tables on a terminal, of texts that strangers may have written."""

from collections.abc import Sequence

_WIDEST = 60


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, whole: frozenset[int]) -> str:
    """Left-aligned columns; cells are made harmless, and cut unless their column is in `whole`."""
    lines = [header, *([_cell(cell, column in whole) for column, cell in enumerate(row)] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def harmless(text: str) -> str:
    """Control characters and all else that a terminal does not simply print, escaped as Python escapes it."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def _cell(value: object, whole: bool) -> str:
    text = harmless(str(value)) or "?"
    return text if whole or len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"
