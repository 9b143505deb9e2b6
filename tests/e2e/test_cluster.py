"""The bare cluster itself: nothing of it is left behind, and clusters side by side do not meet."""

import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from taskfleet.api import Object
from tests.e2e.traces import footprint, machine, traces
from tests.tools.cluster import CATALOGUE, ClusterError, config, kubectl, processes
from tests.tools.cluster.bare import BareCluster
from tests.tools.cluster.existing import ExistingCluster
from tests.tools.cluster.state import lock, run_dir
from tests.tools.waiting import wait_for

pytestmark = pytest.mark.skipif(
    "TASKFLEET_KUBECONFIG" in os.environ or os.geteuid() != 0, reason="bare clusters need root"
)


@pytest.fixture(scope="module", autouse=True)
def names_are_ours() -> Iterator[None]:
    """Another run of these tests on this machine waits: it uses the same names."""
    with lock("test-cluster"):
        yield


@pytest.fixture(scope="module")
def one() -> Iterator[BareCluster]:
    cluster = BareCluster("test-one")
    cluster.up("full")
    yield cluster
    cluster.down()


@pytest.fixture(scope="module")
def two() -> Iterator[BareCluster]:
    """Two nodes, beside cluster one."""
    cluster = BareCluster("test-two")
    cluster.up("full", nodes=2)
    yield cluster
    cluster.down()


@pytest.fixture
def crashing() -> Iterator[BareCluster]:
    cluster = BareCluster("test-crash")
    yield cluster
    cluster.down()


def run_pods(cluster: BareCluster | ExistingCluster, image: str, *, replicas: int) -> list[Object]:
    """A Deployment, its Service, a volume in memory; the pods, spread over the nodes, when all are Ready."""
    labels = {"app": "redis"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": labels},
    }
    container = {
        "name": "redis",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "volumeMounts": [{"name": "memory", "mountPath": "/data"}],
    }
    pod = {
        "terminationGracePeriodSeconds": 1,
        "topologySpreadConstraints": [spread],
        "containers": [container],
        "volumes": [{"name": "memory", "emptyDir": {"medium": "Memory"}}],
    }
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    service = {"selector": labels, "ports": [{"port": 6379}]}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "redis"}, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "redis"}, "spec": service},
    ]
    for obj in objects:
        answer = kubectl.run(cluster.kubeconfig, "apply", "--filename=-", stdin=json.dumps(obj))
        assert answer.returncode == 0, answer.stderr

    def ready() -> list[Object]:
        found = json.loads(kubectl.run(cluster.kubeconfig, "get", "pods", "-lapp=redis", "-ojson").stdout)[
            "items"
        ]
        conditions = [c for pod in found for c in pod["status"].get("conditions", []) if c["type"] == "Ready"]
        return found if [c["status"] for c in conditions] == ["True"] * replicas else []

    return wait_for(ready, 90, what="Redis pods")


