"""Whom the policy of a managed Redis admits."""

from dataclasses import replace

from tests.unit.resources.objects import INSTALLATION, managed_broker

from taskfleet.resources.broker_network_policy import broker_network_policy

CHILDREN = {"podSelector": {"matchLabels": {"taskfleet.dev/managed": "true"}}}
OPERATOR = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "taskfleet"}}}


def test_there_is_none_unless_it_is_asked_for() -> None:
    assert broker_network_policy(managed_broker(), INSTALLATION) is None


def test_empty_one_admits_workers_beats_and_the_operator_from_its_namespace() -> None:
    installation = replace(INSTALLATION, namespace="taskfleet-system")
    policy = broker_network_policy(managed_broker(networkPolicy={}), installation)
    assert policy is not None
    (rule,) = policy["spec"]["ingress"]
    own = {"matchLabels": {"kubernetes.io/metadata.name": "taskfleet-system"}}
    assert rule["from"] == [CHILDREN, {**OPERATOR, "namespaceSelector": own}]
    assert policy["spec"]["podSelector"]["matchLabels"]["taskfleet.dev/broker"] == "default"


def test_producers_are_admitted_beside_them() -> None:
    web = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "web"}}}
    policy = broker_network_policy(managed_broker(networkPolicy={"admit": [web]}), INSTALLATION)
    assert policy is not None
    assert policy["spec"]["ingress"][0]["from"] == [CHILDREN, web]
