from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.tools.cluster.components import Component, Layout, start_order
from tests.tools.cluster.state import ClusterRecord


def layout(slot: int = 0, nodes: int = 1) -> Layout:
    record = ClusterRecord(f"c{slot}", slot, "full" if nodes else "control-plane", nodes)
    return Layout(record, Path(f"/cache/clusters/c{slot}"), lambda name: Path("/programs") / name)


def components(of: Layout) -> list[Component]:
    return [component for group in start_order(of) for component in group]


def test_without_nodes_there_is_the_control_plane_and_nothing_else() -> None:
    names = [component.name for component in components(layout(nodes=0))]
    assert names == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]


@pytest.mark.parametrize("nodes", [0, 1, 2])
def test_a_program_starts_after_those_that_it_needs(nodes: int) -> None:
    order = {
        component.name: index
        for index, group in enumerate(start_order(layout(nodes=nodes)))
        for component in group
    }
    assert order["etcd"] < order["kube-apiserver"] < order["kube-controller-manager"]
    for number in range(1, nodes + 1):
        assert order[f"containerd-{number}"] < order[f"kubelet-{number}"]
        assert order["kube-apiserver"] < order[f"kubelet-{number}"]


def test_every_node_has_its_three_programs_in_its_own_namespaces() -> None:
    for number in (1, 2):
        programs = {one.program for one in components(layout(nodes=2)) if one.node == number}
        assert programs == {"containerd", "kubelet", "kube-proxy"}


@pytest.mark.parametrize("nodes", [0, 2], ids=["control-plane", "two-nodes"])
def test_clusters_side_by_side_listen_on_different_addresses(nodes: int) -> None:
    probes = [
        component.probe
        for slot in (0, 1)
        for component in components(layout(slot, nodes))
        if component.probe is not None
    ]
    listening = [urlsplit(probe).netloc or probe for probe in probes]
    assert not [pair for pair in combinations(listening, 2) if pair[0] == pair[1]]


def test_the_api_server_is_where_pods_can_reach_it_only_when_there_are_pods() -> None:
    assert layout(nodes=0).server == "https://127.18.0.1:6443"
    assert layout(nodes=1).server == "https://198.18.0.1:6443"
