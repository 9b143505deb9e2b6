import base64
import json
import re
import tomllib
from pathlib import Path

import yaml

from tests.tools.cluster import config
from tests.tools.cluster.addresses import Addresses

NODE = Path("/cache/clusters/dev/node1")


def test_a_kubeconfig_can_be_copied_because_it_names_no_file() -> None:
    text = config.kubeconfig(server="https://192.0.2.1", authority=b"ca", certificate=b"crt", key=b"key")
    content = yaml.safe_load(text)
    user = content["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == b"key"
    assert base64.b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"]) == b"ca"
    assert content["contexts"][0]["context"] == {
        "cluster": content["clusters"][0]["name"],
        "user": content["users"][0]["name"],
    }


def test_containerd_writes_below_its_node_only() -> None:
    text = config.containerd(NODE, pause_image="localhost/pause:1")
    paths = re.findall(r'"(/[^"]*)"', text)
    assert [path for path in paths if not Path(path).is_relative_to(NODE)] == [config.CNI_PLUGINS]


def test_containerd_puts_the_network_namespaces_of_pods_where_they_end_with_the_node() -> None:
    content = tomllib.loads(config.containerd(NODE, pause_image="localhost/pause:1"))
    assert content["plugins"]["io.containerd.grpc.v1.cri"]["netns_mounts_under_state_dir"] is True


def test_two_kubelets_on_one_machine_have_control_groups_and_sockets_of_their_own() -> None:
    one, two = (
        yaml.safe_load(
            config.kubelet(
                Addresses(slot), 1, node_dir=NODE / str(slot), pki=NODE / "pki", cgroup_root=f"/{slot}/node1"
            )
        )
        for slot in (0, 1)
    )
    for field in ("cgroupRoot", "containerRuntimeEndpoint", "podLogsDir", "healthzBindAddress", "clusterDNS"):
        assert one[field] != two[field], field


def test_pods_keep_their_address_on_the_way_out_because_everyone_has_a_route_to_them() -> None:
    bridge, _ = json.loads(config.cni(Addresses(0), 2, node_dir=NODE))["plugins"]
    assert bridge["ipMasq"] is False
    assert bridge["ipam"]["ranges"] == [[{"subnet": "198.18.9.0/24"}]]
