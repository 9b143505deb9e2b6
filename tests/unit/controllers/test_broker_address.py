"""What Secrets may hold, and what is told of what is of no use: never the value."""

import base64
from pathlib import Path
from typing import Any

import pytest

from taskfleet.api import External, Object
from taskfleet.api.reasons import BrokerReason
from taskfleet.brokers.connection.target import Target
from taskfleet.controllers import broker_address
from taskfleet.controllers.broker_keys import AddressError, Sources, secret_names
from tests.runtime.certificates import Certificates


def secret(**values: str | bytes) -> Object:
    data = {
        key.replace("_", "."): base64.b64encode(
            value if isinstance(value, bytes) else value.encode()
        ).decode()
        for key, value in values.items()
    }
    return {"data": data}


def external(**fields: Any) -> External:
    return External.model_validate({"urlSecretRef": {"name": "redis", "key": "url"}, **fields})


def target_in(secrets: dict[str, Object | None], described: External) -> Target:
    return broker_address.target_in(Sources(secrets), described, "shop")


CA = {"caSecretRef": {"name": "ca", "key": "ca.crt"}}
CLIENT = {"clientCertificateSecretRef": {"name": "client"}}
SENTINEL = {"sentinel": {"masterName": "main"}}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        pytest.param("redis://host", "host:6379", id="default-port"),
        pytest.param("redis://host:6380/2", "host:6380", id="port-and-database"),
        pytest.param("redis://user:p%40ss@host:6380/0", "host:6380", id="credentials-are-not-shown"),
        pytest.param("redis://:hunter2@[::1]:6380/0", "[::1]:6380", id="ipv6"),
        pytest.param("rediss://:hunter2@host/1", "host:6379", id="tls"),
        pytest.param("amqp://user:hunter2@host//", "host:5672", id="rabbitmq"),
        pytest.param("amqps://user:hunter2@host/shop", "host:5671", id="rabbitmq-over-tls"),
    ],
)
def test_usable_url(url: str, endpoint: str) -> None:
    target = target_in({"redis": secret(url=url)}, external())
    assert target.endpoint == endpoint
    assert (target.tls is not None) == url.startswith(("rediss", "amqps"))


def test_sentinels_with_all_that_they_may_need(certificates: Certificates) -> None:
    sentinel = {
        "masterName": "main",
        "tls": True,
        "passwordSecretRef": {"name": "sentinel", "key": "password"},
    }
    described = external(**CA, **CLIENT, sentinel=sentinel)
    assert secret_names(described) == ["redis", "ca", "client", "sentinel"]
    secrets: dict[str, Object | None] = {
        "redis": secret(url="sentinel://:p@a/2;sentinel://:p@b:1/2"),
        "ca": secret(ca_crt=certificates.ca),
        "client": secret(tls_crt=certificates.text("client.crt"), tls_key=certificates.text("client.key")),
        "sentinel": secret(password="own"),
    }
    target = target_in(secrets, described)
    assert target.endpoint == "a:26379, b:1"
    assert target.tls is not None
    assert target.tls.verify
    assert target.sentinels is not None
    assert (target.sentinels.master_name, target.sentinels.password) == ("main", "own")


