"""External Brokers behind TLS and Sentinels: what is told of them, what worker pods get, and what happens to new Secrets."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import Object
from tests.envtest.brokers import external_broker, secret
from tests.envtest.conditions import condition, wait_for_condition, warnings_of
from tests.envtest.pools import worker_pool
from tests.runtime.certificates import Certificates
from tests.runtime.ports import free_port
from tests.runtime.redis_sentinel import MASTER, SentinelGroup
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import Kube
from tests.tools.waiting import stays, wait_for

pytestmark = pytest.mark.usefixtures("shared_operator")

CA: dict[str, Any] = {"caSecretRef": {"name": "ca", "key": "ca.crt"}}
CLIENT: dict[str, Any] = {"clientCertificateSecretRef": {"name": "client"}}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class Secured(RedisServer):
    """Asks for client certificates, and for a password of the user `shop`."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.tls_port = free_port()
        super().__init__(folder, *certificates.redis_options(self.tls_port, ask_clients=True))

    def admit(self, *passwords: str) -> None:
        """These and no others from now on."""
        self.client.acl_setuser(
            "shop",
            enabled=True,
            passwords=[f"+{password}" for password in passwords],
            commands=["+@all"],
            keys=["*"],
            channels=["*"],
            reset=True,
        )

    def secured_url(self, password: str, host: str = "127.0.0.1") -> str:
        return f"rediss://shop:{password}@{host}:{self.tls_port}/0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Secured]:
    running = Secured(tmp_path_factory.mktemp("secured"), certificates)
    with running:
        yield running


def put_certificates(kube: Kube, namespace: str, certificates: Certificates, *, ca: str = "") -> None:
    kube.apply(secret(namespace, "ca", **{"ca.crt": ca or certificates.ca}))
    client = {f"tls.{end}": certificates.text(f"client.{end}") for end in ("crt", "key")}
    kube.apply(secret(namespace, "client", **client))


def put_broker(kube: Kube, namespace: str, url: str, name: str = "default", **external: Any) -> Object:
    kube.apply(secret(namespace, f"{name}-url", url=url))
    reference = {"urlSecretRef": {"name": f"{name}-url", "key": "url"}}
    made = kube.apply(external_broker(namespace, name, external={**reference, **external}))
    return {**made, "kind": "Broker"}


def put_pool(kube: Kube, namespace: str, name: str = "shop", **spec: Any) -> Object:
    return {**kube.apply(worker_pool(namespace, name, replicas=0, **spec)), "kind": "WorkerPool"}


def pod_template(kube: Kube, namespace: str) -> Object:
    deployment = kube.get("Deployment", "shop-worker", namespace) or {}
    template: Object = deployment.get("spec", {}).get("template", {})
    return template


def test_ca_and_client_certificate_lead_to_a_ready_broker_and_into_its_pods(
    kube: Kube, namespace: str, server: Secured, certificates: Certificates
) -> None:
    server.admit("one")
    put_certificates(kube, namespace, certificates)
    broker = put_broker(kube, namespace, server.secured_url("one"), **CA, **CLIENT)
    told = wait_for_condition(kube, broker, "Ready", "True", "Reachable")
    assert told["status"]["endpoint"] == f"127.0.0.1:{server.tls_port}"
    assert set(told["status"]["credentials"]["secrets"]) == {"default-url", "ca", "client"}
    assert warnings_of(kube, broker) == []
    wait_for_condition(kube, put_pool(kube, namespace), "Ready", "True", "ScaledToZero")
    spec = pod_template(kube, namespace)["spec"]
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "taskfleet-tls"]
    assert [source["secret"]["name"] for source in volume["projected"]["sources"]] == ["ca", "client"]


@pytest.mark.parametrize(
    ("fields", "host", "told"),
    [
        pytest.param({**CA, **CLIENT}, "localhost", ("Reachable", "is reachable"), id="by-name"),
        pytest.param(CLIENT, "127.0.0.1", ("TlsFailed", "signed by an unknown CA"), id="ca-not-given"),
        pytest.param(CA, "127.0.0.1", ("TlsFailed", "requires a client certificate"), id="no-certificate"),
        pytest.param(
            {**CA, **CLIENT}, "127.0.0.2", ("TlsFailed", "not valid for the host"), id="other-address"
        ),
    ],
)
def test_handshake_is_told_with_its_reason(  # noqa: PLR0917 - fixtures
    kube: Kube,
    shared_namespace: str,
    server: Secured,
    certificates: Certificates,
    fields: Object,
    host: str,
    told: tuple[str, str],
) -> None:
    server.admit("one")
    server.client.config_set("bind", "127.0.0.1 127.0.0.2")
    put_certificates(kube, shared_namespace, certificates)
    name = f"b-{secrets.token_hex(4)}"
    broker = put_broker(kube, shared_namespace, server.secured_url("one", host), name, **fields)
    reason, sentence = told
    status = "True" if reason == "Reachable" else "False"
    wait_for_condition(kube, broker, "Ready", status, reason, saying=sentence)


