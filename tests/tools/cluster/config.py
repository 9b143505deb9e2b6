"""Configuration files of a cluster's programs: values in, text out."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import yaml

from tests.tools.cluster.addresses import Addresses

CNI_PLUGINS = "/usr/lib/cni"


def kubeconfig(*, server: str, authority: bytes, certificate: bytes, key: bytes) -> str:
    """A kubeconfig with everything inside, so that it can be copied."""

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    cluster = {"server": server, "certificate-authority-data": encoded(authority)}
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "taskfleet", "cluster": cluster}],
        "users": [{"name": "taskfleet", "user": user}],
        "contexts": [{"name": "taskfleet", "context": {"cluster": "taskfleet", "user": "taskfleet"}}],
        "current-context": "taskfleet",
    }
    return yaml.safe_dump(content)


def kubelet(addresses: Addresses, number: int, *, node_dir: Path, pki: Path, cgroup_root: str) -> str:
    """KubeletConfiguration: many pods, no clean-up of images behind the tests' back, quick to report."""
    content: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup_root,  # two kubelets in one root would end each other's pods
        "failSwapOn": False,
        "maxPods": 250,
        "address": str(addresses.node(number)),
        "healthzBindAddress": str(addresses.node(number)),
        "clusterDNS": [str(addresses.dns_service)],
        "clusterDomain": "cluster.local",
        "resolvConf": str(node_dir / "resolv.conf"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / f"node{number}.crt"),
        "tlsPrivateKeyFile": str(pki / f"node{number}.key"),
        "containerRuntimeEndpoint": f"unix://{containerd_socket(node_dir)}",
        "podLogsDir": str(node_dir / "pod-logs"),
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "200Mi"},
        "nodeStatusUpdateFrequency": "4s",
        "nodeLeaseDurationSeconds": 12,
        "syncFrequency": "10s",
        "kubeAPIQPS": 100,
        "kubeAPIBurst": 200,
        "eventRecordQPS": 0,
    }
    return yaml.safe_dump(content)


def containerd_socket(node_dir: Path) -> Path:
    return node_dir / "containerd" / "containerd.sock"


def containerd(node_dir: Path, *, pause_image: str) -> str:
    """containerd's own folder for everything, also for what it would put below /run."""
    root = node_dir / "containerd"
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""\
version = 2
root = "{root}/root"
state = "{root}/state"
[grpc]
address = "{containerd_socket(node_dir)}"
[{cri}]
sandbox_image = "{pause_image}"
netns_mounts_under_state_dir = true
# Without CAP_SYS_RESOURCE a lower score cannot be set, and every sandbox would fail.
restrict_oom_score_adj = true
[{cri}.cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{node_dir}/cni"
[{cri}.containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.containerd.runtimes.runc.options]
Root = "{root}/runc"
"""


def cni(addresses: Addresses, number: int, *, node_dir: Path) -> str:
    """Pods of a node on one bridge. No masquerading: host and nodes have routes to every pod."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(node_dir / "cni-addresses"),
            "ranges": [[{"subnet": str(addresses.pods_of(number))}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "taskfleet", "plugins": [bridge, ports]})


def resolv_conf(addresses: Addresses) -> str:
    """For pods with dnsPolicy Default: names outside the cluster are not resolved at all."""
    return f"nameserver {addresses.dns_service}\n"
