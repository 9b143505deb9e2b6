"""Nothing changes silently: what the operator builds differs from the worker of today only where the report says so."""

import re

import pytest
from tests.unit.convert.corpus import CASES, converted
from tests.unit.convert.effective import Effective, effective, worker_words
from tests.unit.convert.originals import ELSEWHERE, IN_KUBERNETES, original_in_kubernetes
from tests.unit.resources.objects import INSTALLATION

from taskfleet.api import Broker, Object, WorkerPool
from taskfleet.convert.conversion import Conversion
from taskfleet.convert.notes import Verdict
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.worker_deployment import worker_deployment

# What the report calls a setting, where that is not its own name.
SAID = {
    "--pool": ("-P",),
    "--concurrency": ("-c",),
    "--queues": ("-Q",),
    "--exclude-queues": ("-X",),
    "--hostname": ("-n", "no -n"),
    "--beat": ("-B",),
    "container allowPrivilegeEscalation": ("container securityContext",),
    "container capabilities": ("container securityContext",),
    "pod runAsNonRoot": ("securityContext",),
    "pod seccompProfile": ("seccompProfile",),
    "mount /tmp": ("/tmp",),
    "lifecycle": ("preStop",),
    "workingDir": ("template",),
    "readinessProbe": ("readinessProbe", "probes"),
    "livenessProbe": ("livenessProbe", "probes"),
    "serviceAccount": ("template",),  # Kubernetes' other name of serviceAccountName
}


@pytest.mark.parametrize("case", IN_KUBERNETES)
def test_a_deployment_differs_as_the_report_says(case: str) -> None:
    before, program, script = original_in_kubernetes(case)
    conversion = converted(case)
    (pool,) = _pools(conversion)
    assert _unsaid(before, _built(conversion, pool), conversion, pool) == []
    for word in program:
        assert any(word in subject for subject in _subjects(conversion, pool)), f"{word} is gone"
    for command in script:
        handled = command.startswith(("cd ", "export "))
        assert handled or any(command in subject for subject in _subjects(conversion, pool)), (
            f"{command} is gone"
        )


@pytest.mark.parametrize(("case", "name"), sorted(ELSEWHERE))
def test_a_service_or_unit_differs_as_the_report_says(case: str, name: str) -> None:
    conversion = converted(case)
    pool = next(pool for pool in _pools(conversion) if pool.name == name)
    assert _unsaid(ELSEWHERE[case, name], _built(conversion, pool), conversion, pool) == []


def test_every_pool_of_the_corpus_is_compared() -> None:
    compared = {*((case, None) for case in IN_KUBERNETES), *ELSEWHERE}
    pools = [
        (case, None if case in IN_KUBERNETES else pool.name)
        for case in CASES
        for pool in _pools(converted(case))
    ]
    assert set(pools) == compared


def test_what_cannot_be_expressed_is_no_more_than_this() -> None:
    """By deployment, so that a new loss is seen, and one that a new field cures."""
    lost = {case: _lost(case) for case in CASES}
    assert {case: subjects for case, subjects in lost.items() if subjects} == {
        "compose-flower": ["volume .:/app"],
        "compose-queues": [
            "beat volumes, volumeMounts",
            "volume ${CREDENTIALS}:${CREDENTIALS}",
            "volume ./:/app",
        ],
    }


def _lost(case: str) -> list[str]:
    return sorted({note.subject for note in converted(case).notes if note.verdict is Verdict.LOST})


def _pools(conversion: Conversion) -> list[WorkerPool]:
    return [WorkerPool.parse(_stored(one)) for one in conversion.manifests if one["kind"] == "WorkerPool"]


def _stored(manifest: Object) -> Object:
    metadata = {"namespace": "shop", "uid": "1-2-3", **manifest["metadata"]}
    return {**manifest, "metadata": metadata}


def _built(conversion: Conversion, pool: WorkerPool) -> Effective:
    brokers = [Broker.parse(_stored(one)) for one in conversion.manifests if one["kind"] == "Broker"]
    broker = next(one for one in brokers if one.name == pool.spec.broker_ref.name)
    deployment = worker_deployment(pool, BrokerBinding.of(broker), INSTALLATION)
    template = deployment["spec"]["template"]
    container = next(one for one in template["spec"]["containers"] if one["name"] == "worker")
    words, _, _ = worker_words(["celery", "worker", *container["args"]])
    return effective(template, container, words)


def _subjects(conversion: Conversion, pool: WorkerPool) -> set[str]:
    """What the report names about the source of a pool."""
    source = next(note.source for note in conversion.notes if note.text == f"WorkerPool {pool.name}")
    return {note.subject for note in conversion.notes if note.source == source}


def _unsaid(before: Effective, after: Effective, conversion: Conversion, pool: WorkerPool) -> list[str]:
    """Differences that the report names nowhere."""
    subjects = _subjects(conversion, pool)
    given = {
        name
        for name in ("name", "component", "managed-by")
        if f"label app.kubernetes.io/{name}" in before.settings
    }
    unsaid = []
    for name in before.differences(after):
        label = re.fullmatch(r"label app\.kubernetes\.io/(name|component|managed-by)", name)
        if label and label[1] not in given:
            continue  # a label that the pod did not have
        said = (*SAID.get(name, ()), name, name.removeprefix("env "), f"no {name}")
        broker = re.fullmatch(r"env CELERY_BROKER_(READ_|WRITE_)?URL", name) and "broker" in subjects
        backend = name == "env CELERY_RESULT_BACKEND" and "result backend" in subjects
        script = name.startswith("env ") and "variables of the script" in subjects
        mount = name.startswith(("mount ", "volume ")) and any(name.split()[1] in one for one in subjects)
        hidden = name.startswith("env ") and "variables of .env" in subjects and name not in before.settings
        if not (set(said) & subjects or broker or backend or script or mount or hidden):
            unsaid.append(name)
    return unsaid