def test_verification_is_off_only_where_asked_for() -> None:
    secrets: dict[str, Object | None] = {"redis": secret(url="rediss://h")}
    for asked in (False, True):
        target = target_in(secrets, external(insecureSkipVerify=asked))
        assert target.tls is not None
        assert target.tls.verify is not asked


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, BrokerReason.SECRET_MISSING, id="no-secret"),
        pytest.param({}, BrokerReason.SECRET_MISSING, id="empty-secret"),
        pytest.param({"data": {"other": "eA=="}}, BrokerReason.SECRET_MISSING, id="no-key"),
        pytest.param({"data": {"url": "%%%"}}, BrokerReason.INVALID_URL, id="no-base64"),
        pytest.param(secret(url=b"\xff\xfe"), BrokerReason.INVALID_URL, id="no-text"),
        pytest.param(secret(url=""), BrokerReason.INVALID_URL, id="empty"),
        pytest.param(secret(url="hunter2"), BrokerReason.INVALID_URL, id="no-url"),
        pytest.param(secret(url="http://hunter2@host"), BrokerReason.INVALID_URL, id="another-scheme"),
        pytest.param(secret(url="redis://:hun/ter2@host:1/0"), BrokerReason.INVALID_URL, id="slash"),
        pytest.param(secret(url="redis://:hun#ter2@host:1/0"), BrokerReason.INVALID_URL, id="hash"),
        pytest.param(secret(url="redis://:hun;ter2@host:1/0"), BrokerReason.INVALID_URL, id="semicolon"),
        pytest.param(secret(url="redis://:hunter2@/0"), BrokerReason.INVALID_URL, id="no-host"),
        pytest.param(secret(url="redis://:hunter2@host/0\n"), BrokerReason.INVALID_URL, id="line-end"),
        pytest.param(secret(url="redis://:hunter2@host/a"), BrokerReason.INVALID_URL, id="database-by-name"),
        pytest.param(secret(url="redis://:hunter2@host/0?x=1"), BrokerReason.INVALID_URL, id="parameters"),
        pytest.param(secret(url="redis://:hunter2@host:1x/0"), BrokerReason.INVALID_URL, id="port"),
        pytest.param(secret(url="redis://:hunter2@a;redis://:hunter2@b"), BrokerReason.INVALID_URL, id="two"),
        pytest.param(secret(url="sentinel://:hunter2@host"), BrokerReason.INVALID_URL, id="sentinel-unnamed"),
        pytest.param(
            secret(url="amqp://u:hunter2@host//?x=1"), BrokerReason.INVALID_URL, id="amqp-parameters"
        ),
        pytest.param(
            secret(url="amqp://u:hunter2@a;amqp://u:hunter2@b"), BrokerReason.INVALID_URL, id="amqp-of-two"
        ),
        pytest.param(secret(url="amqp://u:hunter2@/shop"), BrokerReason.INVALID_URL, id="amqp-no-host"),
    ],
)
def test_unusable_value_is_named_by_its_key_and_never_shown(value: Object | None, reason: str) -> None:
    with pytest.raises(AddressError) as refusal:
        target_in({"redis": value}, external())
    assert refusal.value.reason == reason
    told = str(refusal.value)
    assert "'redis'" in told
    assert "'url'" in told
    assert "hun" not in told
    assert "ter2" not in told
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "fields", "sentence"),
    [
        pytest.param("redis://h", CA, "Use rediss://, or remove the field.", id="ca-without-tls"),
        pytest.param("redis://h", CLIENT, "clientCertificateSecretRef is set. Use rediss://", id="client"),
        pytest.param("redis://h", {"insecureSkipVerify": True}, "insecureSkipVerify is set. Use", id="skip"),
        pytest.param(
            "sentinel://h", {**CA, **SENTINEL}, "Set spec.external.sentinel.tls, or", id="ca-of-sentinels"
        ),
        pytest.param("redis://h", SENTINEL, "is not a sentinel:// URL", id="sentinel-field-only"),
        pytest.param(
            "sentinel://:a@h;sentinel://:b@i", SENTINEL, "different users", id="different-passwords"
        ),
        pytest.param("sentinel://h/1;sentinel://i", SENTINEL, "different users", id="different-databases"),
    ],
)
def test_url_and_spec_that_do_not_fit(url: str, fields: Object, sentence: str) -> None:
    secrets: dict[str, Object | None] = {"redis": secret(url=url), "ca": secret(), "client": secret()}
    with pytest.raises(AddressError, match=sentence) as refusal:
        target_in(secrets, external(**fields))
    assert refusal.value.reason == BrokerReason.INVALID_URL


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        pytest.param(
            "rediss://:hunter2@h?ssl_cert_reqs=none", "set spec.external.insecureSkipVerify", id="none"
        ),
        pytest.param("rediss://h?ssl_check_hostname=false", "spec.external.insecureSkipVerify", id="host"),
        pytest.param("rediss://h?ssl_ca_certs=/hunter2.pem", "set spec.external.caSecretRef.", id="ca"),
        pytest.param("amqps://h?cacertfile=/hunter2.pem", "set spec.external.caSecretRef.", id="ca-of-amqp"),
        pytest.param("rediss://h?ssl_keyfile=/x", "set spec.external.clientCertificateSecretRef", id="key"),
        pytest.param(
            "redis://h?visibility_timeout=60", "set spec.visibilityTimeout.", id="visibility-timeout"
        ),
        pytest.param(
            "redis://h?virtual_host=2", "write the database or virtual host after", id="virtual-host"
        ),
        pytest.param("redis://h?global_keyprefix=x", "set spec.globalKeyPrefix.", id="prefix"),
        pytest.param("sentinel://h?master_name=m", "set spec.external.sentinel.masterName", id="master"),
        pytest.param("redis://h?password=hunter2", "set usernameFrom and passwordSecretRef", id="password"),
        pytest.param("redis://h?socket_timeout=5", "the app's broker_transport_options", id="of-the-app"),
        pytest.param("redis://h?ssl_cert_reqs=required", "has the parameter ssl_cert_reqs", id="without-tls"),
        pytest.param("redis://h?hunter2=1", "a parameter that is not supported", id="unknown-is-not-shown"),
        pytest.param("redis://h?hunter2", "a parameter that is not supported", id="rest-of-a-password"),
        pytest.param("valkey://:hunter2@h", r"valkey:// URL, .* Use redis://: a Valkey speaks", id="valkey"),
        pytest.param("valkeys://:hunter2@h", r"valkeys:// URL, .* Use rediss://", id="valkeys"),
    ],
)
def test_parameter_that_a_field_says_is_refused_with_the_field(url: str, sentence: str) -> None:
    with pytest.raises(AddressError, match=sentence) as refusal:
        target_in({"redis": secret(url=url)}, external())
    assert refusal.value.reason == BrokerReason.INVALID_URL
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("value", ["required", "CERT_REQUIRED", "optional"])
def test_parameter_that_says_what_holds_anyway_is_understood(value: str) -> None:
    target = target_in({"redis": secret(url=f"rediss://:p@h/1?ssl_cert_reqs={value}")}, external())
    assert (target.endpoint, target.database) == ("h:6379", 1)
    assert target.tls is not None
    assert target.tls.verify


