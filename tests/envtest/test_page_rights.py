"""The page of `kubectl taskfleet ui` has its user's rights and no other: each act is tried, by a viewer and by an editor of
one namespace, on a real API server with the chart's roles."""

import asyncio
import json
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from taskfleet.api import Object
from taskfleet.commands.flags import ClusterFlags
from taskfleet.ui.api_server import connected
from taskfleet.ui.guards import Session
from taskfleet.ui.kubectl_proxy import kubectl_proxy
from taskfleet.ui.operator_queries import OperatorQueries
from taskfleet.ui.server import Page, serving
from tests.envtest.conftest import new_namespace
from tests.tools.cluster import ClusterError, programs
from tests.tools.installation import CHART
from tests.tools.kube import Kube
from tests.tools.kubectl import Kubectl
from tests.tools.waiting import until, wait_for
from tests.unit.ui.page import LEASE, Browser

SECONDS = 30.0
ACTS: tuple[tuple[str, str, Object], ...] = (
    ("WorkerPool", "requeue", {}),
    ("WorkerPool", "forget", {}),
    ("WorkerPool", "retry", {}),
    ("WorkerPool", "forget-failed", {}),
    ("WorkerPool", "scale", {"replicas": 2}),
    ("WorkerPool", "suspend", {}),
    ("WorkerPool", "resume", {}),
    ("WorkerPool", "upgrade", {}),
    ("TaskQueue", "purge", {}),
    ("PeriodicSchedule", "trigger", {}),
    ("PeriodicSchedule", "suspend", {}),
    ("PeriodicSchedule", "resume", {}),
)
SPECS: dict[str, Object] = {
    "WorkerPool": {"app": "proj", "image": "registry.test/app:1", "replicas": 1},
    "TaskQueue": {},
    "PeriodicSchedule": {"task": "t", "interval": "1h", "args": ["hunter2"]},
}


@pytest.fixture(scope="module")
def roles(kubeconfig: Path) -> Iterator[None]:
    """The chart's additions to the roles view and edit, and its policy by which a request names its user."""
    command = [str(programs.program("helm")), "template", "taskfleet", str(CHART), "--kube-version=1.34"]
    shown = [f"--show-only=templates/{name}.yaml" for name in ("user-roles", "request-policy")]
    rendered = subprocess.run(
        [*command, "--set=requestPolicy.enabled=true", *shown], check=True, capture_output=True
    )
    objects = [one for one in yaml.safe_load_all(rendered.stdout) if one]
    kubectl = Kubectl(kubeconfig)
    for one in objects:
        kubectl.apply(one)
    yield
    for one in objects:
        kubectl("delete", one["kind"], one["metadata"]["name"])


def refuses_unsigned(kubectl: Kubectl) -> bool:
    """Whether the API server knows the policy, which takes a moment."""
    try:
        kubectl(
            "annotate", "--overwrite", "workerpool", "mail", f"taskfleet.dev/requeue={secrets.token_hex(4)}"
        )
    except ClusterError as error:
        return "must name the user" in str(error)
    return False


@pytest.fixture
def namespaces(kube: Kube, kubeconfig: Path, roles: None) -> Iterator[tuple[str, str]]:  # noqa: ARG001 - they must be there
    """Two namespaces with an object of each kind. Ann may view both; bob may view both and edit the first."""
    with new_namespace(kube) as first, new_namespace(kube) as second:
        for namespace in (first, second):
            kubectl = Kubectl(kubeconfig, namespace=namespace)
            for kind, spec in SPECS.items():
                kubectl.apply(_object(kind, namespace, spec))
            for user in ("ann", "bob"):
                kubectl.apply(_binding(namespace, user, "view"))
        Kubectl(kubeconfig, namespace=first).apply(_binding(first, "bob", "edit"))
        wait_for(lambda: refuses_unsigned(Kubectl(kubeconfig, namespace=second)), SECONDS, what="the policy")
        yield first, second


def _object(kind: str, namespace: str, spec: Object) -> Object:
    metadata = {"name": "mail", "namespace": namespace}
    return {"apiVersion": "taskfleet.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def _binding(namespace: str, user: str, role: str) -> Object:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"{user}-{role}", "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }


