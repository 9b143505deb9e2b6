"""Texts of strangers on a terminal."""

import pytest

from taskfleet.commands.table import harmless, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("shop.pay", "shop.pay", id="plain"),
        pytest.param("größer 支払い", "größer 支払い", id="any-script"),
        pytest.param("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07", id="escape-sequences"),
        pytest.param("a\nb\r\tc", "a\\nb\\r\\tc", id="lines-and-tabs"),
        pytest.param("\u202egnp.exe", "\\u202egnp.exe", id="right-to-left"),
        pytest.param("\x9b31m", "\\x9b31m", id="eight-bit-control"),
        pytest.param("\U000e0041", "\\U000e0041", id="invisible-tag"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_columns_are_as_wide_as_their_widest_cell_and_long_cells_are_cut() -> None:
    rows = [["a", "x" * 80, 6], ["longer", "", 7]]
    assert table(("ID", "TEXT", "N"), rows, whole=frozenset()).splitlines() == [
        f"ID      TEXT{' ' * 56}  N",
        f"a       {'x' * 59}…  6",
        f"longer  ?{' ' * 59}  7",
    ]


def test_a_column_can_be_kept_whole() -> None:
    assert "x" * 80 in table(("ID",), [["x" * 80]], whole=frozenset({0}))