def test_wrong_ca_is_refused_until_the_right_one_is_there(
    kube: Kube, namespace: str, server: Secured, certificates: Certificates
) -> None:
    server.admit("one")
    put_certificates(kube, namespace, certificates, ca=certificates.unknown_ca)
    broker = put_broker(kube, namespace, server.secured_url("one"), **CA, **CLIENT)
    sentence = "Correct spec.external.caSecretRef"
    wait_for_condition(kube, broker, "Ready", "False", "TlsFailed", saying=sentence)
    put_certificates(kube, namespace, certificates)
    wait_for_condition(kube, broker, "Ready", "True", "Reachable")


def test_unchecked_certificate_warns(
    kube: Kube, namespace: str, server: Secured, certificates: Certificates
) -> None:
    server.admit("one")
    put_certificates(kube, namespace, certificates, ca=certificates.unknown_ca)
    broker = put_broker(kube, namespace, server.secured_url("one"), **CA, **CLIENT, insecureSkipVerify=True)
    told = wait_for_condition(kube, broker, "Ready", "True", "Reachable", saying="TLS verification is off")
    assert condition(told, "Stalled")["status"] == "False"
    wait_for(lambda: warnings_of(kube, broker), 10, what="a warning")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"ca": "no PEM"}, ("InvalidCertificate", "'ca.crt' of Secret 'ca' does not contain a CA"), id="no-pem"),
        pytest.param({"url": "redis://h"}, ("InvalidUrl", "Use rediss://, or remove"), id="plain-url"),
        pytest.param({"sentinel": {"masterName": "m"}}, ("InvalidUrl", "is not a sentinel:// URL"), id="no-sentinel"),
    ],
)  # fmt: skip
def test_secrets_that_do_not_fit(
    kube: Kube,
    namespace: str,
    certificates: Certificates,
    changes: dict[str, Any],
    told: tuple[str, str],
) -> None:
    put_certificates(kube, namespace, certificates, ca=changes.pop("ca", ""))
    broker = put_broker(kube, namespace, changes.pop("url", "rediss://127.0.0.1:1"), **CA, **changes)
    reason, sentence = told
    wait_for_condition(kube, broker, "Ready", "False", reason, saying=sentence)


def test_new_password_is_taken_up_and_rolls_the_workers_once(
    kube: Kube, namespace: str, server: Secured, certificates: Certificates
) -> None:
    server.admit("one")
    put_certificates(kube, namespace, certificates)
    broker = put_broker(kube, namespace, server.secured_url("one"), **CA, **CLIENT)
    wait_for_condition(kube, put_pool(kube, namespace), "Ready", "True", "ScaledToZero")
    assert credentials_of(kube, namespace) is None
    server.admit("one", "two")
    kube.apply(secret(namespace, "default-url", url=server.secured_url("two")))
    first = wait_for(lambda: credentials_of(kube, namespace), 20, what="new pods")
    server.admit("two")
    server.drop_connections()
    wait_for_condition(kube, broker, "Ready", "True", "Reachable")
    labeled = secret(namespace, "default-url", url=server.secured_url("two"))
    kube.apply({**labeled, "metadata": {**labeled["metadata"], "labels": {"team": "shop"}}})
    stays(lambda: credentials_of(kube, namespace) == first, 4, what="the same pods")
    assert "two" not in str(first)


def credentials_of(kube: Kube, namespace: str) -> str | None:
    annotations = pod_template(kube, namespace)["metadata"].get("annotations") or {}
    value: str | None = annotations.get("taskfleet.dev/credentials")
    return value


def test_broker_behind_sentinels_is_followed_to_the_next_master(
    kube: Kube, namespace: str, tmp_path: Path
) -> None:
    with SentinelGroup(tmp_path, password="own") as group:
        kube.apply(secret(namespace, "own", password="own"))
        sentinel = {"masterName": MASTER, "passwordSecretRef": {"name": "own", "key": "password"}}
        broker = put_broker(kube, namespace, group.url(), sentinel=sentinel)
        wait_for_condition(kube, broker, "Ready", "True", "Reachable")
        unknown = put_broker(
            kube, namespace, group.url(), "other", sentinel={**sentinel, "masterName": "other"}
        )
        wait_for_condition(kube, unknown, "Ready", "False", "Unreachable", saying="has no master 'other'")
        pool = put_pool(kube, namespace)
        group.fail_over()
        group.client.lpush("celery", "a task for the next master")
        what = "what waits at the next master"
        wait_for(lambda: status_of(kube, pool).get("waiting") == 1, 30, what=what)
        wait_for_condition(kube, broker, "Ready", "True", "Reachable")


def status_of(kube: Kube, pool: Object) -> Object:
    live = kube.get("WorkerPool", pool["metadata"]["name"], pool["metadata"]["namespace"]) or {}
    return live.get("status") or {}


def test_replica_is_no_broker(kube: Kube, namespace: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path, "--replicaof", "127.0.0.1", "1") as replica:
        broker = put_broker(kube, namespace, replica.url)
        wait_for_condition(kube, broker, "Ready", "False", "ReadOnly", saying="Use the master's address")
