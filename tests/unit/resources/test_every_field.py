"""The cases `every-field`, held against the models: a new field of a spec is built somewhere, its digest and flag are known."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.unit.resources.cases import EVERY_FIELD, FULL_BEAT, FULL_REDIS, FULL_SCHEDULES, RESULTS_BY_PARTS
from tests.unit.resources.objects import deployment, worker, worker_pool

from taskfleet.api import Beat, Model, Object, Redis, WorkerPoolSpec
from taskfleet.api.broker import Schedules
from taskfleet.api.worker_flags import OWNED
from taskfleet.api.worker_variables import REFUSED_VARIABLES
from taskfleet.convert import flags
from taskfleet.convert.draft import Field
from taskfleet.resources.worker_deployment import INPUTS_HASH

CONTRACT = Path(__file__).parents[3] / "worker-image/README.md"

# Each has a case of its own, or a test of what it becomes.
ELSEWHERE = {
    "app": "in every case",
    "image": "in every case",
    "pool": "a case for each",
    "processAutoscale": "excludes concurrency",
    "autoscale": "excludes replicas",
    "excludeQueues": "excludes queues",
    "suspend": "the size is not built",
    "recycle": "scaling/test_recycling",
    "beat": "app-beat-every-field",
    "networkPolicy": "test_worker_network_policy, test_broker_network_policy",
    "brokerRef": "the Broker is an argument of what builds",
    "resultBackend.urlSecretRef": "excludes broker and scheme",
    "resultBackend.databaseFrom.configMapKeyRef": "as in hostFrom",
    "resultBackend.hostFrom.secretKeyRef": "as in usernameFrom",
    "resultBackend.portFrom.secretKeyRef": "as in usernameFrom",
    "resultBackend.usernameFrom.configMapKeyRef": "as in hostFrom",
    "env.valueFrom": "passed on as it is written",
    "envFrom.configMapRef.optional": "as in secretRef",
    "scheduler": "controllers/test_app_beat",
    "template": "test_app_beat_deployment",
}
# Another value than that of the smallest pool.
VALUES: Object = {
    **EVERY_FIELD,
    "app": "other",
    "image": "registry.test/other:1",
    "pool": "gevent",
    "processAutoscale": {"min": 1, "max": 3},
    "excludeQueues": ["slow"],
    "autoscale": {"maxReplicas": 3},
    "suspend": True,
    "recycle": {"maxAge": "24h"},
    "beat": {},
    "networkPolicy": {},
}


def left_out(model: type[Model], given: list[Object], path: str = "") -> Iterator[str]:
    """The fields of a model that none of the objects sets, those of models in it included."""
    for name, field in model.model_fields.items():
        alias = field.serialization_alias or name
        values = [one[alias] for one in given if alias in one]
        if not values:
            yield path + alias
            continue
        entries = [entry for value in values for entry in (value if isinstance(value, list) else [value])]
        for part in models_in(field.annotation):
            yield from left_out(part, entries, f"{path}{alias}.")


def models_in(annotation: Any) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def test_every_field_is_in_a_case() -> None:
    results = [{"resultBackend": backend} for backend in RESULTS_BY_PARTS]
    cases: list[tuple[type[Model], list[Object]]] = [
        (WorkerPoolSpec, [EVERY_FIELD, *results]),
        (Redis, [FULL_REDIS]),
        (Beat, [FULL_BEAT]),
        (Schedules, [FULL_SCHEDULES]),
    ]
    found = {field for model, given in cases for field in left_out(model, given)}
    assert found == ELSEWHERE.keys(), "a new field: add it to tests/unit/resources/cases.py"


# The Broker is an argument of what builds.
@pytest.mark.parametrize("field", sorted(WorkerPoolSpec.model_fields.keys() - {"broker_ref"}))
def test_the_digest_of_the_inputs_follows_the_pod(field: str) -> None:
    """Else pods roll without a reason, or the pods of an older operator lose the template that they keep."""
    alias = WorkerPoolSpec.model_fields[field].serialization_alias or field
    before, after = deployment(worker_pool()), deployment(worker_pool(**{alias: VALUES[alias]}))
    hashes = [one["metadata"]["annotations"][INPUTS_HASH] for one in (before, after)]
    pods = [one["spec"]["template"] for one in (before, after)]
    assert (hashes[0] != hashes[1]) == (pods[0] != pods[1]), "see NOT_IN_THE_POD of resources/hashing.py"


def flags_of_fields() -> Iterator[tuple[str, str]]:
    """A field, and a flag of `celery worker` that it becomes."""
    smallest = worker(worker_pool())["args"]
    for field, value in VALUES.items():
        added = [one for one in worker(worker_pool(**{field: value}))["args"] if one not in smallest]
        yield from ((field, one.partition("=")[0]) for one in added if one.startswith("--"))


@pytest.mark.parametrize(("field", "flag"), [*flags_of_fields()])
def test_the_flag_of_a_field_is_known_wherever_flags_are(field: str, flag: str) -> None:
    """Else extraArgs or a variable says otherwise than the field, or convert does not use it."""
    owned = {spelling for spellings in OWNED.values() for spelling in spellings}
    assert flag in owned, "add it to OWNED of api/worker_flags.py"
    variable = f"CELERY_WORKER_{flag.removeprefix('--').replace('-', '_').upper()}"
    assert REFUSED_VARIABLES[variable].endswith(f"set {field}."), "name the field in api/worker_variables.py"
    place = flags.WORKER.get(flag)
    assert isinstance(place, Field), "make it a Field in convert/flags.py"
    assert place.path == field
    assert f"`{flag}=" in CONTRACT.read_text(), "add it to the arguments in worker-image/README.md"


def test_flags_of_fields_are_found() -> None:
    assert {("queues", "--queues"), ("processAutoscale", "--autoscale")} <= {*flags_of_fields()}