def ping(host: str) -> str:
    """What the machine itself gets from a Redis; nothing while none listens."""
    try:
        with socket.create_connection((host, 6379), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(100).decode().strip()
    except OSError:
        return ""


def dns_answer(server: str, name: str) -> bytes:
    """What a DNS server answers the machine about the IPv4 addresses of a name (RFC 1035); nothing if it is silent."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = labels + b"\0" + struct.pack(">HH", 1, 1)  # type A, class IN
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(2)
        client.sendto(struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + question, (server, 53))
        try:
            return client.recv(512)
        except TimeoutError:
            return b""


def service_address(cluster: BareCluster, name: str, namespace: str = "default") -> str:
    command = ("get", "service", name, "--namespace", namespace, "--output=jsonpath={.spec.clusterIP}")
    return kubectl.run(cluster.kubeconfig, *command).stdout


def started_pids(cluster: BareCluster) -> set[int]:
    return {process.pid for process in processes.marked(run_dir(cluster.name))}


@pytest.mark.parametrize("crash", ["containerd-1", "node-1", "everything"])
def test_down_leaves_nothing_after_a_crash_of(crash: str, crashing: BareCluster) -> None:
    before = machine()
    crashing.up("full")
    run_pods(crashing, crashing.load([CATALOGUE["pause"]])["pause"], replicas=2)
    here = footprint(crashing.name)
    seen = {kind for kind, _ in traces(here)}
    assert seen == {"process", "link", "route", "control group", "file"}, "mounts are the node's own"
    victims = processes.marked(here.folder)
    processes.kill(one.pid for one in victims if crash in (one.component, "everything"))
    crashing.down()
    assert traces(here) == []
    assert machine() == before


def test_an_up_that_was_killed_is_cleaned_by_the_next_up_and_by_down(crashing: BareCluster) -> None:
    before = machine()
    command = [
        sys.executable,
        "-m",
        "tests.tools.cluster",
        "up",
        "--provider",
        "bare",
        "--name",
        crashing.name,
    ]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) as up:
        wait_for(
            lambda: "kube-apiserver" in {one.program for one in processes.marked(run_dir(crashing.name))}, 60
        )
        up.kill()
    half, left = footprint(crashing.name), started_pids(crashing)
    assert left
    crashing.up("control-plane")
    assert left.isdisjoint(started_pids(crashing))
    assert all(part.healthy for part in crashing.status())
    whole = footprint(crashing.name)
    crashing.down()
    assert traces(half) == traces(whole) == []
    assert machine() == before


def test_pods_of_two_nodes_and_the_machine_reach_each_other(two: BareCluster) -> None:
    pods = run_pods(two, two.load([CATALOGUE["redis"]])["redis"], replicas=2)
    assert {pod["spec"]["nodeName"] for pod in pods} == {"node1", "node2"}
    addresses = [pod["status"]["podIP"] for pod in pods]
    for address in (*addresses, service_address(two, "redis")):
        wait_for(lambda host=address: ping(host) == "+PONG", 20, what=f"{address} answers the machine")  # type: ignore[misc]
    for pod in pods:
        for host in (*addresses, "redis", "redis.default.svc.cluster.local"):
            command = ("exec", pod["metadata"]["name"], "--", "redis-cli", "-h", host, "ping")
            answer = kubectl.run(two.kubeconfig, *command)
            assert answer.stdout.strip() == "PONG", f"{pod['spec']['nodeName']} to {host}: {answer.stderr}"


def test_a_name_outside_the_cluster_does_not_exist_and_nobody_waits_for_the_answer(two: BareCluster) -> None:
    (pod, *_) = run_pods(two, two.load([CATALOGUE["redis"]])["redis"], replicas=2)
    script = "timeout 3 getent hosts a-name.invalid; echo $?"
    answer = kubectl.run(two.kubeconfig, "exec", pod["metadata"]["name"], "--", "sh", "-c", script)
    assert answer.stdout.strip() == "2", "getent: not found, not timed out (124)"


def test_clusters_side_by_side_are_two_clusters(one: BareCluster, two: BareCluster) -> None:
    assert kubectl.ready_nodes(one.kubeconfig) == 1
    assert kubectl.ready_nodes(two.kubeconfig) == 2
    addresses = [service_address(cluster, "kubernetes") for cluster in (one, two)]
    assert len(set(addresses)) == 2
    for cluster, address in zip((one, two), addresses, strict=True):
        server = service_address(cluster, "kube-dns", "kube-system")
        question = (server, "kubernetes.default.svc.cluster.local")
        answer = wait_for(lambda question=question: dns_answer(*question), 30, what="DNS answers the machine")  # type: ignore[misc]
        assert socket.inet_aton(address) in answer, f"{cluster.name}: its own Service under that name"


def test_up_leaves_a_cluster_that_works_alone(one: BareCluster) -> None:
    before = {part.name: part.detail for part in one.status()}
    one.up("full")
    assert {part.name: part.detail for part in one.status()} == before


def test_a_volume_can_be_claimed_again_when_its_claim_is_gone(one: BareCluster) -> None:
    def phases() -> set[str]:
        output = "--output=jsonpath={.items[*].status.phase}"
        return set(kubectl.run(one.kubeconfig, "get", "persistentvolumes", output).stdout.split())

    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volume = {"volumeName": "node1-volume0"}  # without a pod that waits for it
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "c"},
        "spec": {**spec, **volume},
    }
    assert kubectl.run(one.kubeconfig, "apply", "--filename=-", stdin=json.dumps(claim)).returncode == 0
    wait_for(lambda: "Bound" in phases(), 20, what="the claim is bound")
    left = run_dir(one.name) / "volumes" / "node1-volume0" / "data"
    left.write_text("of the claim before")
    assert kubectl.run(one.kubeconfig, "delete", "pvc", "c").returncode == 0
    wait_for(lambda: phases() == {"Available"}, 20, what="the volume is free again")
    assert not left.exists()


def test_the_existing_provider_uses_the_cluster_that_the_environment_names(one: BareCluster) -> None:
    loaded = one.load([CATALOGUE["pause"]])["pause"]
    containerd = config.containerd_socket(run_dir(one.name) / "node1")
    tag = ["ctr", "--address", str(containerd), "--namespace", "k8s.io", "images", "tag", "--force"]
    subprocess.run([*tag, loaded, "localhost/pause:pushed"], check=True, capture_output=True)
    environment = {
        "TASKFLEET_KUBECONFIG": str(one.kubeconfig),
        "TASKFLEET_IMAGE_PREFIX": "localhost/",
        "TASKFLEET_IMAGE_TAG": "pushed",
    }
    existing = ExistingCluster("any", environment)
    existing.up("full")
    assert all(part.healthy for part in existing.status())
    image = existing.load([CATALOGUE["pause"]])["pause"]
    assert image == "localhost/pause:pushed"
    assert run_pods(existing, image, replicas=1)
    with pytest.raises(ClusterError, match="1 nodes are Ready, 2 are needed"):
        existing.up("full", nodes=2)
    existing.down()
    assert all(part.healthy for part in one.status()), "it is not ours to end"
