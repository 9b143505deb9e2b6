"""The programs a cluster consists of: what each is called with, where it runs, how to see that it is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.tools.cluster import config
from tests.tools.cluster.addresses import ETCD_PORT, Addresses
from tests.tools.cluster.state import ClusterRecord


@dataclass(frozen=True)
class Component:
    """One program. It answers its probe when it can be used (see processes.answers); without one it is enough
    that it runs."""

    name: str
    argv: tuple[str, ...]
    probe: str | None
    node: int = 0  # the node in whose namespaces it runs; 0: the machine's own

    @property
    def program(self) -> str:
        return Path(self.argv[0]).name


@dataclass(frozen=True)
class Layout:
    """Where the files of a cluster lie, and its addresses."""

    record: ClusterRecord
    run: Path
    program: Callable[[str], Path]  # where a built program is

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.record.slot)

    @property
    def pki(self) -> Path:
        return self.run / "pki"

    @property
    def kubeconfig(self) -> Path:
        return self.run / "kubeconfig"

    def client_config(self, user: str) -> Path:
        return self.run / "clients" / user

    @property
    def nodes(self) -> range:
        return range(1, self.record.nodes + 1)

    def node(self, number: int) -> Path:
        return self.run / f"node{number}"

    @property
    def volumes(self) -> Path:
        """Holds a folder for each PersistentVolume."""
        return self.run / "volumes"

    @property
    def api_host(self) -> str:
        """Pods must reach the API server, so with nodes it listens on the network they share."""
        return str(self.addresses.host if self.record.nodes else self.addresses.loopback)

    @property
    def server(self) -> str:
        return f"https://{self.api_host}:6443"


def start_order(layout: Layout) -> list[list[Component]]:
    """Components in groups: a group starts when the one before answers."""
    groups = [[etcd(layout)], [api_server(layout)], [controller_manager(layout), scheduler(layout)]]
    for number in layout.nodes:
        groups[0].append(containerd(layout, number))
        groups[2] += [kubelet(layout, number), kube_proxy(layout, number)]
    if layout.nodes:
        groups[2].append(volume_recycler(layout))
    return groups


def etcd(layout: Layout) -> Component:
    """Without fsync: this data may be lost with the machine."""
    client, peer = (f"http://{layout.addresses.loopback}:{port}" for port in (ETCD_PORT, ETCD_PORT + 1))
    argv = (
        str(layout.program("etcd")),
        f"--data-dir={layout.run / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--quota-backend-bytes=4294967296",
        "--log-level=warn",
    )
    return Component("etcd", argv, f"{client}/health")


def api_server(layout: Layout) -> Component:
    pki = layout.pki
    argv = (
        str(layout.program("kube-apiserver")),
        f"--etcd-servers=http://{layout.addresses.loopback}:{ETCD_PORT}",
        f"--bind-address={layout.api_host}",
        f"--advertise-address={layout.api_host}",
        # A loopback address cannot stand behind the Service `kubernetes`.
        f"--endpoint-reconciler-type={'lease' if layout.record.nodes else 'none'}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={layout.addresses.service_network}",
        f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={pki / 'admin.crt'}",
        f"--kubelet-client-key={pki / 'admin.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        "--allow-privileged",
    )
    return Component("kube-apiserver", argv, f"{layout.server}/readyz")


def controller_manager(layout: Layout) -> Component:
    """Its requests are not throttled, and a lost node shows within half a minute."""
    argv = (
        str(layout.program("kube-controller-manager")),
        f"--kubeconfig={layout.client_config('kube-controller-manager')}",
        f"--bind-address={layout.addresses.loopback}",
        f"--service-account-private-key-file={layout.pki / 'sa.key'}",
        f"--root-ca-file={layout.pki / 'ca.crt'}",
        "--use-service-account-credentials",
        "--allocate-node-cidrs=false",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
        "--node-monitor-period=2s",
        "--node-monitor-grace-period=20s",
    )
    return Component("kube-controller-manager", argv, f"https://{layout.addresses.loopback}:10257/healthz")


def scheduler(layout: Layout) -> Component:
    argv = (
        str(layout.program("kube-scheduler")),
        f"--kubeconfig={layout.client_config('kube-scheduler')}",
        f"--bind-address={layout.addresses.loopback}",
        "--leader-elect=false",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    )
    return Component("kube-scheduler", argv, f"https://{layout.addresses.loopback}:10259/healthz")


def containerd(layout: Layout, number: int) -> Component:
    folder = layout.node(number)
    argv = ("containerd", "--config", str(folder / "containerd.toml"))
    return Component(f"containerd-{number}", argv, f"unix:{config.containerd_socket(folder)}", number)


def kubelet(layout: Layout, number: int) -> Component:
    folder, address = layout.node(number), layout.addresses.node(number)
    argv = (
        str(layout.program("kubelet")),
        f"--config={folder / 'kubelet.yaml'}",
        f"--kubeconfig={layout.client_config(f'node{number}')}",
        f"--hostname-override=node{number}",
        f"--node-ip={address}",
        f"--root-dir={folder / 'kubelet'}",
    )
    return Component(f"kubelet-{number}", argv, f"http://{address}:10248/healthz", number)


def kube_proxy(layout: Layout, number: int) -> Component:
    address = layout.addresses.node(number)
    argv = (
        str(layout.program("kube-proxy")),
        f"--kubeconfig={layout.client_config('kube-proxy')}",
        f"--hostname-override=node{number}",
        f"--cluster-cidr={layout.addresses.pod_network}",
        "--proxy-mode=iptables",
        # Without the kernel's br_netfilter, which is not everywhere, the answer of a pod on the same bridge would
        # bypass the rules that it has to go back through.
        "--masquerade-all",
        "--conntrack-max-per-core=0",  # that limit is the machine's, not the namespace's
        f"--healthz-bind-address={address}:10256",
        f"--metrics-bind-address={address}:10249",
    )
    return Component(f"kube-proxy-{number}", argv, f"http://{address}:10256/livez", number)


def volume_recycler(layout: Layout) -> Component:
    script = str(Path(__file__).with_name("recycle-volumes.sh"))
    argv = ("sh", script, str(layout.program("kubectl")), str(layout.kubeconfig), str(layout.volumes))
    return Component("volume-recycler", argv, probe=None)
