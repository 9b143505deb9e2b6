"""No password ever leaves its Secret: not in a status, an event, a log line, a metric or any other object."""

import secrets
from pathlib import Path

from taskfleet.api import Object
from tests.envtest.brokers import apply_external, broker, decoded, external_broker, secret
from tests.envtest.conditions import wait_for_condition
from tests.envtest.operator_process import OperatorProcess
from tests.envtest.pods import ended, not_ready, set_status, wait_for_pod, waiting
from tests.envtest.pools import worker_pool
from tests.runtime.certificates import Certificates
from tests.runtime.redis_server import RedisServer
from tests.tools.kube import TYPES, Kube
from tests.tools.waiting import wait_for

CLUSTER_WIDE = {
    *("Namespace", "Node", "CustomResourceDefinition"),
    *("MutatingWebhookConfiguration", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"),
    *("TokenReview", "SubjectAccessReview", "SelfSubjectReview"),  # which nobody can list
}
KINDS = [kind for kind in TYPES if kind not in CLUSTER_WIDE | {"Secret"}]


def everything(kube: Kube, namespace: str) -> str:
    """All objects of the namespace but its Secrets."""
    return str([kube.list(kind, namespace) for kind in KINDS])


def test_no_password_is_told_anywhere(
    kube: Kube, namespace: str, redis_server: RedisServer, shared_operator: OperatorProcess, tmp_path: Path
) -> None:
    canary = f"canary{secrets.token_hex(8)}"
    at = f"127.0.0.1:{redis_server.port}"
    redis_server.client.acl_setuser(
        "shop",
        enabled=True,
        passwords=[f"+{canary}"],
        commands=["+@all"],
        keys=["*"],
        channels=["*"],
        reset=True,
    )
    urls = {
        "good": f"redis://shop:{canary}@{at}/0",
        "wrong": f"redis://shop:{canary}-wrong@{at}/0",
        "nobody": f"redis://:{canary}@127.0.0.1:1/0",
        "slash": f"redis://:{canary}/{canary}@{at}/0",
        "port": f"redis://shop:{canary}@127.0.0.1:{canary}/0",
        "query": f"redis://{at}/0?password={canary}",
        "fragment": f"redis://:{canary}#{canary}@{at}/0",
        "scheme": f"shop:{canary}@{at}",
        "tls": f"rediss://:{canary}@{at}/0",
        "sentinel": f"sentinel://:{canary}@{at};sentinel://:{canary}@127.0.0.1:1",
        "sentinels": f"sentinel://:{canary}@{at};sentinel://:{canary}-other@127.0.0.1:1",
        "blank": f"redis://:{canary} {canary}@{at}/0",
    }
    brokers = {name: apply_external(kube, namespace, url, name) for name, url in urls.items()}
    key = apply_secured(kube, namespace, canary, Certificates(tmp_path))
    pools = [use(kube, namespace, name) for name in urls]
    managed = {**kube.apply(broker(namespace, "managed")), "kind": "Broker"}
    pools.append(use(kube, namespace, "managed", resultBackend={"broker": {"database": 1}}))

    wait_for_condition(kube, brokers["good"], "Ready", "True")
    wait_for_condition(kube, brokers["wrong"], "Ready", "False", "AuthenticationFailed")
    wait_for_condition(kube, brokers["nobody"], "Ready", "False", "Unreachable")
    wait_for_condition(kube, brokers["tls"], "Ready", "False")
    wait_for_condition(kube, brokers["sentinel"], "Ready", "False", "Unreachable")
    for name in ("slash", "port", "query", "fragment", "scheme", "blank", "sentinels"):
        wait_for_condition(kube, brokers[name], "Ready", "False", "InvalidUrl")
    wait_for_condition(kube, managed, "Ready", "False")
    made = wait_for(lambda: kube.get("Secret", "managed-broker-auth", namespace), 20, what="a password") or {}
    password = decoded(made)["password"]
    pod = wait_for_pod(kube, pools[-1])
    words = f"ConnectionError at redis://:{password}@managed-broker:6379/1"
    set_status(kube, pod, not_ready(pod, state=waiting("CrashLoopBackOff"), lastState=ended(1, words)))
    wait_for_condition(kube, pools[-1], "Ready", "False", "AppFailed", saying="ConnectionError at")
    # The operator's own reading of what it wrote.
    told = everything(kube, namespace) + shared_operator.log() + shared_operator.get("/metrics")[1]
    # The pod's own status is the kubelet's, here the test's.
    told = told.replace(words, "")
    assert canary not in told
    assert password not in told
    assert key not in told


def apply_secured(kube: Kube, namespace: str, canary: str, certificates: Certificates) -> str:
    """The Brokers with TLS and Sentinels, and a line of the private key that they use."""
    client = {f"tls.{end}": certificates.text(f"client.{end}") for end in ("crt", "key")}
    kube.apply(secret(namespace, "client", **client))
    kube.apply(secret(namespace, "own", password=canary))
    sentinel = {"masterName": "main", "passwordSecretRef": {"name": "own", "key": "password"}}
    fields: dict[str, Object] = {
        "tls": {"clientCertificateSecretRef": {"name": "client"}},
        "sentinel": {"sentinel": sentinel},
        "sentinels": {"sentinel": sentinel},
    }
    for name, more in fields.items():
        reference = {"urlSecretRef": {"name": f"{name}-url", "key": "url"}}
        kube.apply(external_broker(namespace, name, external={**reference, **more}))
    return certificates.text("client.key").splitlines()[1]


def use(kube: Kube, namespace: str, name: str, **spec: object) -> Object:
    """A pool on the broker of that name."""
    pool = worker_pool(namespace, f"on-{name}", brokerRef={"name": name}, replicas=1, **spec)
    return {**kube.apply(pool), "kind": "WorkerPool"}
