"""What users write for arrivals and running times, and what they are told when it makes no sense."""

from itertools import pairwise
from math import isclose
from pathlib import Path
from random import Random
from statistics import fmean

import pytest

from taskfleet.simulation.arrivals import arrivals
from taskfleet.simulation.service import service
from taskfleet.simulation.units import InputError, format_seconds, parse_rate, parse_seconds


def arrive(text: str, duration: float = 100.0, seed: int = 1) -> list[float]:
    return arrivals(text, duration=duration, random=Random(seed))


@pytest.mark.parametrize(
    ("text", "expected"), [("250ms", 0.25), ("2s", 2.0), ("1.5s", 1.5), ("5m", 300.0), ("1h30m", 5400.0)]
)
def test_durations(text: str, expected: float) -> None:
    assert parse_seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), [("50/s", 50.0), ("3/m", 0.05), ("0.5/h", 0.5 / 3600)])
def test_rates(text: str, expected: float) -> None:
    assert parse_rate(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.04, "0.0 s"), (4.23, "4.2 s"), (149.4, "149 s"), (1260.0, "21 min")]
)
def test_waits_are_written_short(seconds: float, expected: str) -> None:
    assert format_seconds(seconds) == expected


def test_a_burst_comes_at_once_and_bursts_add_up() -> None:
    assert arrive("burst:3@20s+burst:2") == [0.0, 0.0, 20.0, 20.0, 20.0]


def test_a_poisson_stream_has_its_rate_and_no_rhythm() -> None:
    moments = arrive("poisson:5/s", duration=2000.0)
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert isclose(len(moments) / 2000, 5.0, rel_tol=0.05)
    assert isclose(fmean(gap**2 for gap in gaps), 2 * fmean(gaps) ** 2, rel_tol=0.1)  # exponential


def test_a_day_is_quiet_at_midnight_and_full_at_noon() -> None:
    moments = arrive("daily:1/s", duration=86_400.0)
    by_hour = [sum(hour <= moment / 3600 < hour + 1 for moment in moments) / 3600 for hour in range(24)]
    assert by_hour[0] < 0.02
    assert isclose(by_hour[12], 1.0, rel_tol=0.05)
    assert isclose(by_hour[18], 0.5, rel_tol=0.3)


def test_a_trace_has_seconds_and_tasks(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("seconds,tasks\n2.5,2\n1\n\n99,1\n100,5\n")
    assert arrive(str(trace)) == [1.0, 2.5, 2.5, 99.0]
    assert arrive(f"{trace}+burst:1") == [0.0, 1.0, 2.5, 2.5, 99.0]


def test_a_seed_repeats_a_load_and_another_one_does_not() -> None:
    assert arrive("poisson:5/s") == arrive("poisson:5/s")
    assert arrive("poisson:5/s") != arrive("poisson:5/s", seed=2)


@pytest.mark.parametrize("text", ["exponential:2s", "lognormal:2s", "lognormal:2s,0.5", "constant:2s"])
def test_running_times_have_the_mean_that_is_asked_for(text: str) -> None:
    take = service(text, random=Random(1))
    drawn = [take() for _ in range(50_000)]
    assert isclose(fmean(drawn), 2.0, rel_tol=0.03)
    assert min(drawn) > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("5/s", "--arrivals '5/s' is not valid: use burst:400", id="no-kind"),
        pytest.param("poisson:5", "'5' is not a valid rate: use tasks per unit of time", id="no-unit"),
        pytest.param(
            "burst:many", "--arrivals burst:many is not valid: use up to 1,000,000 tasks", id="no-number"
        ),
        pytest.param("burst:9000000", "use up to 1,000,000 tasks", id="huge-burst"),
        pytest.param("burst:5@soon", "'soon' is not a valid duration: use numbers and units", id="no-time"),
        pytest.param("burst:5@200s", "creates no tasks within 100 s: raise --duration", id="all-too-late"),
        pytest.param("poisson:0/s", "creates no tasks within 100 s", id="rate-of-zero"),
        pytest.param("poisson:90000/s", "creates more than 1,000,000 tasks: lower the rate", id="too-many"),
        pytest.param("none.csv", "--arrivals none.csv cannot be read: [Errno 2]", id="no-file"),
    ],
)
def test_what_is_wrong_with_arrivals_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        arrive(text)
    assert message in str(error.value)


@pytest.mark.parametrize("row", ["soon,3", "-1,3", "1,many", "1,-2", "nan,1", "1,9999999"])
def test_a_row_that_makes_no_sense_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(f"0,1\n{row}\n")
    with pytest.raises(InputError) as error:
        arrive(str(trace))
    assert str(error.value) == (
        f"{trace}, line 2 is '{row}': use seconds since the start and a number of tasks, such as 12.5,3."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("2s", "--service '2s' is not valid: use constant:2s", id="no-kind"),
        pytest.param("normal:2s", "--service 'normal:2s' is not valid", id="unknown-kind"),
        pytest.param("constant:2", "'2' is not a valid duration", id="no-unit"),
        pytest.param("constant:0s", "a task must take more than 0s", id="zero"),
        pytest.param("constant:2s,1", "is not valid", id="spread-of-a-constant"),
        pytest.param("lognormal:2s,9", "the spread '9' must be a number from 0 to 3", id="spread-too-large"),
        pytest.param("lognormal:2s,", "the spread '' must be a number", id="spread-missing"),
    ],
)
def test_what_is_wrong_with_running_times_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        service(text, random=Random(1))
    assert message in str(error.value)