def test_certificates_that_are_none(certificates: Certificates) -> None:
    url = secret(url="rediss://h")
    for text in ("", "no PEM", certificates.text("client.key")):
        with pytest.raises(AddressError, match=r"'ca\.crt' of Secret 'ca' does not contain a CA") as refusal:
            target_in({"redis": url, "ca": secret(ca_crt=text)}, external(**CA))
        assert refusal.value.reason == BrokerReason.INVALID_CERTIFICATE
    other_key = secret(tls_crt=certificates.text("client.crt"), tls_key=certificates.text("server.key"))
    with pytest.raises(AddressError, match="do not contain a certificate and its private key"):
        target_in({"redis": url, "client": other_key}, external(**CLIENT))
    without_key = secret(tls_crt=certificates.text("client.crt"))
    with pytest.raises(AddressError, match=r"'client' has no key 'tls.key'"):
        target_in({"redis": url, "client": without_key}, external(**CLIENT))


def test_bundle_with_comments_in_any_language_is_taken(certificates: Certificates) -> None:
    bundle = f"# Főtanúsítvány\n{certificates.unknown_ca}\n# and ours\n{certificates.ca}"
    secrets: dict[str, Object | None] = {"redis": secret(url="rediss://h"), "ca": secret(ca_crt=bundle)}
    assert target_in(secrets, external(**CA)).tls is not None


def test_private_key_is_in_no_file(certificates: Certificates, tmp_path: Path) -> None:
    client = secret(tls_crt=certificates.text("client.crt"), tls_key=certificates.text("client.key"))
    before = set(tmp_path.parent.iterdir())
    assert target_in({"redis": secret(url="rediss://h"), "client": client}, external(**CLIENT)).tls
    assert set(tmp_path.parent.iterdir()) == before
