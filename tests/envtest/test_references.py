"""References never lead out of their namespace: refused when applied, and by the operator where stored before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from taskfleet.api import GROUP
from taskfleet.crds import REPOSITORY
from tests.envtest.brokers import broker, secret
from tests.envtest.conditions import condition, wait_for_condition
from tests.envtest.conftest import new_namespace
from tests.envtest.rules.case import build
from tests.envtest.rules.references import references
from tests.runtime.redis_server import RedisServer
from tests.tools.hostile_names import HOSTILE_NAMES
from tests.tools.kube import TYPES, Kube, RefusedError
from tests.tools.waiting import wait_for

DRY_RUN = {"dryRun": "All", "fieldValidation": "Strict"}


@pytest.mark.parametrize(("kind", "field"), references(""), ids=".".join)
def test_a_reference_takes_names_only(kube: Kube, namespace: str, kind: str, field: str) -> None:
    for name in (*HOSTILE_NAMES, ""):
        obj = build(kind, references(name)[kind, field], namespace=namespace)
        with pytest.raises(RefusedError) as refused:
            kube.request("POST", TYPES[kind].path(namespace), obj, query=DRY_RUN)
        assert refused.value.status == 422, name
        assert f"spec.{field}: " in refused.value.message, name


@contextmanager
def crd_before_the_rule(kube: Kube) -> Iterator[None]:
    """The Broker's CRD with a spec that takes anything, as before a rule existed."""
    crd = yaml.safe_load((REPOSITORY / f"crds/{GROUP}_brokers.yaml").read_text())
    name, schema = crd["metadata"]["name"], crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    checked = schema["properties"]["spec"]
    schema["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    kube.apply(crd)
    try:
        yield
    finally:
        schema["properties"]["spec"] = checked
        kube.apply(crd)
        wait_for(lambda: "properties" in _spec_schema(kube, name), 30, what="the CRD with its rules")


def _spec_schema(kube: Kube, name: str) -> dict[str, object]:
    versions = (kube.get("CustomResourceDefinition", name) or {})["spec"]["versions"]
    schema: dict[str, object] = versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema


@pytest.mark.usefixtures("shared_operator")
@pytest.mark.parametrize(
    "form", ["../../{}/secrets/redis", "..%2f..%2f{}%2fsecrets%2fredis"], ids=["plain", "encoded"]
)
def test_an_object_of_before_the_rule_reads_no_secret_elsewhere(
    kube: Kube, namespace: str, tmp_path: Path, form: str
) -> None:
    with RedisServer(tmp_path) as server, new_namespace(kube) as other:
        kube.apply(secret(other, "redis", url=server.url))
        stolen = form.format(other)
        attack = broker(namespace, external={"urlSecretRef": {"name": stolen, "key": "url"}})
        with crd_before_the_rule(kube):
            wait_for(lambda: _is_stored(kube, attack), 30, what="the object that breaks the rule")
        status = wait_for_condition(kube, attack, "Stalled", "True", "InvalidSpec")["status"]
        assert condition({"status": status}, "Stalled")["message"] == (
            f"spec.external.urlSecretRef.name is '{stolen}', which is not a valid name of a "
            "Secret. Use the name of a Secret in this namespace."
        )
        assert "endpoint" not in status
        assert server.client.info("stats")["total_connections_received"] == 1


def _is_stored(kube: Kube, obj: dict[str, object]) -> bool:
    """The API server takes a moment to check by the changed CRD."""
    try:
        kube.apply(obj)
    except RefusedError:
        return False
    return True
