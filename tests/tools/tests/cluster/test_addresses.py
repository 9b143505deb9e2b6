from ipaddress import IPv4Network
from itertools import combinations

import pytest

from tests.tools.cluster.addresses import Addresses
from tests.tools.cluster.state import SLOTS


def networks(addresses: Addresses) -> list[IPv4Network]:
    return [addresses.node_network, addresses.pod_network, addresses.service_network]


def test_no_two_clusters_share_an_address_or_a_link() -> None:
    all_networks = [network for slot in range(SLOTS) for network in networks(Addresses(slot))]
    assert not [pair for pair in combinations(all_networks, 2) if pair[0].overlaps(pair[1])]
    own = [name for slot in range(SLOTS) for name in (Addresses(slot).loopback, Addresses(slot).link())]
    assert len(set(own)) == len(own)


def test_every_address_lies_in_the_range_that_no_real_network_routes() -> None:
    reserved = IPv4Network("198.18.0.0/15")
    assert all(network.subnet_of(reserved) for slot in range(SLOTS) for network in networks(Addresses(slot)))


@pytest.mark.parametrize("number", [1, 2])
def test_a_node_has_an_address_and_pods_within_the_networks_of_its_cluster(number: int) -> None:
    addresses = Addresses(3)
    assert addresses.node(number) in addresses.node_network
    assert addresses.pods_of(number).subnet_of(addresses.pod_network)
    assert addresses.node(number) != addresses.host


def test_pods_of_two_nodes_have_different_addresses() -> None:
    assert not Addresses(0).pods_of(1).overlaps(Addresses(0).pods_of(2))


def test_link_names_of_slot_1_are_not_taken_for_those_of_slot_10() -> None:
    mine, other = Addresses(1), Addresses(10)
    assert not other.link().startswith(mine.link(1)[:-1])
    assert not other.link(1).startswith(f"{mine.link()}n")
