"""A list of rows as the commands print it: a table, one with more columns, data, or the names alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from taskfleet.api import Object
from taskfleet.commands.output import ListForm, data_form, print_answer
from taskfleet.commands.table import table


@dataclass(frozen=True)
class Listing:
    """`field`: the list's name in data. `columns`: a row's field by its header; `wide`: those of -o wide only."""

    field: str
    columns: dict[str, str]
    wide: dict[str, str]
    empty: str  # the sentence for no rows

    def print(
        self, rows: Sequence[Object], form: ListForm | None, *, short_name: str, shown: Sequence[Object] = ()
    ) -> None:
        """Print the rows; `shown`: the same for people, where that differs. A row without a name has no object."""
        lines = [f"{short_name}/{row['name']}" for row in rows if row["name"] is not None]
        if form != "name":
            lines = self._table(shown or rows, self.columns | (self.wide if form == "wide" else {}))
        print_answer({self.field: list(rows)}, data_form(form), lines)

    def _table(self, rows: Sequence[Object], columns: dict[str, str]) -> list[str]:
        """Names and sentences are never cut."""
        if not rows:
            return [self.empty]
        cells = [[cell(row[field]) for field in columns.values()] for row in rows]
        return table(tuple(columns), cells, whole=frozenset(range(len(columns)))).splitlines()


def cell(value: Any) -> str:
    """A value as a table shows it; nothing is a dash."""
    if value is None or value in ("", []):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(str(one) for one in value) if isinstance(value, list) else str(value)
