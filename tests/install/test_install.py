"""Each way to install a release, by the commands of the page, from a registry to objects on an API server."""

import json
import subprocess
from typing import Any

from tests.install.conftest import PASSWORD, VERSION
from tests.install.stranger import Stranger
from tests.tools.kubectl import Kubectl
from tests.tools.registry import Registry


def operator(
    kubectl: Kubectl, namespace: str = "taskfleet-system"
) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The operator's image, its variables, and the spec of its pod."""
    answer = kubectl("get", "deployments", "--namespace", namespace, "--output=json")
    [deployment] = json.loads(answer)["items"]
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    variables = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    return container["image"], variables, pod


def test_two_commands_install_the_chart_and_a_fleet(
    stranger: Stranger, kubectl: Kubectl, registry: Registry
) -> None:
    stranger.follow("With Helm")
    image, variables, _ = operator(kubectl)
    assert image == f"{registry.address}/team/taskfleet-operator:{VERSION}"
    assert variables["TASKFLEET_RUNTIME_IMAGE"] == f"{registry.address}/team/taskfleet-worker:{VERSION}"
    pool = json.loads(kubectl("get", "workerpool", "quickstart", "--output=json"))
    assert pool["spec"]["image"] == f"{registry.address}/team/taskfleet-quickstart:{VERSION}"


def test_install_yaml_installs_the_same_as_the_chart(stranger: Stranger, kubectl: Kubectl) -> None:
    stranger.follow("With kubectl")
    image, variables, pod = operator(kubectl)
    kubectl("delete", "namespace", "taskfleet-system")
    kubectl("delete", "clusterroles,clusterrolebindings", "--selector", "app.kubernetes.io/name=taskfleet")
    stranger.run(f"kubectl delete -f crds.yaml; {chart_install(stranger)}")
    assert operator(kubectl) == (image, variables, pod)


def chart_install(stranger: Stranger) -> str:
    address = stranger.names["registry.example/team"]
    chart = f"oci://{address}/charts/taskfleet --version {VERSION}"
    return f"helm install taskfleet {chart} --namespace taskfleet-system --create-namespace"


def test_an_overlay_changes_every_image(stranger: Stranger, kubectl: Kubectl, mirror: Registry) -> None:
    stranger.follow("With Kustomize")
    image, variables, _ = operator(kubectl)
    images = [image, variables["TASKFLEET_RUNTIME_IMAGE"], variables["TASKFLEET_CELERY_IMAGE"]]
    names = ("operator", "worker", "celery")
    assert images == [f"{mirror.address}/taskfleet-{name}:{VERSION}" for name in names]


def test_an_installation_for_one_namespace_has_no_rights_outside_it(
    stranger: Stranger, kubectl: Kubectl
) -> None:
    stranger.follow("For some namespaces only")
    _, variables, _ = operator(kubectl, "shop")
    assert variables["TASKFLEET_NAMESPACES"] == "shop"
    selector = ["--selector", "app.kubernetes.io/name=taskfleet", "--all-namespaces"]
    found = json.loads(
        kubectl("get", "roles,rolebindings,clusterroles,clusterrolebindings", *selector, "--output=json")
    )
    assert {(one["kind"], one["metadata"].get("namespace")) for one in found["items"]} == {
        ("Role", "shop"),
        ("RoleBinding", "shop"),
    }


def test_a_cluster_without_internet_asks_the_mirror_only(
    stranger: Stranger, kubectl: Kubectl, registry: Registry, mirror: Registry
) -> None:
    stranger.follow("Without access to the internet", MIRROR_PASSWORD=PASSWORD)
    image, variables, pod = operator(kubectl)
    named = [image, *(value for name, value in variables.items() if name.endswith("_IMAGE"))]
    assert len(named) == 4
    assert all(one.startswith(f"{mirror.address}/") for one in named)
    assert registry.address not in json.dumps(pod)
    assert pod["imagePullSecrets"] == [{"name": "mirror"}]
    assert variables["TASKFLEET_IMAGE_PULL_SECRETS"] == "mirror"
    for one in named:
        pull(kubectl, one, stranger)


def pull(kubectl: Kubectl, image: str, stranger: Stranger) -> None:
    """As a kubelet would: with the Secret, and with nothing else."""
    encoded = kubectl(
        "get",
        "secret",
        "mirror",
        "--namespace=taskfleet-system",
        r"--output=jsonpath={.data.\.dockerconfigjson}",
    )
    folder = stranger.home / "kubelet"
    folder.mkdir(exist_ok=True)
    decoded = subprocess.run(["base64", "-d"], input=encoded.encode(), check=True, capture_output=True).stdout
    (folder / "config.json").write_bytes(decoded)
    stranger.run(f"DOCKER_CONFIG={folder} crane manifest {image}")
