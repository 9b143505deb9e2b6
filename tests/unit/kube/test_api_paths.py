"""Which paths of the API server the operator can be made to call: none outside the namespace of the cause."""

import ast
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import GROUP, KINDS, VERSION, Key
from taskfleet.app import RECONCILERS
from taskfleet.kube.errors import InvalidNameError
from taskfleet.kube.lease import KubernetesLease
from taskfleet.kube.resource_types import RESOURCE_TYPES
from tests.envtest.rules.case import build
from tests.envtest.rules.references import references
from tests.tools.api_server import ApiServer
from tests.tools.hostile_names import HOSTILE_NAMES
from tests.unit.controllers.scene import Scene
from tests.unit.objects import NAMESPACE

SOURCE = Path(__file__).parents[3] / "operator/taskfleet"
hostile = pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)


@hostile
@pytest.mark.parametrize("kind", RESOURCE_TYPES)
def test_no_path_is_built_from_what_is_no_name(kind: str, name: str) -> None:
    resource = RESOURCE_TYPES[kind]
    arguments: list[tuple[Any, ...]] = [(name,), ("shop", name), ("shop", "mail", name), (None, name)]
    for each in arguments:
        with pytest.raises(InvalidNameError):
            resource.path(*each)


@hostile
async def test_the_gateway_asks_the_api_server_for_none(name: str) -> None:
    server = ApiServer()
    gateway = server.gateway()
    key = Key("Secret", NAMESPACE, name)
    service, account = Key("Service", NAMESPACE, "operator"), Key("ServiceAccount", NAMESPACE, name)
    for call in (
        gateway.get(key),
        gateway.get(Key("Secret", name, "url")),
        gateway.patch(key, {}),
        gateway.patch_status(Key("WorkerPool", NAMESPACE, name), {}),
        gateway.delete(key, uid="u"),
        gateway.apply({"kind": "Secret", "metadata": {"namespace": NAMESPACE, "name": name}}),
        gateway.create({"kind": "Secret", "metadata": {"namespace": name, "name": "x"}}),
        gateway.is_served("Pod", name),
        gateway.ask_service(service, "http", name, query={}, headers={}),
        gateway.ask_service(service, name, "dead", query={}, headers={}),
        gateway.ask_service(service._replace(name=name), "http", "dead", query={}, headers={}),
        gateway.account_token(account, audience="a", seconds=600),
    ):
        with pytest.raises(InvalidNameError):
            await call
    assert server.requests == []


@hostile
def test_a_lease_is_no_exception(name: str) -> None:
    for where in ({"namespace": name, "name": "taskfleet"}, {"namespace": "system", "name": name}):
        with pytest.raises(InvalidNameError):
            KubernetesLease(None, **where)


@hostile
@pytest.mark.parametrize(("kind", "field"), references(""), ids=".".join)
async def test_a_stored_reference_leads_nowhere_else(kind: str, field: str, name: str) -> None:
    """An object that is older than the rule: every call stays in its namespace and names an object."""
    scene = Scene()
    key = scene.add(build(kind, references(name)[kind, field], namespace=NAMESPACE))
    await scene.reconcile(RECONCILERS[kind], key)
    await scene.reconcile(RECONCILERS[kind], key)
    for request in scene.server.requests:
        assert request.call.namespace == NAMESPACE
        assert not request.call.name or request.call.name not in name
        assert request.call.resource.split("/")[-1] in {
            *(resource.plural for resource in RESOURCE_TYPES.values()),
            "status",
        }


@pytest.mark.parametrize("field", [field for _, field in references("") if field.startswith("external.")])
async def test_a_broker_says_which_reference_is_no_name(field: str) -> None:
    scene = Scene()
    key = scene.add(
        build("Broker", references("../../other/secrets/x")["Broker", field], namespace=NAMESPACE)
    )
    await scene.reconcile(RECONCILERS["Broker"], key)
    conditions = scene.server.objects[key]["status"]["conditions"]
    stalled = next(one for one in conditions if one["type"] == "Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "InvalidSpec")
    kind = "ConfigMap" if "configMap" in field else "Secret"
    assert stalled["message"].startswith(
        f"spec.{field} is '../../other/secrets/x', which is not a valid name of a {kind}."
    )
    assert scene.brokers.targets == {}


def test_paths_are_written_in_one_module_only() -> None:
    """What lists the paths that exist: RESOURCE_TYPES, by the one function that checks names.

    The page, which runs as its user, has a list of what its proxy lets through (ui/kubectl_proxy.py), fixed
    paths of reviews, and paths of its own.
    """
    writers = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(part in node.value for part in ("/apis/", "/api/", "namespaces/"))
        and "://" not in node.value
    }
    page = {"ui/kubectl_proxy.py", "ui/api_server.py", "ui/server.py"}
    assert writers - page == {"kube/resource_types.py"}


def test_each_path_that_can_be_called_is_known() -> None:
    """A new kind of object is a decision about rights: docs/reference/permissions.md and the chart's Role name each."""
    assert sorted(resource.path("NAMESPACE".lower(), "name") for resource in RESOURCE_TYPES.values()) == [
        "/api/v1/namespaces/namespace/configmaps/name",
        "/api/v1/namespaces/namespace/events/name",
        "/api/v1/namespaces/namespace/namespaces/name",
        "/api/v1/namespaces/namespace/nodes/name",
        "/api/v1/namespaces/namespace/persistentvolumeclaims/name",
        "/api/v1/namespaces/namespace/pods/name",
        "/api/v1/namespaces/namespace/secrets/name",
        "/api/v1/namespaces/namespace/serviceaccounts/name",
        "/api/v1/namespaces/namespace/services/name",
        "/apis/apps/v1/namespaces/namespace/deployments/name",
        "/apis/apps/v1/namespaces/namespace/statefulsets/name",
        "/apis/authentication.k8s.io/v1/namespaces/namespace/selfsubjectreviews/name",
        "/apis/authentication.k8s.io/v1/namespaces/namespace/tokenreviews/name",
        "/apis/authorization.k8s.io/v1/namespaces/namespace/subjectaccessreviews/name",
        "/apis/coordination.k8s.io/v1/namespaces/namespace/leases/name",
        "/apis/networking.k8s.io/v1/namespaces/namespace/networkpolicies/name",
        "/apis/policy/v1/namespaces/namespace/poddisruptionbudgets/name",
        *sorted(f"/apis/{GROUP}/{VERSION}/namespaces/namespace/{info.plural}/name" for info in KINDS),
    ]
