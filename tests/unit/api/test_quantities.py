"""Durations and quantities between YAML and Python."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskfleet.api import format_duration, parse_duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("90m", 5400), ("1h1s", 3601), ("0s", 0)],
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "5 m", "1m1h", "1.5h", "100ms", "-5s", "PT30S"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="such as 30s, 5m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (30, "30s"), (3600, "1h"), (5400, "1h30m"), (86401, "24h1s")]
)
def test_a_duration_is_written_the_shortest_way(seconds: int, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.integers(min_value=0, max_value=10**9))
def test_a_written_duration_reads_as_the_same(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", Decimal("0.5")),
        (2, Decimal(2)),
        (0.5, Decimal("0.5")),
        ("1.5Gi", Decimal(1610612736)),
        ("1k", Decimal(1000)),
        ("1e3", Decimal(1000)),
    ],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str | float, value: Decimal) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1.2.3", "1Xi"])
def test_anything_else_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a valid quantity, such as 500m"):
        parse_quantity(text)
