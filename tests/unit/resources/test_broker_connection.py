"""What a worker pod of an external broker has beside the URL."""

import json
from typing import Any

from tests.unit.resources.objects import INSTALLATION, by_name, deployment, metadata, pod_spec, worker_pool

from taskfleet.api import Broker, Object
from taskfleet.resources.context import BrokerBinding
from taskfleet.resources.worker_deployment import INPUTS_HASH, worker_deployment

REFERENCE = {"urlSecretRef": {"name": "company-redis", "key": "url"}}


def broker(status: Object | None = None, **external: Any) -> Broker:
    spec = {"external": {**REFERENCE, **external}}
    return Broker.parse({"metadata": metadata("company"), "spec": spec, "status": status or {}})


def settings(pod: Any) -> Any:
    return json.loads(by_name(pod["containers"][0]["env"])["TASKFLEET_SETTINGS"]["value"])


def test_certificates_are_files_from_their_secrets() -> None:
    tls = {
        "caSecretRef": {"name": "company-ca", "key": "bundle"},
        "clientCertificateSecretRef": {"name": "company-client"},
    }
    pod = pod_spec(worker_pool(), broker(**tls))
    assert by_name(pod["volumes"])["taskfleet-tls"]["projected"]["sources"] == [
        {"secret": {"name": "company-ca", "items": [{"key": "bundle", "path": "ca.crt"}]}},
        {
            "secret": {
                "name": "company-client",
                "items": [{"key": "tls.crt", "path": "tls.crt"}, {"key": "tls.key", "path": "tls.key"}],
            }
        },
    ]
    mount = by_name(pod["containers"][0]["volumeMounts"])["taskfleet-tls"]
    assert mount == {"name": "taskfleet-tls", "mountPath": "/taskfleet-tls", "readOnly": True}
    assert settings(pod)["tls"] == {
        "ca": "/taskfleet-tls/ca.crt",
        "certificate": "/taskfleet-tls/tls.crt",
        "key": "/taskfleet-tls/tls.key",
        "verify": True,
    }


def test_broker_that_says_nothing_of_tls_adds_nothing_to_its_pods() -> None:
    pod = pod_spec(worker_pool(), broker())
    assert "taskfleet-tls" not in by_name(pod["volumes"])
    assert not {"tls", "sentinel", "resultDatabase"} & settings(pod).keys()


def test_unchecked_certificate_needs_no_file() -> None:
    pod = pod_spec(worker_pool(), broker(insecureSkipVerify=True))
    assert "taskfleet-tls" not in by_name(pod["volumes"])
    assert settings(pod)["tls"] == {"ca": None, "certificate": None, "key": None, "verify": False}


def test_sentinels_own_password_comes_from_its_secret() -> None:
    sentinel = {"masterName": "main", "passwordSecretRef": {"name": "sentinel", "key": "password"}}
    pod = pod_spec(worker_pool(), broker(sentinel=sentinel))
    assert settings(pod)["sentinel"] == {"masterName": "main", "tls": False}
    assert by_name(pod["containers"][0]["env"])["TASKFLEET_SENTINEL_PASSWORD"]["valueFrom"] == {
        "secretKeyRef": {"name": "sentinel", "key": "password"}
    }


def test_users_template_cannot_put_another_volume_in_the_place_of_the_certificates() -> None:
    template = {"spec": {"volumes": [{"name": "taskfleet-tls", "emptyDir": {}}]}}
    pod = pod_spec(worker_pool(template=template), broker(caSecretRef={"name": "ca", "key": "ca.crt"}))
    assert "projected" in by_name(pod["volumes"])["taskfleet-tls"]


def test_new_credentials_roll_the_pods() -> None:
    def built(version: str | None) -> Object:
        status = {"credentials": {"secrets": {}, "version": version}} if version else {}
        return worker_deployment(worker_pool(), BrokerBinding.of(broker(status)), INSTALLATION)

    first, second, third = built(None), built("company-redis:2"), built("company-redis:3")
    marks = [one["spec"]["template"]["metadata"]["annotations"] for one in (first, second, third)]
    assert [mark.get("taskfleet.dev/credentials") for mark in marks] == [
        None,
        "company-redis:2",
        "company-redis:3",
    ]
    assert len({one["metadata"]["annotations"][INPUTS_HASH] for one in (first, second, third)}) == 3
    assert first == deployment(worker_pool(), broker())
