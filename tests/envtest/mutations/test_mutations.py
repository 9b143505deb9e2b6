"""Every property of every kind, changed on a living object and taken back: as fresh, as before, quiet, and told of."""

import random
from collections.abc import Iterator

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import external_broker, secret
from tests.envtest.conftest import new_namespace
from tests.envtest.mutations.mutation import Mutation, mutations
from tests.envtest.mutations.properties import properties
from tests.envtest.mutations.trial import Trial
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pods import kubelet
from tests.envtest.proxy import Proxy
from tests.envtest.states import OWN_KINDS
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube

_SAMPLE = 25
_SEED = 14
_AT_ONCE = 50  # the operator looks at all of them every second
ALL = mutations()


@pytest.fixture
def trial(
    kube: Kube, shared_proxy: Proxy, shared_operator: OperatorProcess, redis_server: RedisServer
) -> Iterator[Trial]:
    """Two namespaces with the Brokers, Secrets and ConfigMaps that specs name."""
    with new_namespace(kube) as living, new_namespace(kube) as fresh:
        for namespace in (living, fresh):
            for obj in _referred(namespace, redis_server.url):
                kube.apply(obj)
        with kubelet(kube, living), kubelet(kube, fresh):
            yield Trial(kube, shared_proxy, shared_operator, redis_server.client, living=living, fresh=fresh)


def _referred(namespace: str, url: str) -> Iterator[Object]:
    yield secret(namespace, "company", url=url, other=f"{url[:-1]}1")
    yield secret(namespace, "other", url=url)
    metadata = {"name": "settings", "namespace": namespace}
    yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"url": "x"}}
    for name, key in (("default", "url"), ("other", "other")):
        yield external_broker(namespace, name, external={"urlSecretRef": {"name": "company", "key": key}})


def test_every_property_is_mutated() -> None:
    mutated = {mutation.of.path for mutation in ALL}
    assert [str(one) for one in properties() if one.path not in mutated] == []
    assert {mutation.of.kind for mutation in ALL} == set(OWN_KINDS)


def test_a_sample_of_mutations(trial: Trial) -> None:
    assert trial.run(random.Random(_SEED).sample(ALL, _SAMPLE)) == []


@pytest.mark.long
@pytest.mark.parametrize("kind", OWN_KINDS)
def test_all_mutations(trial: Trial, kind: str) -> None:
    mine = [mutation for mutation in ALL if mutation.of.kind == kind]
    problems = [problem for some in _batches(mine) for problem in trial.run(some)]
    touched = {mutation.of.path for mutation in mine}
    print(*problems, sep="\n")
    print(f"{kind}: {len(touched)} properties, {len(mine)} mutations, {len(problems)} failures")
    assert problems == []


def _batches(mine: list[Mutation]) -> Iterator[list[Mutation]]:
    for start in range(0, len(mine), _AT_ONCE):
        yield mine[start : start + _AT_ONCE]
