"""The tables of convert: complete for what Celery has, and true to the models."""

import pytest

from taskfleet.api import PeriodicScheduleSpec, WorkerPoolSpec
from taskfleet.api.base import Model
from taskfleet.convert import environment, flags, periodic, pod, settings
from taskfleet.convert.celery_options import grammar
from taskfleet.convert.draft import Dropped, Field, Missing, Table

_TABLES: dict[str, tuple[Table, type[Model]]] = {
    "worker": (flags.WORKER, WorkerPoolSpec),
    "beat": (flags.BEAT, WorkerPoolSpec),
    "settings": (settings.SETTINGS, WorkerPoolSpec),
    "variables": (environment.VARIABLES, WorkerPoolSpec),
    "container": (pod.CONTAINER, WorkerPoolSpec),
    "call": (periodic.OPTIONS, PeriodicScheduleSpec),
}
_ASKING = {"--version", "--help"}  # options that start no worker


def _has(model: type[Model], path: str) -> bool:
    """Whether a dotted path leads to a field of a model."""
    first, _, rest = path.partition(".")
    for name, field in model.model_fields.items():
        if (field.alias or field.serialization_alias or name) == first:
            nested = next((one for one in _models(field.annotation)), None)
            return not rest or nested is None or _has(nested, rest)
    return False


def _models(annotation: object) -> list[type[Model]]:
    choices = getattr(annotation, "__args__", (annotation,))
    return [one for one in choices if isinstance(one, type) and issubclass(one, Model)]


@pytest.mark.parametrize("name", _TABLES)
def test_every_field_that_a_table_names_is_one(name: str) -> None:
    table, model = _TABLES[name]
    assert [
        place.path for place in table.values() if isinstance(place, Field) and not _has(model, place.path)
    ] == []


@pytest.mark.parametrize("name", _TABLES)
def test_what_has_no_field_says_why(name: str) -> None:
    table, _ = _TABLES[name]
    without = [key for key, place in table.items() if isinstance(place, Dropped | Missing) and not place.text]
    assert without == []


@pytest.mark.parametrize(
    ("command", "table", "elsewhere"),
    [
        pytest.param(
            "worker", flags.WORKER, {"--beat", "--schedule", "--scheduler", "--optimization"}, id="worker"
        ),
        pytest.param("beat", flags.BEAT, set(), id="beat"),
    ],
)
def test_every_option_of_celery_has_its_place(command: str, table: Table, elsewhere: set[str]) -> None:
    known = {*table, *flags.ELSEWHERE, *elsewhere, *_ASKING}
    assert set(grammar(command).names.values()) - known == set()