def impersonating(user: str, kubeconfig: Path, folder: Path) -> Path:
    config: Any = yaml.safe_load(kubeconfig.read_text())
    for one in config["users"]:
        one["user"]["as"] = user
    own = folder / f"{user}.kubeconfig"
    own.write_text(yaml.safe_dump(config))
    return own


@asynccontextmanager
async def page_of(user: str, kubeconfig: Path, folder: Path) -> AsyncIterator[Browser]:
    """The page as a user sees it, by a kubeconfig that impersonates them."""
    own = impersonating(user, kubeconfig, folder)
    session = Session()
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with (
        kubectl_proxy(ClusterFlags(kubeconfig=str(own))) as socket,
        connected(socket) as server,
        serving(
            Page(server, OperatorQueries(server, LEASE, None), session, "default", whole=False), port=0
        ) as port,
        aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, read_bufsize=2**22
        ) as http,
    ):
        yield Browser(port, session, http)


async def attempts(browser: Browser, namespace: str) -> dict[str, tuple[bool, int]]:
    """For each act whether its button is enabled, and the answer to the act itself."""
    found = {}
    for kind, act, arguments in ACTS:
        place = {"kind": kind, "namespace": namespace, "name": "mail"}
        _, text, _ = await browser.ask("POST", "/api/access", body=place)
        body = {**place, "act": act, "arguments": arguments}
        status, _, _ = await browser.ask("POST", "/api/act", body=body)
        found[f"{act} {kind}"] = json.loads(text)["allowed"], status
    return found


async def until_allowed(browser: Browser, namespace: str) -> None:
    """Roles are aggregated by a controller, so a moment passes until they hold."""
    body = {"kind": "WorkerPool", "namespace": namespace}

    async def allowed() -> bool:
        return "true" in (await browser.ask("POST", "/api/access", body=body))[1]

    await until(allowed, SECONDS)


async def seen(browser: Browser, namespace: str) -> dict[str, Object]:
    """What the page is told of a namespace: by kind, its list or the error."""
    told: dict[str, Object] = {}
    async with asyncio.timeout(SECONDS), browser.lines(f"/api/live?namespace={namespace}") as lines:
        async for line in lines:
            if kind := line.get("sync") or line.get("error"):
                told[kind] = line
            if len(told) == 5:
                break
    return told


@pytest.fixture(autouse=True)
def _kubectl_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = programs.program("kubectl").parent
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


async def test_an_editor_of_one_namespace_acts_there_and_nowhere_else(
    kubeconfig: Path, namespaces: tuple[str, str], tmp_path: Path
) -> None:
    first, second = namespaces
    async with page_of("bob", kubeconfig, tmp_path) as browser:
        await until_allowed(browser, first)
        assert await attempts(browser, first) == {f"{act} {kind}": (True, 200) for kind, act, _ in ACTS}
        assert await attempts(browser, second) == {f"{act} {kind}": (False, 403) for kind, act, _ in ACTS}


async def test_a_viewer_sees_every_object_and_no_argument_and_acts_nowhere(
    kubeconfig: Path, namespaces: tuple[str, str], tmp_path: Path
) -> None:
    first, _ = namespaces
    async with page_of("bob", kubeconfig, tmp_path) as browser:
        await until_allowed(browser, first)  # then the roles are aggregated for everyone
    async with page_of("ann", kubeconfig, tmp_path) as browser:
        told = await seen(browser, first)
        for kind in SPECS:
            assert [one["name"] for one in told[kind]["items"]] == ["mail"], told[kind]
        assert told["Event"].get("items") is not None
        assert "hunter2" not in str(told)
        assert await attempts(browser, first) == {f"{act} {kind}": (False, 403) for kind, act, _ in ACTS}


async def test_what_a_user_may_not_list_is_an_error_for_each_kind(
    kubeconfig: Path, namespaces: tuple[str, str], tmp_path: Path
) -> None:
    async with page_of("eve", kubeconfig, tmp_path) as browser:
        told = await seen(browser, namespaces[0])
    assert {(kind, line["status"]) for kind, line in told.items()} == {
        (kind, 403) for kind in (*SPECS, "Broker", "Event")
    }
