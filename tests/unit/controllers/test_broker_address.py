"""What a Secret's value may be, and what is told of one that is of no use: never the value."""

import base64

import pytest

from taskfleet.api import Object
from taskfleet.api.reasons import BrokerReason, Reason
from taskfleet.controllers.broker_address import AddressError, address_in


def secret(value: str | bytes) -> Object:
    encoded = base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    return {"data": {"url": encoded}}


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        pytest.param("redis://host", "host:6379", id="default-port"),
        pytest.param("redis://host:6380/2", "host:6380", id="port-and-database"),
        pytest.param("redis://user:p%40ss@host:6380/0", "host:6380", id="credentials-are-not-shown"),
        pytest.param("redis://:hunter2@[::1]:6380/0", "[::1]:6380", id="ipv6"),
    ],
)
def test_usable_url(url: str, endpoint: str) -> None:
    address = address_in(secret(url), name="redis", key="url")
    assert (address.url, address.endpoint) == (url, endpoint)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        pytest.param(None, BrokerReason.SECRET_MISSING, id="no-secret"),
        pytest.param({}, BrokerReason.SECRET_MISSING, id="empty-secret"),
        pytest.param({"data": {"other": "eA=="}}, BrokerReason.SECRET_MISSING, id="no-key"),
        pytest.param({"data": {"url": "%%%"}}, BrokerReason.INVALID_URL, id="no-base64"),
        pytest.param(secret(b"\xff\xfe"), BrokerReason.INVALID_URL, id="no-text"),
        pytest.param(secret(""), BrokerReason.INVALID_URL, id="empty"),
        pytest.param(secret("hunter2"), BrokerReason.INVALID_URL, id="no-url"),
        pytest.param(secret("http://hunter2@host"), BrokerReason.INVALID_URL, id="another-scheme"),
        pytest.param(secret("redis://:hun/ter2@host:1/0"), BrokerReason.INVALID_URL, id="unescaped-slash"),
        pytest.param(secret("redis://:hun#ter2@host:1/0"), BrokerReason.INVALID_URL, id="unescaped-hash"),
        pytest.param(secret("redis://:hunter2@/0"), BrokerReason.INVALID_URL, id="no-host"),
        pytest.param(secret("redis://:hunter2@host/0\n"), BrokerReason.INVALID_URL, id="line-end"),
        pytest.param(secret("redis://:hunter2@host/a"), BrokerReason.INVALID_URL, id="database-by-name"),
        pytest.param(secret("redis://:hunter2@host/0?x=1"), BrokerReason.INVALID_URL, id="parameters"),
        pytest.param(secret("rediss://:hunter2@host/0"), Reason.NOT_IMPLEMENTED, id="tls"),
        pytest.param(secret("amqp://u:hunter2@host//"), Reason.NOT_IMPLEMENTED, id="amqp"),
        pytest.param(secret("sentinel://:hunter2@host"), Reason.NOT_IMPLEMENTED, id="sentinel"),
    ],
)
def test_unusable_value_is_named_by_its_key_and_never_shown(value: Object | None, reason: str) -> None:
    with pytest.raises(AddressError) as refusal:
        address_in(value, name="redis", key="url")
    assert refusal.value.reason == reason
    told = str(refusal.value)
    assert "'redis'" in told
    assert "'url'" in told
    assert "hun" not in told
    assert "ter2" not in told
    assert refusal.value.__cause__ is None
